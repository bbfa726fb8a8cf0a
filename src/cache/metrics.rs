//! The counters of flights, of claimed losses, and of the gzip forms of bodies.

use prometheus::IntCounter;

use crate::entry::Loss;
use crate::metrics::Registry;

/// The counters of the cache.
#[derive(Debug)]
pub struct CacheMetrics {
    pub(super) made: [IntCounter; 2],
    /// Bodies that were not compressed because the queue was full.
    pub(super) dropped: IntCounter,
    /// Requests that joined the flight of another one.
    pub(super) followers: IntCounter,
    doubted: [IntCounter; Loss::ALL.len()],
    lost: [IntCounter; Loss::ALL.len()],
}

impl CacheMetrics {
    /// Registers the counters.
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
                "Requests that joined the flight of another one",
            ),
            doubted: registry.counters(
                "svm_losses_doubted_total",
                "Answers that claim a loss and were not believed at once",
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

    /// Counts a claimed loss that nothing confirms yet.
    pub(super) fn doubted(&self, loss: Loss) {
        self.doubted[loss as usize].inc();
    }

    /// Counts a confirmed loss.
    pub(super) fn lost(&self, loss: Loss) {
        self.lost[loss as usize].inc();
    }

    /// Counts a compressed body; `pays` tells whether its form is enough smaller.
    pub(super) fn compressed(&self, pays: bool) {
        self.made[usize::from(!pays)].inc();
    }
}
