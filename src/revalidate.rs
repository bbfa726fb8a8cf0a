//! The background revalidation: sweeps that check the documents in use, so that clients find them
//! fresh.
//!
//! A sweep saves the documents in use, adopts the checks of other replicas, plans the due
//! documents, and revalidates them with the same flights as the foreground, evenly over the
//! interval. It stops when the tokens run low: the rest of the quota belongs to clients. The flight
//! decides the meaning of an answer.
//!
//! Replicas that share a store share the work by leases. If the store fails and grants no lease,
//! each replica works alone. A lease ends before its document is due again, so a lost lease costs
//! one call and blocks nothing. A replica that gets no usable answer gives its lease back, so that
//! one which reaches the upstream checks the document. A replica saves its checks in the index at
//! the end of a sweep, while its leases still last.

mod ceiling;
mod metrics;
mod outcome;
mod pace;
mod plan;
mod saving;
mod sweep;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::task::consume_budget;
use tokio::time::sleep;

use crate::activity::{Activity, Worth};
use crate::cache::Cache;
use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::config::MaxRps;
use crate::store::Guard;
use crate::target::Policy;
use crate::tasks;
use crate::upstream::{TokenPool, Upstream};

pub use metrics::SweepMetrics;
pub use outcome::{CheckAnswer, CheckOutcome, Skipped, SweepTally};

use ceiling::Ceiling;
use pace::{Pace, Pacing};
use plan::{Plan, lateness};
use sweep::Sweep;

/// The time limit for the store to save or to return the documents in use; no client waits for it.
const INDEX_LIMIT: Duration = Duration::from_secs(4);

/// Longer lists are sorted on a worker thread; sorting 100,000 documents takes long.
const PLANNED_AT_ONCE: usize = 1_000;

/// The divisor of the look-back: a use is saved once it is later than the saved one by this part of
/// the look-back.
const WORTH_SAVING: u32 = 100;

/// The number of sweeps between two reads of the index if no other process shares the store; the
/// read shows that the index still exists. A row with only a later check is saved just as often,
/// and at the shutdown; after a kill, svm repeats the checks of these few intervals.
const SWEEPS_PER_READING: u32 = 10;

/// The parts of a revalidator.
pub struct RevalidatorParts {
    /// The intervals and the rates.
    pub config: config::Revalidate,
    /// The most exchanges of the background at once.
    pub slots: usize,
    /// The cache that holds the documents.
    pub cache: Cache,
    /// The documents in use.
    pub activity: Arc<Activity>,
    /// The index, and the leases.
    pub store: Arc<Guard>,
    /// The upstream, which knows its cooldowns and counts the rate limits that it has met.
    pub upstream: Arc<Upstream>,
    /// The tokens, whose quota the checks spend.
    pub tokens: Arc<TokenPool>,
    /// The allowlist in force.
    pub policy: Arc<Policy>,
    /// The clock.
    pub clock: Clock,
    /// The counters.
    pub metrics: SweepMetrics,
}

/// The task that keeps the documents in use up to date.
pub struct Revalidator {
    parts: RevalidatorParts,
    pace: Pace,
    ceiling: Mutex<Ceiling>,
    running: Stopwatch,
}

impl Revalidator {
    /// Creates a revalidator that is not running yet.
    pub fn new(parts: RevalidatorParts) -> Self {
        let ceiling = Mutex::new(Ceiling::new());
        Self { parts, pace: Pace::new(), ceiling, running: Stopwatch::start() }
    }

    /// Sweeps for ever: one sweep per interval, or as soon as the previous one has ended. Dropping
    /// the future leaves running flights to their owner.
    pub async fn run(&self) {
        let store = &self.parts.store;
        let (mut since_thorough, mut losses) = (0, store.losses());
        loop {
            let began = Stopwatch::start();
            let has_lost = mem::replace(&mut losses, store.losses()) != losses;
            let is_thorough = store.is_shared() || has_lost || since_thorough == 0;
            let has_read = self.sweep(is_thorough).await;
            // An index that could not be read is read again at once.
            let goes_on = has_read || !is_thorough;
            since_thorough = if goes_on { (since_thorough + 1) % SWEEPS_PER_READING } else { 0 };
            sleep(self.parts.config.interval.saturating_sub(began.elapsed())).await;
        }
    }

    /// Saves which documents are in use, for other replicas and for the next start.
    pub async fn save(&self) {
        self.save_with(true).await;
    }

    /// Saves as [`Revalidator::save`] does; with `checks`, also rows that have only a later check.
    async fn save_with(&self, checks: bool) {
        let RevalidatorParts { activity, store, clock, config, .. } = &self.parts;
        let worth = Worth { use_moved: config.lookback / WORTH_SAVING, checks };
        saving::save(activity, store, worth, clock.now() - config.lookback).await;
    }

    /// Runs one sweep. A thorough one reads the store's index and saves checks; returns true if it
    /// has read the index.
    async fn sweep(&self, is_thorough: bool) -> bool {
        let RevalidatorParts { config, slots, metrics, .. } = &self.parts;
        let began = Stopwatch::start();
        self.save_with(is_thorough).await;
        let read = if is_thorough { self.adopt().await } else { None };
        let adopted = read.unwrap_or_default();

        let Some(plan) = self.plan().await else { return read.is_some() };
        let due = plan.len();
        metrics.planned(due, adopted);
        let rates = Pacing::new(due, *slots, self.most(), config);
        let tally = Sweep::new(&self.parts, plan, rates, &self.pace).run().await;
        self.save_with(is_thorough).await;
        metrics.ended(began.elapsed());
        report(adopted, &tally, began.elapsed());
        read.is_some()
    }

    /// Returns the limit of requests per second for the next sweep.
    fn most(&self) -> f64 {
        match self.parts.config.max_rps {
            MaxRps::Fixed(rate) => rate,
            MaxRps::Auto => {
                let limits = self.parts.upstream.rate_limits_met();
                self.ceiling.lock().rate(limits, self.running.elapsed())
            }
        }
    }

    /// Returns the plan of this sweep; `None` if planning failed.
    async fn plan(&self) -> Option<Plan> {
        let RevalidatorParts { config, activity, clock, .. } = &self.parts;
        let (interval, now) = (config.interval, clock.now());
        let active = activity.collect(now - config.lookback).await;
        let is_short = active.len() <= PLANNED_AT_ONCE;
        let plan = move || (lateness(&active, interval, now), Plan::new(&active, interval, now));
        let planned = if is_short { Ok(plan()) } else { tasks::blocking(plan).await };
        let (lateness, plan) = planned
            .inspect_err(|error| tracing::error!(%error, "planning of a sweep failed"))
            .ok()?;
        activity.note_lateness(lateness);
        Some(plan)
    }

    /// Adopts the checks of other replicas from the index. Returns how many entries that changed,
    /// or `None` if the store does not answer.
    async fn adopt(&self) -> Option<usize> {
        let RevalidatorParts { cache, activity, store, clock, config, .. } = &self.parts;
        let since = clock.now() - config.lookback;
        let in_use = store.within(INDEX_LIMIT, |store| store.in_use(since));
        let rows = in_use.await?;
        let mut adopted = 0;
        for row in activity.merge(&rows, clock.now(), config.lookback).await {
            let Some(check) = row.check else { continue };
            adopted += usize::from(cache.adopt(row.key, check).await);
            // After a restart, all rows are new and L1 holds no document, so no row gives other
            // tasks a turn.
            consume_budget().await;
        }
        Some(adopted)
    }
}

/// Logs one line per sweep, unless there was nothing to do.
fn report(adopted: usize, tally: &SweepTally, took: Duration) {
    let due = tally.documents();
    if due == 0 && adopted == 0 {
        return;
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(due, adopted, outcomes = %tally, millis, "sweep");
}
