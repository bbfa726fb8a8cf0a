//! The way of a request through the tiers: L1, flight, write-behind queue, L2, upstream.
//!
//! A hit is [`Cache::recall`]: synchronous, one look-up and one comparison. Everything else is a
//! flight. The cache never sees a header of ours, and no error of the store reaches anyone who
//! waits.

mod answer;
mod compressor;
mod confirm;
mod confirmations;
mod due;
mod event_checks;
mod explain;
mod flight;
mod flight_result;
mod lists;
mod memory;
mod metrics;
mod mutability;
mod policy;
mod pushes;
mod release;
mod status;
mod steps;
mod survey;
mod tiers;
pub mod write_behind;

use std::sync::Arc;
use std::time::Duration;

pub use answer::{Answer, Payload};
pub use compressor::Compressor;
pub use confirmations::Confirmations;
pub use explain::{Explanation, Prospect, Tier};
pub use flight::Flights;
pub use flight_result::{ExchangeResult, FlightResult, NotStored};
pub use lists::Lists;
pub use memory::{Held, Level, Memory};
pub use metrics::CacheMetrics;
pub use mutability::mutability;
pub use policy::{Demand, Recall};
pub use pushes::{Delivery, Event, Pushes};
pub use status::{Detail, Forward, Outcome, Status};
pub use steps::WaitTimes;
pub use survey::{HeldState, Survey, Surveyed};
pub use tiers::Tiers;

use flight::{Candidate, CopyUse, Flight, Role, Waited, freely};
use tiers::Lookup;

use crate::clock::{Stopwatch, Timestamp};
use crate::entry::{Check, Entry, Reason, Times};
use crate::store::Unread;
use crate::target::{Key, Target};
use crate::upstream::{Failure, Priority};

/// The tiers and the way through them; clones share them.
#[derive(Clone)]
pub struct Cache(Arc<Tiers>);

impl Cache {
    /// A cache on these tiers.
    pub fn new(tiers: Tiers) -> Self {
        let tiers = Arc::new(tiers);
        tiers.write_behind.recall_from(Arc::downgrade(&tiers));
        Self(tiers)
    }

    /// The answer that L1 can give at once.
    pub fn recall(&self, target: &Target, demand: Demand, now: Timestamp) -> Option<Answer> {
        let tiers = &self.0;
        let held = tiers.memory.get(&target.key())?;
        let outdated = tiers.outdated(target, &held.entry);
        let entry = outdated.as_ref().unwrap_or(&held.entry);
        let answer = match policy::recall(entry, demand, now, &tiers.rules) {
            Recall::Serve(answer) => answer,
            Recall::ServeAndRetry(answer) => {
                let Ok(_flight) =
                    self.join_flight(freely, target, Demand::Cached, Priority::Background);
                answer
            }
            Recall::Ask => return None,
        };
        held.usage.mark(now);
        if policy::is_overdue(&held.entry, now, &tiers.rules) {
            tiers.activity.want_check(target.key(), &held.usage);
        }
        Some(answer)
    }

    /// Has the upstream asked about a document that is stored, on behalf of nobody, and waits for
    /// what it comes to. A flight that it joins may end without asking; then it leads one of its
    /// own.
    pub async fn revalidate(&self, target: &Target) -> Arc<FlightResult> {
        self.revalidate_as(target, Priority::Background).await
    }

    async fn revalidate_as(&self, target: &Target, priority: Priority) -> Arc<FlightResult> {
        loop {
            let Ok((flight, role)) = self.join_flight(freely, target, Demand::Revalidate, priority);
            let facts = match flight.wait(None, |_| CopyUse::Never).await {
                Waited::Done(facts) => facts,
                _ => Arc::new(self.panicked_result(target)),
            };
            match &*facts {
                FlightResult::Found { .. } if role == Role::Follower => {}
                _ => return facts,
            }
        }
    }

    /// Takes over what another replica has found out about a document, if L1 holds an older state
    /// of it; whether it holds another one now. A flight that is under way finds out by itself.
    pub async fn adopt(&self, key: Key, check: Check) -> bool {
        let tiers = Arc::clone(&self.0);
        let now = tiers.clock.now();
        let is_older = |times: &Times| times.checked_at < check.at || times.begin_after(now);
        let older = |entry: &Arc<Entry>| is_older(&entry.times) && !entry.is_negative();
        let Some(held) = tiers.memory.entry(&key).filter(older) else { return false };
        let before = Arc::clone(&held);
        let fly = |_| async move { tiers.adopt(held, check).await };
        let Ok((flight, role)) = self.0.flights.join(freely, key, Priority::Background, fly);
        if role == Role::Follower {
            return false;
        }
        let landing = flight.wait(None, |_| CopyUse::Never).await;
        let Waited::Done(facts) = landing else { return false };
        matches!(&*facts, FlightResult::Found { entry, .. } if !Arc::ptr_eq(entry, &before))
    }

    /// The stored entry of a document, wherever it is; it is not promoted.
    ///
    /// # Errors
    ///
    /// [`Unread`] where only L2 can know, and does not tell.
    pub async fn stored(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        if let Some(entry) = self.0.memory.entry(&key) {
            return Ok(Some(entry));
        }
        match self.0.read_outside_l1(key).await {
            Lookup::Found { entry, .. } => Ok(Some(entry)),
            Lookup::Absent { .. } | Lookup::Unknown(Unread::Unusable) => Ok(None),
            Lookup::Unknown(Unread::Silent) => Err(Unread::Silent),
        }
    }

    /// L1, for the metrics and for its upkeep.
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The persistent tier has lost all that it had: each document that memory holds is written
    /// again with its next check.
    pub fn record_store_loss(&self) {
        self.0.lost_at.set(self.0.clock.now());
    }

    /// Makes the gzip forms of new bodies, for as long as it is awaited.
    pub async fn compress(&self) {
        self.0.compressor.run(&self.0.memory).await;
    }

    /// Bodies that wait for that.
    pub fn uncompressed(&self) -> usize {
        self.0.compressor.depth()
    }

    /// The flights that are under way.
    pub fn flights(&self) -> &Flights {
        &self.0.flights
    }

    /// Returns how many exchanges with a token the upstream lets run at once.
    pub fn upstream_window(&self) -> usize {
        self.0.upstream.window()
    }

    /// The answer that L1 cannot give: waits on flights until one gives an answer to this demand. A
    /// second one is needed only where the first ended with a stored entry that does not satisfy a
    /// refresh, or was the background's and not allowed to ask.
    ///
    /// To start a flight needs the permission of `permit`; to share another one's does not. Without
    /// it there still is what is stored by now.
    ///
    /// # Errors
    ///
    /// The error of `permit`.
    pub async fn wait<E>(
        &self,
        target: &Target,
        demand: Demand,
        mut permit: impl FnMut() -> Result<(), E>,
    ) -> Result<Answer, E> {
        let tiers = &self.0;
        let waited = Stopwatch::start();
        loop {
            let boarded = self.join_flight(&mut permit, target, demand, Priority::Foreground);
            let (flight, role) = match boarded {
                Ok(place) => place,
                Err(refusal) => return self.look(target, demand).ok_or(refusal),
            };
            let collapsed = role == Role::Follower;
            if collapsed {
                tiers.metrics.followers.inc();
            }
            let background = flight.priority() == Priority::Background;
            let steps = flight.steps();
            let serves =
                |copy: &Entry| policy::serves(copy, demand, tiers.clock.now(), &tiers.rules);
            let facts = match flight.wait(self.patience(demand), serves).await {
                Waited::Done(facts) => facts,
                Waited::Candidate(Candidate { entry, from_l2 })
                    if entry.is_fresh(tiers.clock.now()) =>
                {
                    Arc::new(FlightResult::Found { entry, from_l2 })
                }
                Waited::Candidate(copy) => {
                    let answer = policy::late(&copy.entry, collapsed);
                    self.mark(target, &answer, tiers.clock.now());
                    return Ok(answer.after(steps.wait_times(waited.elapsed())));
                }
                Waited::Panicked => Arc::new(self.panicked_result(target)),
            };
            if background && facts.are_without_call() {
                // The foreground may still do what the background may not.
                continue;
            }
            let now = tiers.clock.now();
            if let Some(answer) = policy::answer(demand, &facts, collapsed, now, &tiers.rules) {
                self.mark(target, &answer, now);
                return Ok(answer.after(steps.wait_times(waited.elapsed())));
            }
        }
    }

    /// The answer that can be given without a flight and without L2: of L1, since a flight may have
    /// landed after it was looked at, or of the queue. A client over its rate costs the store no
    /// read.
    fn look(&self, target: &Target, demand: Demand) -> Option<Answer> {
        let entry = match self.0.memory.entry(&target.key()) {
            Some(entry) => entry,
            None => self.0.queued(target.key())?,
        };
        let facts = FlightResult::Found { entry, from_l2: false };
        let now = self.0.clock.now();
        let answer = policy::answer(demand, &facts, false, now, &self.0.rules)?;
        self.mark(target, &answer, now);
        Some(answer)
    }

    /// A document that was served is in use.
    fn mark(&self, target: &Target, answer: &Answer, now: Timestamp) {
        if let Payload::Document(_) = answer.given {
            self.0.activity.mark(target.key(), now);
        }
    }

    /// The result of a flight that panicked: a failure of ours, for which a copy may stand in.
    fn panicked_result(&self, target: &Target) -> FlightResult {
        let failure = Failure::new(Reason::Internal);
        FlightResult::Exchange {
            previous: self.0.memory.entry(&target.key()),
            exchanged: ExchangeResult::NotStored(NotStored::Failed(failure)),
        }
    }

    /// Returns how long a waiter waits for the upstream before it takes the copy; a refresh wants
    /// no copy.
    fn patience(&self, demand: Demand) -> Option<Duration> {
        let patience = self.0.rules.stale_after;
        (demand == Demand::Cached && !patience.is_zero()).then_some(patience)
    }

    fn join_flight<E>(
        &self,
        permit: impl FnOnce() -> Result<(), E>,
        target: &Target,
        demand: Demand,
        priority: Priority,
    ) -> Result<(Flight, Role), E> {
        let tiers = Arc::clone(&self.0);
        let target = target.clone();
        self.0.flights.join(permit, target.key(), priority, |handle| async move {
            tiers.run_flight(&target, demand, priority, &handle).await
        })
    }
}
