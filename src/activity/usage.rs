//! The stamp beside an entry in L1.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The last use of a document, and the number of its uses since the last sweep.
#[derive(Debug, Default)]
pub struct Usage {
    used_at: AtomicU64,
    uses: AtomicU32,
    /// The number of the sweep for which a check was last requested.
    wanted_in: AtomicU32,
}

impl Usage {
    /// Records a use now, by plain loads and stores. Of two concurrent uses, one may not be
    /// counted; an atomic addition would count both, but its bus lock costs more.
    pub fn mark(&self, now: Timestamp) {
        self.used_at.store(now.as_millis(), Ordering::Relaxed);
        self.uses.store(self.uses.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }

    /// Records a use at this time, by this process before its restart or by another process.
    pub(super) fn record_use(&self, at: Timestamp) {
        self.used_at.fetch_max(at.as_millis(), Ordering::Relaxed);
    }

    /// Returns true if the document was ever served.
    pub fn is_used(&self) -> bool {
        self.used_at() > Timestamp::default()
    }

    /// Returns when the document was last served; the epoch if it never was.
    pub(super) fn used_at(&self) -> Timestamp {
        Timestamp::from_millis(self.used_at.load(Ordering::Relaxed))
    }

    /// Requests a check of the document in this sweep. Returns true for the first request.
    pub(super) fn want_check(&self, sweep: u32) -> bool {
        self.wanted_in.load(Ordering::Relaxed) != sweep
            && self.wanted_in.swap(sweep, Ordering::Relaxed) != sweep
    }

    /// Returns how often the document was served since [`Self::take_uses`] was last called.
    pub(super) fn uses(&self) -> u32 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Returns how often the document was served since the last call.
    pub(super) fn take_uses(&self) -> u32 {
        self.uses.swap(0, Ordering::Relaxed)
    }
}
