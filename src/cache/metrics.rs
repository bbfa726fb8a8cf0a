//! The counters of flights, and of the gzip forms of bodies.

use prometheus::IntCounter;

use crate::metrics::Registry;

/// The counters of the cache.
#[derive(Debug)]
pub struct CacheMetrics {
    made: [IntCounter; 2],
    dropped: IntCounter,
    /// Requests that shared the flight of another one.
    pub(super) followers: IntCounter,
}

impl CacheMetrics {
    /// Counters at zero.
    pub fn new(registry: &Registry) -> Self {
        Self {
            made: registry.counters(
                "svm_gzip_made_total",
                "Bodies that were compressed in the background, by whether it pays",
                "result",
                ["smaller", "no-smaller"],
            ),
            dropped: registry.counter(
                "svm_gzip_dropped_total",
                "Bodies that were not compressed because too many waited",
            ),
            followers: registry.counter(
                "svm_flight_followers_total",
                "Requests that shared the upstream call of another one",
            ),
        }
    }

    /// A body was compressed; whether its form is smaller by enough.
    pub(super) fn compressed(&self, pays: bool) {
        self.made[usize::from(!pays)].inc();
    }

    /// A body was not compressed: too many waited.
    pub(super) fn uncompressed(&self) {
        self.dropped.inc();
    }

    /// Bodies compressed so far: those with a smaller form, and those without.
    #[cfg(test)]
    pub(super) fn all_made(&self) -> [u64; 2] {
        [self.made[0].get(), self.made[1].get()]
    }

    /// Bodies dropped so far.
    #[cfg(test)]
    pub(super) fn all_dropped(&self) -> u64 {
        self.dropped.get()
    }
}
