//! A semaphore whose number of permits changes while they are in use.
//!
//! Tokio's can be made smaller by its free permits alone. The rest is a debt here, which
//! returned permits pay before a waiter gets one again. One lock orders the
//! changes of size and the permits given back; nobody waits while holding it.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Permits, of which there may be more or fewer later.
#[derive(Debug)]
pub(super) struct Resizable {
    semaphore: Semaphore,
    ledger: Mutex<Ledger>,
}

/// The number of permits that there should be, and the number of those that are too many.
#[derive(Debug)]
struct Ledger {
    size: usize,
    debt: usize,
}

/// One permit, for as long as it is held.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    of: &'a Resizable,
    /// Taken when it is given back.
    permit: Option<SemaphorePermit<'a>>,
}

impl Resizable {
    pub(super) fn new(size: usize) -> Self {
        let ledger = Mutex::new(Ledger { size, debt: 0 });
        Self { semaphore: Semaphore::new(size), ledger }
    }

    /// Waits for a permit, in the order in which it was asked for.
    pub(super) async fn acquire(&self) -> Permit<'_> {
        loop {
            // An error would mean that the semaphore is closed, which nobody does.
            let permit = self.semaphore.acquire().await.ok();
            if self.is_free_of_debt() {
                return Permit { of: self, permit };
            }
            // It went from hand to hand past the ledger, or was on its way when the size shrank.
            drop(Permit { of: self, permit });
        }
    }

    /// Changes how many permits there are. Those in use stay in use: as long as they are more than
    /// that, what is given back is gone.
    pub(super) fn resize(&self, size: usize) {
        let mut ledger = self.ledger.lock();
        if size < ledger.size {
            let surplus = ledger.size - size;
            ledger.debt += surplus - self.semaphore.forget_permits(surplus);
        } else {
            let more = size - ledger.size;
            let paid = more.min(ledger.debt);
            ledger.debt -= paid;
            self.semaphore.add_permits(more - paid);
        }
        ledger.size = size;
    }

    fn is_free_of_debt(&self) -> bool {
        self.ledger.lock().debt == 0
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut ledger = self.of.ledger.lock();
        let Some(permit) = self.permit.take() else { return };
        if ledger.debt > 0 {
            ledger.debt -= 1;
            permit.forget();
        } else {
            // While the ledger is locked, so that no change of size misses it.
            drop(permit);
        }
    }
}

#[cfg(test)]
mod tests;
