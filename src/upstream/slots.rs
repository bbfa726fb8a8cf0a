//! The slots for exchanges: bounds on the number that run at once, in total, per host, in the
//! background and with a token.
//!
//! The number of slots is constant, and no host takes the last quarter from the others. An exchange
//! with a token first passes the window, which shrinks after limits; while it waits there, it holds
//! no permit that exchanges without a token need. A slot is for one host: a redirect to another
//! host requires another slot.

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
    /// The priority of an exchange.
    pub enum Priority {
        /// A client waits for it.
        Foreground = "foreground",
        /// No client waits for it.
        Background = "background",
    }
}

/// The slots for exchanges.
#[derive(Debug)]
pub(super) struct Slots {
    queue: SlotQueue,
    all: Shared,
    /// The permits of exchanges with a token, taken before those of the window, so that no host
    /// takes the whole window.
    with_token: Shared,
    paced: Paced,
    window: Mutex<Window>,
}

/// The permits that hosts share.
#[derive(Debug)]
struct Shared {
    permits: HostPermits,
    /// The permits that the background may hold.
    background: HostPermits,
}

/// The permits of the window.
#[derive(Debug)]
struct Paced {
    permits: Resizable,
    /// The permits that the background may hold.
    background: Resizable,
}

/// One slot, for as long as it is held.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    /// The host of the slot.
    host: Box<str>,
    _shared: Vec<HostPermit<'a>>,
    _paced: Vec<Permit<'a>>,
    /// The epoch of the window when the slot was taken, if it is in the window.
    epoch: Option<Epoch>,
}

/// The error of a full queue.
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

    /// Waits for a slot at a host, unless too many exchanges wait there already. The caller's
    /// deadline covers the wait.
    ///
    /// The permits of a slot are taken in a fixed order, and an exchange that waits for one holds
    /// no later one, so exchanges cannot deadlock.
    pub(super) async fn take(
        &self,
        priority: Priority,
        host: &str,
        with_token: bool,
    ) -> Result<Slot<'_>, QueueFull> {
        let _waiting = self.queue.join(host).ok_or(QueueFull)?;
        let (mut shared, mut paced) = (Vec::new(), Vec::new());
        // The background first waits for permits of its own halves, so that it holds none of the
        // common permits meanwhile.
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
            // Read before the last permit, so that a slow-down in between applies to this slot.
            epoch = Some(self.window.lock().epoch());
        }
        shared.push(self.all.permits.acquire(host).await);
        Ok(Slot { host: host.into(), _shared: shared, _paced: paced, epoch })
    }

    /// Returns true if the slot is for this host, and was taken after the last slow-down. A
    /// slow-down does not concern a slot without a token.
    pub(super) fn is_good_for(&self, slot: &Slot<'_>, host: &str) -> bool {
        *slot.host == *host && slot.epoch.is_none_or(|epoch| epoch == self.window.lock().epoch())
    }

    /// Shrinks the window to one exchange with a token at a time.
    pub(super) fn slow_down(&self) {
        self.change(Window::slow_down);
    }

    /// Records that an exchange in this slot showed that its token is accepted.
    pub(super) fn succeeded(&self, slot: &Slot<'_>) {
        if let Some(epoch) = slot.epoch {
            self.change(|window| window.succeeded(epoch));
        }
    }

    /// Returns how many exchanges with a token may run at once.
    pub(super) fn window(&self) -> usize {
        self.window.lock().size()
    }

    /// Changes the window and resizes its permits under one lock, so that changes stay in order.
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

/// Returns the share of the background. Clients wait for at most this many of its exchanges.
fn half(count: usize) -> usize {
    (count / 2).max(1)
}

#[cfg(test)]
mod tests;
