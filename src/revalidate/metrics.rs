//! The counters of the background revalidation.

use std::time::Duration;

use prometheus::{Counter, IntCounter};

use crate::metrics::Registry;

use super::outcome::{CheckAnswer, CheckOutcome, Skipped};

/// The counters of sweeps.
#[derive(Debug)]
pub struct SweepMetrics {
    runs: IntCounter,
    seconds: Counter,
    due: IntCounter,
    adopted: IntCounter,
    done: [IntCounter; CheckAnswer::ALL.len()],
    skipped: [IntCounter; Skipped::ALL.len()],
}

impl SweepMetrics {
    /// Registers the counters.
    pub fn new(registry: &Registry) -> Self {
        Self {
            runs: registry.counter("svm_revalidate_runs_total", "Background revalidation sweeps"),
            seconds: registry.seconds("svm_revalidate_seconds_total", "Time of all sweeps"),
            due: registry.counter(
                "svm_revalidate_due_total",
                "Documents that a sweep found to be due before the next one",
            ),
            adopted: registry.counter(
                "svm_revalidate_adopted_total",
                "Entries that were brought up to date by what another replica had found out",
            ),
            done: registry.counters(
                "svm_revalidate_done_total",
                "Documents that a sweep had revalidated, by result",
                "result",
                CheckAnswer::ALL.map(CheckAnswer::as_str),
            ),
            skipped: registry.counters(
                "svm_revalidate_skipped_total",
                "Due documents that a sweep did not check, by reason",
                "reason",
                Skipped::ALL.map(Skipped::as_str),
            ),
        }
    }

    /// Counts due documents, and entries that were brought up to date.
    pub(super) fn planned(&self, due: usize, adopted: usize) {
        self.due.inc_by(due as u64);
        self.adopted.inc_by(adopted as u64);
    }

    /// Counts documents with an outcome.
    pub(super) fn swept(&self, outcome: CheckOutcome, documents: usize) {
        let counter = match outcome {
            CheckOutcome::Asked(answer) => &self.done[answer as usize],
            CheckOutcome::Skipped(reason) => &self.skipped[reason as usize],
        };
        counter.inc_by(documents as u64);
    }

    /// Counts the end of a sweep.
    pub(super) fn ended(&self, took: Duration) {
        self.runs.inc();
        self.seconds.inc_by(took.as_secs_f64());
    }
}
