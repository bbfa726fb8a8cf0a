//! Sweeps of the background revalidation, and what they come to.

use std::time::Duration;

use prometheus::{Counter, IntCounter};

use crate::revalidate::{Outcome, Skipped};

use super::Counters;
use super::families::Families;

pub(super) struct Revalidate {
    runs: IntCounter,
    seconds: Counter,
    due: IntCounter,
    adopted: IntCounter,
    done: [IntCounter; Outcome::ASKED.len()],
    skipped: [IntCounter; Skipped::ALL.len()],
}

impl Revalidate {
    pub(super) fn new(families: &Families<'_>) -> Self {
        Self {
            runs: families.counter("svm_revalidate_runs_total", "Background revalidation sweeps"),
            seconds: families.seconds("svm_revalidate_seconds_total", "Time of all sweeps"),
            due: families.counter(
                "svm_revalidate_due_total",
                "Documents that a sweep found to be due before the next one",
            ),
            adopted: families.counter(
                "svm_revalidate_adopted_total",
                "Entries that were brought up to date by what another replica had found out",
            ),
            done: families.counters(
                "svm_revalidate_done_total",
                "Documents that a sweep had revalidated, by result",
                "result",
                Outcome::ASKED.map(Outcome::as_str),
            ),
            skipped: families.counters(
                "svm_revalidate_skipped_total",
                "Due documents that a sweep did not ask about, by reason",
                "reason",
                Skipped::ALL.map(Skipped::as_str),
            ),
        }
    }
}

impl Counters {
    /// A sweep has begun.
    pub fn sweep_planned(&self, due: usize, adopted: usize) {
        self.revalidate.due.inc_by(due as u64);
        self.revalidate.adopted.inc_by(adopted as u64);
    }

    /// A sweep has dealt with so many documents.
    pub fn swept(&self, outcome: Outcome, documents: usize) {
        let Revalidate { done, skipped, .. } = &self.revalidate;
        let counter = match outcome {
            Outcome::Unchanged => &done[0],
            Outcome::Changed => &done[1],
            Outcome::Gone => &done[2],
            Outcome::Failed => &done[3],
            Outcome::Skipped(reason) => &skipped[reason as usize],
        };
        counter.inc_by(documents as u64);
    }

    /// A sweep has ended.
    pub fn sweep_ended(&self, took: Duration) {
        self.revalidate.runs.inc();
        self.revalidate.seconds.inc_by(took.as_secs_f64());
    }
}
