//! The counters of calls to the persistent tier, and gauges of its state.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge};

use crate::metrics::Registry;
use crate::words::words;

/// Seconds; the budget of a read is 25 ms.
const SECONDS: &[f64] = &[0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025];

words! {
    /// The result of a read of the persistent tier.
    pub(super) enum StoreRead {
        /// It had the entry.
        Hit = "hit",
        /// It had none.
        Miss = "miss",
        /// It failed, or its record could not be used.
        Error = "error",
        /// It did not answer within the budget.
        Timeout = "timeout",
        /// It was not asked, since the breaker is open.
        Skipped = "skipped",
    }
}

/// The counters and gauges of the persistent tier.
#[derive(Debug)]
pub struct StoreMetrics {
    reads: [IntCounter; StoreRead::ALL.len()],
    read_seconds: Histogram,
    /// Calls about the documents in use that gave nothing.
    pub(super) index_errors: IntCounter,
    up: IntGauge,
    breaker_open: IntGauge,
    breaker_opened: IntCounter,
}

impl StoreMetrics {
    /// Those of a store that is up, behind a closed breaker.
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
                "1 while the persistent tier is left alone because its reads failed",
            ),
            breaker_opened: registry
                .counter("svm_l2_breaker_opened_total", "Times that the breaker opened"),
        };
        metrics.up.set(1);
        metrics
    }
}

impl StoreMetrics {
    /// Counts a read of the persistent tier.
    pub(super) fn read(&self, result: StoreRead, took: Duration) {
        self.reads[result as usize].inc();
        self.read_seconds.observe(took.as_secs_f64());
    }

    /// Counts a read that was not made.
    pub(super) fn read_skipped(&self) {
        self.reads[StoreRead::Skipped as usize].inc();
    }

    /// Sets the state that the probe has found.
    pub(super) fn set_up(&self, up: bool) {
        self.up.set(up.into());
    }

    /// The breaker has opened or closed.
    pub(super) fn set_breaker_open(&self, open: bool) {
        self.breaker_open.set(open.into());
        if open {
            self.breaker_opened.inc();
        }
    }
}
