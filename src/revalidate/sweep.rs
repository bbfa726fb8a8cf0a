//! One sweep: workers that take due documents one by one and have them revalidated, each in its turn.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::time::sleep;

use super::Parts;
use super::outcome::{Outcome, Skipped, Tally};
use super::pace::{Pace, Rates};
use super::plan::{Next, Plan, leeway};
use crate::cache::Entry;
use crate::clock::Stopwatch;
use crate::store::{Claim, Claimed};
use crate::target::{Key, Target};

/// How long the store may take to grant a lease.
const CLAIM_LIMIT: Duration = Duration::from_secs(1);

/// A sweep under way.
pub(super) struct Sweep<'a> {
    parts: &'a Parts,
    plan: Mutex<Plan>,
    rates: Rates,
    pace: &'a Pace,
    began: Stopwatch,
    tally: Tally,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(parts: &'a Parts, plan: Plan, rates: Rates, pace: &'a Pace) -> Self {
        let (began, tally) = (Stopwatch::start(), Tally::default());
        Self { parts, plan: Mutex::new(plan), rates, pace, began, tally }
    }

    /// Goes on until nothing is left to do, or the time is over: what is left then waits for the next sweep.
    pub(super) async fn run(self) -> Tally {
        join_all((0..self.rates.workers).map(|_| self.work())).await;
        let late = self.plan.lock().len();
        self.count(Outcome::Skipped(Skipped::Late), late);
        self.tally
    }

    async fn work(&self) {
        while let Some(key) = self.next().await {
            let Some(wait) = self.pace.turn(self.rates.spacing, self.left()) else {
                self.count(Outcome::Skipped(Skipped::Late), 1);
                return self.give_up(Skipped::Late);
            };
            sleep(wait).await;
            let turn = Stopwatch::start();
            self.take_turn(key).await;
            let pause = self.rates.per_worker.saturating_sub(turn.elapsed());
            sleep(pause.min(self.left())).await;
        }
    }

    /// The next document, once it is due.
    async fn next(&self) -> Option<Key> {
        loop {
            let left = self.left();
            if left.is_zero() {
                return None;
            }
            if let Some(key) = self.parts.activity.next_overdue() {
                return Some(key);
            }
            let now = self.parts.clock.now();
            let next = self.plan.lock().next(now);
            match next {
                Next::Revalidate(key) => return Some(key),
                Next::Wait(until) => sleep(until.since(now).min(left)).await,
                Next::Done => return None,
            }
        }
    }

    /// Revalidates a document; one that needs no call leaves its turn to the next.
    async fn take_turn(&self, key: Key) {
        let mut key = key;
        loop {
            let outcome = self.revalidate(key).await;
            self.count(outcome, 1);
            match outcome {
                // What holds for this one holds for all that are left.
                Outcome::Skipped(reason @ (Skipped::Quota | Skipped::Late)) => {
                    return self.give_up(reason);
                }
                Outcome::Skipped(_) => {}
                _ => return,
            }
            let Next::Revalidate(next) = self.plan.lock().next(self.parts.clock.now()) else {
                return;
            };
            key = next;
        }
    }

    async fn revalidate(&self, key: Key) -> Outcome {
        let Parts { cache, activity, tokens, policy, clock, .. } = self.parts;
        let Ok(stored) = cache.stored(key).await else {
            return Outcome::Skipped(Skipped::Unread);
        };
        let Some(entry) = stored.filter(|entry| !entry.is_negative()) else {
            activity.is_without_body(key);
            return Outcome::Skipped(Skipped::NoBody);
        };
        let Ok(target) = Target::parse(&entry.url, policy) else {
            activity.is_without_body(key);
            return Outcome::Skipped(Skipped::Refused);
        };
        if self.is_recent(&entry) {
            return Outcome::Skipped(Skipped::Checked);
        }
        if !tokens.has_quota_to_spare(clock.now()) {
            return Outcome::Skipped(Skipped::Quota);
        }
        match self.claim(&entry).await {
            Claimed::Granted { wait } => sleep(wait).await,
            Claimed::Taken => return Outcome::Skipped(Skipped::Leased),
            Claimed::Crowded => return Outcome::Skipped(Skipped::Late),
        }
        Outcome::of(&*cache.revalidate(&target).await)
    }

    /// Whether the entry was checked meanwhile, for a client; a check from the future says nothing.
    fn is_recent(&self, entry: &Entry) -> bool {
        let interval = self.parts.config.interval;
        let (now, checked_at) = (self.parts.clock.now(), entry.times.checked_at);
        checked_at <= now && now.since(checked_at) < interval - leeway(interval)
    }

    /// Asks the other replicas, if the body is one that they can have from the store. Without an answer there is
    /// nobody to wait for.
    async fn claim(&self, entry: &Arc<Entry>) -> Claimed {
        let alone = Claimed::Granted { wait: Duration::ZERO };
        if !entry.is_persistable() {
            return alone;
        }
        let interval = self.parts.config.interval;
        let claim = Claim {
            key: entry.key(),
            lease: interval - leeway(interval) * 2,
            spacing: self.rates.spacing,
            patience: self.left(),
        };
        let claimed = self.parts.store.within(CLAIM_LIMIT, |store| store.claim(claim));
        claimed.await.unwrap_or(alone)
    }

    /// Leaves what is left to the next sweep.
    fn give_up(&self, reason: Skipped) {
        let left = self.plan.lock().clear();
        self.count(Outcome::Skipped(reason), left);
    }

    fn count(&self, outcome: Outcome, documents: usize) {
        self.tally.add(outcome, documents);
        self.parts.metrics.swept(outcome, documents);
    }

    /// How much of the interval is left.
    fn left(&self) -> Duration {
        self.parts.config.interval.saturating_sub(self.began.elapsed())
    }
}
