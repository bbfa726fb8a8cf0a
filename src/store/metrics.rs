//! The counters of calls to the persistent tier, and the gauges of its state.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge};

use crate::metrics::Registry;
use crate::words::words;

/// The buckets in seconds. The budget of a read is 25 ms.
const SECONDS: &[f64] = &[0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025];

words! {
    /// The result of a read of the persistent tier.
    pub(super) enum StoreRead {
        /// The store had the entry.
        Hit = "hit",
        /// The store had no entry.
        Miss = "miss",
        /// The read failed, or the record was unusable.
        Error = "error",
        /// The store did not answer within the budget.
        Timeout = "timeout",
        /// The read was not made or not awaited to its end: the breaker is open, too many reads
        /// wait, or the operation before it failed.
        Skipped = "skipped",
    }
}

/// The counters and gauges of the persistent tier.
#[derive(Debug)]
pub struct StoreMetrics {
    reads: [IntCounter; StoreRead::ALL.len()],
    read_seconds: Histogram,
    /// The calls about the documents in use that failed or took too long.
    pub(super) index_errors: IntCounter,
    /// 1 while the store is up, according to the probes.
    pub(super) up: IntGauge,
    breaker_open: IntGauge,
    breaker_opened: IntCounter,
}

impl StoreMetrics {
    /// Registers the metrics. The store starts as up, with a closed breaker.
    pub fn new(registry: &Registry) -> Self {
        let metrics = Self {
            reads: registry.counters(
                "svm_l2_reads_total",
                "Reads of the persistent tier by result",
                "result",
                StoreRead::ALL.map(StoreRead::as_str),
            ),
            read_seconds: registry.histogram(
                "svm_l2_read_duration_seconds",
                "Time of a read of the persistent tier",
                SECONDS,
            ),
            index_errors: registry.counter(
                "svm_l2_index_errors_total",
                "Calls about the documents in use that failed or took too long",
            ),
            up: registry.gauge("svm_l2_up", "1 while the probe can read the persistent tier"),
            breaker_open: registry.gauge(
                "svm_l2_breaker_open",
                "1 while svm does not read the persistent tier because its reads failed",
            ),
            breaker_opened: registry
                .counter("svm_l2_breaker_opened_total", "Times that the breaker opened"),
        };
        metrics.up.set(1);
        metrics
    }

    /// Counts a read and its duration.
    pub(super) fn read(&self, result: StoreRead, took: Duration) {
        self.reads[result as usize].inc();
        self.read_seconds.observe(took.as_secs_f64());
    }

    /// Counts a read that was not made.
    pub(super) fn read_skipped(&self) {
        self.reads[StoreRead::Skipped as usize].inc();
    }

    /// Records that the breaker has opened or closed.
    pub(super) fn set_breaker_open(&self, open: bool) {
        self.breaker_open.set(open.into());
        if open {
            self.breaker_opened.inc();
        }
    }
}
