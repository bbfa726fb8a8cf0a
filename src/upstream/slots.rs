//! The slots of exchanges, which bound how many run at once: of all hosts, of one, of the
//! background, and with a token.
//!
//! The number of slots never changes, and no host takes the last quarter of it from the others. An
//! exchange with a token passes the window first, which limits make small: while it waits there, it
//! holds no permit that exchanges without a token need. A slot is for one host: an exchange that is
//! redirected to another host needs another slot.

mod host_permits;
mod queue;
mod resizable;
mod shares;
mod window;

use parking_lot::Mutex;

use host_permits::{HostPermit, HostPermits};
use queue::SlotQueue;
use resizable::{Permit, Resizable};
use window::{Epoch, Window};

use crate::words::words;

words! {
    /// On whose behalf an exchange runs.
    pub enum Priority {
        /// A client waits for it.
        Foreground = "foreground",
        /// Nobody waits for it.
        Background = "background",
    }
}

/// Slots for exchanges.
#[derive(Debug)]
pub(super) struct Slots {
    queue: SlotQueue,
    all: Shared,
    /// For those with a token, before the window: no host may hold all of it either.
    with_token: Shared,
    paced: Paced,
    window: Mutex<Window>,
}

/// The permits that hosts share.
#[derive(Debug)]
struct Shared {
    permits: HostPermits,
    /// Those that the background may hold.
    background: HostPermits,
}

/// The permits of the window.
#[derive(Debug)]
struct Paced {
    permits: Resizable,
    /// Those that the background may hold.
    background: Resizable,
}

/// One slot, for as long as it is held.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    /// The host for which it is held.
    host: Box<str>,
    _shared: Vec<HostPermit<'a>>,
    _paced: Vec<Permit<'a>>,
    /// The epoch of the window when it was taken, if it is one in the window.
    epoch: Option<Epoch>,
}

/// The refusal of a queue that is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            queue: SlotQueue::default(),
            all: Shared::new(count),
            with_token: Shared::new(count),
            paced: Paced::new(count),
            window: Mutex::new(Window::new(count)),
        }
    }

    /// Waits for a slot at a host, if not too many do. The caller's deadline covers the wait.
    ///
    /// The permits of a slot are taken in one order, and an exchange that waits for one of them
    /// holds none that comes later. So two exchanges never wait for each other.
    pub(super) async fn take(
        &self,
        priority: Priority,
        host: &str,
        with_token: bool,
    ) -> Result<Slot<'_>, QueueFull> {
        let _waiting = self.queue.join(host).ok_or(QueueFull)?;
        let (mut shared, mut paced) = (Vec::new(), Vec::new());
        // The background waits for its halves first, so that it never holds a slot while it waits
        // for one of them.
        if priority == Priority::Background {
            if with_token {
                shared.push(self.with_token.background.acquire(host).await);
                paced.push(self.paced.background.acquire().await);
            }
            shared.push(self.all.background.acquire(host).await);
        }
        let mut epoch = None;
        if with_token {
            shared.push(self.with_token.permits.acquire(host).await);
            paced.push(self.paced.permits.acquire().await);
            // Now, and not with the last permit: a slow-down that comes between concerns this one.
            epoch = Some(self.window.lock().epoch());
        }
        shared.push(self.all.permits.acquire(host).await);
        Ok(Slot { host: host.into(), _shared: shared, _paced: paced, epoch })
    }

    /// Returns true if the slot is at this host, and from after the last slow-down, if that
    /// concerns it.
    pub(super) fn is_good_for(&self, slot: &Slot<'_>, host: &str) -> bool {
        *slot.host == *host && self.is_current(slot)
    }

    /// Returns true if the slot is from after the last slow-down, if that concerns it.
    fn is_current(&self, slot: &Slot<'_>) -> bool {
        slot.epoch.is_none_or(|epoch| epoch == self.window.lock().epoch())
    }

    /// From here on, those with a token go one at a time.
    pub(super) fn slow_down(&self) {
        self.change(Window::slow_down);
    }

    /// An exchange in this slot has shown that its token is welcome.
    pub(super) fn succeeded(&self, slot: &Slot<'_>) {
        if let Some(epoch) = slot.epoch {
            self.change(|window| window.succeeded(epoch));
        }
    }

    /// Returns how many exchanges with a token may run at once.
    pub(super) fn window(&self) -> usize {
        self.window.lock().size()
    }

    /// The permits follow while the window is locked: two changes must not overtake each other.
    fn change(&self, change: impl FnOnce(&mut Window)) {
        let mut window = self.window.lock();
        change(&mut window);
        self.paced.resize(window.size());
    }
}

impl Shared {
    fn new(count: usize) -> Self {
        Self { permits: HostPermits::new(count), background: HostPermits::new(half(count)) }
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
