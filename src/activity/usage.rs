//! The stamp beside an entry in L1.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::clock::Timestamp;

/// The last use of a document, and the number of its uses since the last sweep.
#[derive(Debug, Default)]
pub struct Usage {
    used_at: AtomicU64,
    uses: AtomicU32,
    is_wanted: AtomicBool,
}

impl Usage {
    /// The document is served now. Two plain loads and stores: of two who mark at once one may not
    /// be counted, which is cheaper than the bus lock that would count both.
    pub fn mark(&self, now: Timestamp) {
        self.used_at.store(now.as_millis(), Ordering::Relaxed);
        self.uses.store(self.uses.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }

    /// The document was served then, by this process before its restart or by another one.
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

    /// Has the document checked soon; true for the first who wants that since the last sweep.
    pub(super) fn want_check(&self) -> bool {
        !self.is_wanted.load(Ordering::Relaxed) && !self.is_wanted.swap(true, Ordering::Relaxed)
    }

    /// A sweep begins, in which it may be wanted again.
    pub(super) fn begin_sweep(&self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }

    /// Returns how often it was served since these uses were last taken.
    pub(super) fn uses(&self) -> u32 {
        self.uses.load(Ordering::Relaxed)
    }

    /// Returns how often it was served since this was last asked.
    pub(super) fn take_uses(&self) -> u32 {
        self.uses.swap(0, Ordering::Relaxed)
    }
}
