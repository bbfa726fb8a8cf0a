//! The records that the background keeps for the status page: samples of the counters, and a survey
//! of the documents. A request for the page reads the records and never walks over the documents.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::sleep;

use crate::cache::{Cache, Survey};
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::metrics::{Registry, Totals};

use super::history::{Counts, History};

/// The interval at which the background reads the clock. A timer for the next sample would not
/// follow a clock that a test moves.
const TICK: Duration = Duration::from_millis(250);
/// The pause after a survey, per document that the survey walked over: some hundred times as long
/// as the walk takes.
const PAUSE: Duration = Duration::from_micros(50);

/// The records. The background writes them, and the page reads them.
pub struct StatusRecords {
    started_at: Timestamp,
    registry: Registry,
    cache: Cache,
    clock: Clock,
    history: Mutex<History>,
    sweeps: Mutex<Sweeps>,
    survey: Mutex<Arc<Survey>>,
}

/// The work of the sweeps since the start, in documents.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Sweeps {
    /// The number of sweeps.
    pub(super) sweeps: u64,
    /// The documents that were due.
    pub(super) due: u64,
    /// The due documents that were checked.
    pub(super) checked: u64,
    /// The documents whose check was adopted from another replica.
    pub(super) adopted: u64,
    /// The due documents that a sweep skipped.
    pub(super) skipped: u64,
}

impl Sweeps {
    fn of(totals: &Totals) -> Self {
        Self {
            sweeps: totals.sum("svm_revalidate_runs_total"),
            due: totals.sum("svm_revalidate_due_total"),
            checked: totals.sum("svm_revalidate_done_total"),
            adopted: totals.sum("svm_revalidate_adopted_total"),
            skipped: totals.sum("svm_revalidate_skipped_total"),
        }
    }
}

impl StatusRecords {
    /// Starts with empty records.
    pub fn new(registry: Registry, cache: Cache, clock: Clock) -> Self {
        Self {
            started_at: clock.now(),
            registry,
            cache,
            clock,
            history: Mutex::default(),
            sweeps: Mutex::default(),
            survey: Mutex::default(),
        }
    }

    /// Keeps the records up to date until the caller drops the future.
    pub async fn run(&self) {
        let (mut pause, mut since_survey) = (Duration::ZERO, Stopwatch::start());
        loop {
            if self.history.lock().is_due(self.clock.now()) {
                self.sample();
                if since_survey.elapsed() >= pause {
                    let survey = self.cache.survey().await;
                    let walked = u32::try_from(survey.walked).unwrap_or(u32::MAX);
                    (pause, since_survey) = (PAUSE * walked, Stopwatch::start());
                    *self.survey.lock() = Arc::new(survey);
                }
            }
            sleep(TICK).await;
        }
    }

    fn sample(&self) {
        let totals = self.registry.totals();
        self.history.lock().note(self.clock.now(), Counts::of(&totals));
        *self.sweeps.lock() = Sweeps::of(&totals);
    }

    pub(super) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Passes the samples to `read`, under their lock.
    pub(super) fn with_history<T>(&self, read: impl FnOnce(&History) -> T) -> T {
        read(&self.history.lock())
    }

    pub(super) fn sweeps(&self) -> Sweeps {
        *self.sweeps.lock()
    }

    pub(super) fn survey(&self) -> Arc<Survey> {
        Arc::clone(&self.survey.lock())
    }
}
