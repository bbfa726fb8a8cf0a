//! The exchanges that run at once: of all hosts, of one, of the background, and with a token.
//!
//! All share one number of slots, which never changes, and no host takes the last quarter of it
//! from the others. Exchanges with a token have to pass the window first, which limits make small:
//! an exchange that waits there holds none of the slots of all, so that hosts without tokens do not
//! suffer. A place is for one host: an exchange that is redirected to another one needs another.

mod queue;
mod resizable;
mod shares;
mod slots;
mod window;

use parking_lot::Mutex;

use queue::Queue;
use resizable::{Permit, Resizable};
use slots::{Slot, Slots};
use window::{Epoch, Window};

/// On whose behalf an exchange runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A client waits for it.
    Foreground,
    /// Nobody waits for it.
    Background,
}

impl Priority {
    /// Every priority.
    pub const ALL: [Self; 2] = [Self::Foreground, Self::Background];

    /// The word for metric label and log field alike.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
        }
    }
}

/// Places for exchanges.
#[derive(Debug)]
pub(super) struct Places {
    queue: Queue,
    all: Shared,
    /// For those with a token, before the window: no host may hold all of it either.
    with_token: Shared,
    paced: Paced,
    window: Mutex<Window>,
}

/// Slots that hosts share.
#[derive(Debug)]
struct Shared {
    slots: Slots,
    /// Those that the background may hold.
    background: Slots,
}

/// The permits of the window.
#[derive(Debug)]
struct Paced {
    permits: Resizable,
    /// Those that the background may hold.
    background: Resizable,
}

/// One place, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The host for which it is held.
    host: Box<str>,
    _slots: Vec<Slot<'a>>,
    _permits: Vec<Permit<'a>>,
    /// Since when it is held, if it is one in the window.
    epoch: Option<Epoch>,
}

/// More wait for a place than may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crowded;

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            queue: Queue::default(),
            all: Shared::new(count),
            with_token: Shared::new(count),
            paced: Paced::new(count),
            window: Mutex::new(Window::new(count)),
        }
    }

    /// Waits for a place at a host, if not too many do. The caller's deadline covers the wait.
    ///
    /// The parts of a place are taken in one order, and what waits for one of them holds none that
    /// comes later. So two exchanges never wait for each other.
    pub(super) async fn take(
        &self,
        priority: Priority,
        host: &str,
        with_token: bool,
    ) -> Result<Place<'_>, Crowded> {
        let _waiting = self.queue.join(host).ok_or(Crowded)?;
        let (mut slots, mut permits) = (Vec::new(), Vec::new());
        // The background waits for its halves first, so that it never holds a place while it waits
        // for one of them.
        if priority == Priority::Background {
            if with_token {
                slots.push(self.with_token.background.acquire(host).await);
                permits.push(self.paced.background.acquire().await);
            }
            slots.push(self.all.background.acquire(host).await);
        }
        let mut epoch = None;
        if with_token {
            slots.push(self.with_token.slots.acquire(host).await);
            permits.push(self.paced.permits.acquire().await);
            // Now, and not with the last slot: a slow-down that comes between concerns this one.
            epoch = Some(self.window.lock().epoch());
        }
        slots.push(self.all.slots.acquire(host).await);
        Ok(Place { host: host.into(), _slots: slots, _permits: permits, epoch })
    }

    /// Returns true if the place is at this host, and from after the last slow-down, if that
    /// concerns it.
    pub(super) fn is_good_for(&self, place: &Place<'_>, host: &str) -> bool {
        *place.host == *host && self.is_current(place)
    }

    /// Returns true if the place is from after the last slow-down, if that concerns it.
    fn is_current(&self, place: &Place<'_>) -> bool {
        place.epoch.is_none_or(|epoch| epoch == self.window.lock().epoch())
    }

    /// From here on, those with a token go one at a time.
    pub(super) fn slow_down(&self) {
        self.change(Window::slow_down);
    }

    /// An exchange in this place has shown that its token is welcome.
    pub(super) fn succeeded(&self, place: &Place<'_>) {
        if let Some(epoch) = place.epoch {
            self.change(|window| window.succeeded(epoch));
        }
    }

    /// Returns how many exchanges with a token may run at once.
    pub(super) fn window(&self) -> usize {
        self.window.lock().size()
    }

    /// The line follows while the window is locked: two changes must not overtake each other.
    fn change(&self, change: impl FnOnce(&mut Window)) {
        let mut window = self.window.lock();
        change(&mut window);
        self.paced.resize(window.size());
    }
}

impl Shared {
    fn new(count: usize) -> Self {
        Self { slots: Slots::new(count), background: Slots::new(half(count)) }
    }
}

impl Paced {
    fn new(count: usize) -> Self {
        Self { permits: Resizable::new(count), background: Resizable::new(half(count)) }
    }

    fn resize(&self, count: usize) {
        self.permits.resize(count);
        self.background.resize(half(count));
    }
}

/// Returns the share of the background, so that clients find no more than that in front of them.
fn half(count: usize) -> usize {
    (count / 2).max(1)
}

#[cfg(test)]
mod tests;
