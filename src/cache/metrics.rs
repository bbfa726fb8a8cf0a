//! The counters of flights, of claimed losses, and of the gzip forms of bodies.

use prometheus::IntCounter;

use crate::entry::Loss;
use crate::metrics::Registry;

/// The counters of the cache.
#[derive(Debug)]
pub struct CacheMetrics {
    pub(super) made: [IntCounter; 2],
    pub(super) dropped: IntCounter,
    /// Requests that shared the flight of another one.
    pub(super) followers: IntCounter,
    doubted: [IntCounter; Loss::ALL.len()],
    lost: [IntCounter; Loss::ALL.len()],
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
            doubted: registry.counters(
                "svm_losses_doubted_total",
                "Answers by which a document is lost that were not believed at once",
                "kind",
                Loss::ALL.map(Loss::as_str),
            ),
            lost: registry.counters(
                "svm_losses_confirmed_total",
                "Losses of documents that were confirmed",
                "kind",
                Loss::ALL.map(Loss::as_str),
            ),
        }
    }

    /// A loss was claimed that nothing confirms yet.
    pub(super) fn doubted(&self, loss: Loss) {
        self.doubted[loss as usize].inc();
    }

    /// A loss was confirmed.
    pub(super) fn lost(&self, loss: Loss) {
        self.lost[loss as usize].inc();
    }

    /// A body was compressed; whether its form is smaller by enough.
    pub(super) fn compressed(&self, pays: bool) {
        self.made[usize::from(!pays)].inc();
    }

    /// A body was not compressed: too many waited.
    pub(super) fn uncompressed(&self) {
        self.dropped.inc();
    }
}
