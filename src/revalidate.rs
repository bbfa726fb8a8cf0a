//! The background revalidation: sweeps over the documents in use, so that clients find them checked.
//!
//! A sweep saves what is known of documents in use, takes over what other replicas have found out, plans which documents
//! are due, and has them revalidated by the same flights as the foreground, evenly over the interval. It stops where
//! the tokens run low: the rest of the quota belongs to clients. It never decides what an answer means; that is the
//! flight's business.
//!
//! Replicas that share a store share the work by leases, and nobody waits for anybody: where a lease cannot be had, for
//! the store is in trouble, each goes on by itself. A lease ends before its document is due again, so one that was lost
//! costs a call and blocks nothing. The checks of a replica are in the index when its sweep is over, while its leases
//! still last.

mod ceiling;
mod interval;
mod outcome;
mod pace;
mod plan;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use crate::activity::Activity;
use crate::cache::Cache;
use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::config::MaxRps;
use crate::metrics::Metrics;
use crate::store::Guard;
use crate::target::Policy;
use crate::upstream::{TokenPool, Upstream};

pub use outcome::{Outcome, Skipped, Tally};

use ceiling::Ceiling;
use pace::{Pace, Rates};
use plan::{Plan, lateness};
use sweep::Sweep;

/// How long the store may take to save or to tell which documents are in use; nobody waits for it.
const INDEX_LIMIT: Duration = Duration::from_secs(4);

/// What a revalidator is made of.
pub struct Parts {
    /// How often, and how fast.
    pub config: config::Revalidate,
    /// How many exchanges the background may hold at once.
    pub places: usize,
    /// Where the documents are.
    pub cache: Cache,
    /// Which documents are in use.
    pub activity: Arc<Activity>,
    /// The index, and the leases.
    pub store: Arc<Guard>,
    /// How often GitHub has limited svm.
    pub upstream: Arc<Upstream>,
    /// Whose quota it spends.
    pub tokens: Arc<TokenPool>,
    /// What may still be asked for.
    pub policy: Arc<Policy>,
    /// The present.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

/// Keeps documents in use up to date.
pub struct Revalidator {
    parts: Parts,
    pace: Pace,
    ceiling: Mutex<Ceiling>,
    running: Stopwatch,
}

impl Revalidator {
    /// A revalidator that has not begun.
    pub fn new(parts: Parts) -> Self {
        let ceiling = Mutex::new(Ceiling::new());
        Self { parts, pace: Pace::new(), ceiling, running: Stopwatch::start() }
    }

    /// Sweeps, an interval apart or as soon as the sweep before has ended; never returns. Dropping it leaves flights to
    /// their owner.
    pub async fn run(&self) {
        loop {
            let began = Stopwatch::start();
            self.sweep().await;
            sleep(self.parts.config.interval.saturating_sub(began.elapsed())).await;
        }
    }

    /// Saves which documents are in use, for the sweeps of other replicas and for those after a restart.
    pub async fn save(&self) {
        let Parts { activity, store, clock, config, .. } = &self.parts;
        let rows: Arc<[_]> = activity.unsaved().into();
        if rows.is_empty() {
            return;
        }
        let cutoff = clock.now() - config.lookback;
        let to_save = Arc::clone(&rows);
        let remembered = store.within(INDEX_LIMIT, |store| store.remember(to_save, cutoff));
        if remembered.await.is_some() {
            activity.saved(&rows);
        }
    }

    async fn sweep(&self) {
        let Parts { config, places, activity, clock, metrics, .. } = &self.parts;
        let began = Stopwatch::start();
        self.save().await;
        let adopted = self.adopt().await;

        let now = clock.now();
        let active = activity.collect(now - config.lookback);
        activity.note_lateness(lateness(&active, config.interval, now));
        let plan = Plan::new(&active, config.interval, now);
        let due = plan.len();
        metrics.sweep_planned(due, adopted);
        let rates = Rates::new(due, *places, self.most(), config);
        let tally = Sweep::new(&self.parts, plan, rates, &self.pace).run().await;
        self.save().await;
        metrics.sweep_ended(began.elapsed());
        report(due, adopted, &tally, began.elapsed());
    }

    /// How many requests a second all may make in the sweep that begins.
    fn most(&self) -> f64 {
        match self.parts.config.max_rps {
            MaxRps::Fixed(rate) => rate,
            MaxRps::Auto => {
                let limits = self.parts.upstream.limits_of_haste();
                self.ceiling.lock().rate(limits, self.running.elapsed())
            }
        }
    }

    /// Learns from the index what other replicas did; returns how many entries that changed here.
    async fn adopt(&self) -> usize {
        let Parts { cache, activity, store, clock, config, .. } = &self.parts;
        let since = clock.now() - config.lookback;
        let in_use = store.within(INDEX_LIMIT, |store| store.in_use(since));
        let Some(rows) = in_use.await else { return 0 };
        let now = clock.now();
        let rows = rows.into_iter().filter_map(|row| row.plausible(now, config.lookback)).collect();
        let mut adopted = 0;
        for row in activity.merge(rows) {
            let Some(check) = row.check else { continue };
            adopted += usize::from(cache.adopt(row.key, check).await);
        }
        adopted
    }
}

/// One line a sweep, unless there was nothing to do.
fn report(due: usize, adopted: usize, tally: &Tally, took: Duration) {
    if due == 0 && adopted == 0 {
        return;
    }
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(due, adopted, outcomes = %tally, millis, "sweep");
}
