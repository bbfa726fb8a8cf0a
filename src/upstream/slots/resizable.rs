//! A semaphore whose size changes while its permits are in use.
//!
//! Tokio's semaphore can shrink only by its free permits. The rest is kept as a debt, and returned
//! permits pay it before a waiter gets one. One lock orders resizes and returns; nothing waits
//! while holding it.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A resizable number of permits.
#[derive(Debug)]
pub(super) struct Resizable {
    semaphore: Semaphore,
    ledger: Mutex<Ledger>,
}

/// The intended number of permits, and the number of excess permits in use.
#[derive(Debug)]
struct Ledger {
    size: usize,
    debt: usize,
}

/// One permit, for as long as it is held.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    of: &'a Resizable,
    /// `Some` until it is returned.
    permit: Option<SemaphorePermit<'a>>,
}

impl Resizable {
    pub(super) fn new(size: usize) -> Self {
        let ledger = Mutex::new(Ledger { size, debt: 0 });
        Self { semaphore: Semaphore::new(size), ledger }
    }

    /// Waits for a permit, in the order of the calls.
    pub(super) async fn acquire(&self) -> Permit<'_> {
        loop {
            // The semaphore is never closed.
            let permit = self.semaphore.acquire().await.ok();
            if self.is_free_of_debt() {
                return Permit { of: self, permit };
            }
            // The permit was released to this waiter without the ledger, or before the size shrank.
            drop(Permit { of: self, permit });
        }
    }

    /// Changes the number of permits. Excess permits in use are destroyed when they are returned.
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
            // The ledger stays locked, so that no resize misses the permit.
            drop(permit);
        }
    }
}

#[cfg(test)]
mod tests;
