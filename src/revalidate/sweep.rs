//! One sweep: workers take due documents one by one and revalidate each in its turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::task::consume_budget;
use tokio::time::sleep;

use super::RevalidatorParts;
use super::outcome::{CheckOutcome, Skipped, SweepTally, is_charged, is_settled, is_unreachable};
use super::pace::{Pace, Pacing};
use super::plan::{Due, Plan, SweepStep, leeway};
use crate::activity::{Mutability, PINNED_INTERVAL, Repositories};
use crate::cache::mutability;
use crate::clock::Stopwatch;
use crate::entry::Entry;
use crate::store::{Claim, Claimed};
use crate::target::{Key, Target};

/// The time limit for the store to grant a lease, or to take it back.
const CLAIM_LIMIT: Duration = Duration::from_secs(1);

/// A sweep under way.
pub(super) struct Sweep<'a> {
    parts: &'a RevalidatorParts,
    plan: Mutex<Plan>,
    rates: Pacing,
    pace: &'a Pace,
    began: Stopwatch,
    tally: SweepTally,
    outages: Mutex<Outages>,
}

/// The checks in a row to which a host gave no answer, and the time since the last one, by host.
type Outages = HashMap<Box<str>, (u32, Stopwatch)>;

/// The checks in a row without an answer after which a replica leaves the documents of a host to
/// the others: each claim would keep a document from them, and no wait limits their number.
const MOST_UNANSWERED: u32 = 3;

/// The time after which one more document of such a host is tried.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The result of a check that needed the upstream.
struct Checked {
    outcome: CheckOutcome,
    is_charged: bool,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        parts: &'a RevalidatorParts,
        plan: Plan,
        rates: Pacing,
        pace: &'a Pace,
    ) -> Self {
        let (began, tally) = (Stopwatch::start(), SweepTally::default());
        let outages = Mutex::default();
        Self { parts, plan: Mutex::new(plan), rates, pace, began, tally, outages }
    }

    /// Runs until no document is left or the time is over; the next sweep takes the rest.
    pub(super) async fn run(self) -> SweepTally {
        join_all((0..self.rates.workers).map(|_| self.work())).await;
        let plan = self.plan.lock();
        let wait_for_quota = plan.wait_for_quota();
        self.count(CheckOutcome::Skipped(Skipped::Budget), wait_for_quota);
        self.count(CheckOutcome::Skipped(Skipped::Late), plan.len() - wait_for_quota);
        drop(plan);
        self.tally
    }

    async fn work(&self) {
        while let Some(due) = self.next().await {
            let Some(wait) = self.pace.turn(self.rates.spacing, self.left()) else {
                self.settle(due, false);
                self.count(CheckOutcome::Skipped(Skipped::Late), 1);
                return self.give_up(Skipped::Late);
            };
            sleep(wait).await;
            let turn = Stopwatch::start();
            self.take_turn(due).await;
            let pause = self.rates.per_worker.saturating_sub(turn.elapsed());
            sleep(pause.min(self.left())).await;
        }
    }

    /// Waits for the next due document and takes it.
    async fn next(&self) -> Option<Due> {
        loop {
            let left = self.left();
            if left.is_zero() {
                return None;
            }
            if let Some(due) = self.next_overdue() {
                return Some(due);
            }
            match self.next_planned() {
                SweepStep::Revalidate(due) => return Some(due),
                SweepStep::Wait(until) => {
                    sleep(until.since(self.parts.clock.now()).min(left)).await;
                }
                SweepStep::Done => return None,
            }
        }
    }

    /// Takes the next document that a client got although its check is overdue. A check that is
    /// likely to be charged, and for which there is no quota now, is left to the plan.
    fn next_overdue(&self) -> Option<Due> {
        let RevalidatorParts { activity, tokens, clock, .. } = self.parts;
        let mut plan = self.plan.lock();
        while !plan.is_given_up() {
            let key = activity.next_overdue()?;
            let is_booked = activity.charges(key).are_likely();
            if is_booked && tokens.take_charge(clock.now()).is_err() {
                continue;
            }
            if !plan.remove(key) {
                self.parts.metrics.planned(1, 0);
            }
            return Some(Due { key, is_booked });
        }
        None
    }

    fn next_planned(&self) -> SweepStep {
        let now = self.parts.clock.now();
        self.plan.lock().next(now, || self.parts.tokens.take_charge(now))
    }

    /// Revalidates a document in its turn; a document that needs no call leaves the turn to the
    /// next.
    async fn take_turn(&self, first: Due) {
        let mut due = first;
        loop {
            let outcome = self.revalidate(due).await;
            self.count(outcome, 1);
            match outcome {
                // The time applies to all remaining documents, and so does the quota, unless only
                // the quota without a token is spent, which few documents need.
                CheckOutcome::Skipped(Skipped::Late) => return self.give_up(Skipped::Late),
                CheckOutcome::Skipped(Skipped::Quota) if !self.has_quota() => {
                    return self.give_up(Skipped::Quota);
                }
                CheckOutcome::Skipped(_) => {}
                CheckOutcome::Asked(_) => return,
            }
            // Thousands of documents in a row may need no call, and so no wait.
            consume_budget().await;
            let SweepStep::Revalidate(next) = self.next_planned() else { return };
            due = next;
        }
    }

    fn has_quota(&self) -> bool {
        let RevalidatorParts { tokens, clock, .. } = self.parts;
        tokens.has_quota_to_spare(clock.now())
    }

    async fn revalidate(&self, due: Due) -> CheckOutcome {
        let checked = self.check(due.key).await;
        let is_charged = checked.as_ref().is_ok_and(|checked| checked.is_charged);
        self.settle(due, is_charged);
        match checked {
            Ok(Checked { outcome, .. }) => {
                if let CheckOutcome::Asked(_) = outcome {
                    let RevalidatorParts { activity, clock, .. } = self.parts;
                    activity.checked(due.key, is_charged, clock.now());
                }
                outcome
            }
            Err(skipped) => CheckOutcome::Skipped(skipped),
        }
    }

    /// Refunds the quota of a check that was booked and not charged.
    fn settle(&self, due: Due, is_charged: bool) {
        if due.is_booked && !is_charged {
            self.parts.tokens.put_back_charge();
        }
    }

    async fn check(&self, key: Key) -> Result<Checked, Skipped> {
        let RevalidatorParts { cache, activity, upstream, tokens, policy, clock, .. } = self.parts;
        let stored = cache.stored(key).await.map_err(|_| Skipped::Unread)?;
        let Some(entry) = stored.filter(|entry| !entry.is_negative()) else {
            activity.mark_bodiless(key);
            return Err(Skipped::NoBody);
        };
        let Ok(target) = Target::parse_name(&entry.url, policy) else {
            activity.mark_bodiless(key);
            return Err(Skipped::Refused);
        };
        self.check_age(&target, &entry)?;
        if !tokens.has_quota_to_spare(clock.now()) {
            return Err(Skipped::Quota);
        }
        // The check may be charged, and clients may add any number of such documents.
        if activity.charges(key).are_unknown() && !tokens.has_charges_left(clock.now()) {
            return Err(Skipped::Budget);
        }
        // Neither a lease nor a turn is taken from the other replicas in vain.
        let needs_token = target.gets_token() && !entry.came_without_token();
        let obstacle = upstream.check_possible(&target, needs_token).err();
        if let Some(skipped) = obstacle.and_then(|failure| Skipped::of(failure.reason)) {
            return Err(skipped);
        }
        if self.is_out_of_reach(&target) {
            return Err(Skipped::Rests);
        }
        match self.claim(&entry).await {
            Claimed::Granted { wait } => sleep(wait).await,
            Claimed::Taken if activity.note_lease(key, clock.now()) >= self.longest_lease() => {}
            Claimed::Taken => return Err(Skipped::Leased),
            Claimed::NoTurn => return Err(Skipped::Late),
        }
        let result = cache.revalidate(&target).await;
        if let Some(entry) = result.entry() {
            activity.note_mutability(key, mutability(&target, entry, clock.now()));
        }
        let outcome = CheckOutcome::of(&result);
        if matches!(outcome, CheckOutcome::Asked(_)) {
            self.note_answer(&target, is_unreachable(&result));
        }
        if !is_settled(&result) {
            self.release(&entry).await;
        }
        let is_charged = target.gets_token() && is_charged(&result, tokens);
        Ok(Checked { outcome, is_charged })
    }

    /// Fails if the entry needs no check: it cannot change, or a client's request caused a check in
    /// the meantime. A check in the future is ignored.
    fn check_age(&self, target: &Target, entry: &Entry) -> Result<(), Skipped> {
        let (now, checked_at) = (self.parts.clock.now(), entry.times.checked_at);
        let mutability = mutability(target, entry, now);
        self.parts.activity.note_mutability(target.key(), mutability);
        self.parts.activity.note_repositories(target.key(), Repositories::of(entry));
        let interval = self.parts.config.interval;
        let is_younger = |age| checked_at.was_within(age, now);
        match mutability {
            Mutability::Immutable => Err(Skipped::Settled),
            Mutability::Pinned if is_younger(PINNED_INTERVAL) => Err(Skipped::Settled),
            _ if is_younger(interval - leeway(interval)) => Err(Skipped::Checked),
            _ => Ok(()),
        }
    }

    /// Claims the document among the replicas, if they can read its body from the store. Without an
    /// answer of the store, the claim counts as granted.
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

    /// Returns the time after which a lease of another replica does not count if no check by that
    /// replica is known here: its clock may be ahead, or it cannot save its checks. It waits for
    /// its turn for an interval at most, and two sweeps later each check is known.
    fn longest_lease(&self) -> Duration {
        self.parts.config.interval * 3
    }

    /// Gives the lease of a document back: another replica may reach the upstream.
    async fn release(&self, entry: &Entry) {
        if entry.is_persistable() {
            let key = entry.key();
            // A lease that stays ends by itself.
            let _ = self.parts.store.within(CLAIM_LIMIT, |store| store.release(key)).await;
        }
    }

    /// Returns true if this replica does not reach the host of a document now, and others may.
    fn is_out_of_reach(&self, target: &Target) -> bool {
        let outages = self.outages.lock();
        let outage = outages.get(target.authority()).filter(|_| self.parts.store.is_shared());
        outage.is_some_and(|(unanswered, since)| {
            *unanswered >= MOST_UNANSWERED && since.elapsed() < TRIED_AGAIN_AFTER
        })
    }

    /// Records whether the host of a document could be reached.
    fn note_answer(&self, target: &Target, is_unreachable: bool) {
        let mut outages = self.outages.lock();
        if is_unreachable {
            let before = outages.get(target.authority()).map_or(0, |(unanswered, _)| *unanswered);
            outages.insert(target.authority().into(), (before + 1, Stopwatch::start()));
        } else {
            outages.remove(target.authority());
        }
    }

    /// Leaves the remaining documents to the next sweep.
    fn give_up(&self, reason: Skipped) {
        let left = self.plan.lock().give_up();
        self.count(CheckOutcome::Skipped(reason), left);
    }

    fn count(&self, outcome: CheckOutcome, documents: usize) {
        self.tally.add(outcome, documents);
        self.parts.metrics.swept(outcome, documents);
    }

    /// Returns the rest of the interval.
    fn left(&self) -> Duration {
        self.parts.config.interval.saturating_sub(self.began.elapsed())
    }
}
