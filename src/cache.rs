//! The way of a request through the tiers: L1, flight, write-behind queue, L2, upstream.
//!
//! A hit is [`Cache::recall`]: synchronous, one look-up and one comparison. Everything else is a
//! flight, whose work is in `fetch`. The cache never sees a header of svm, and no error of the
//! store reaches a waiter.

mod answer;
mod bounded_set;
mod compressor;
mod confirm;
mod confirmations;
mod due;
mod event_checks;
mod explain;
mod fetch;
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
pub mod write_behind;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

pub use answer::{Answer, Payload};
pub use compressor::Compressor;
pub use confirmations::Confirmations;
pub use explain::{Depth, Explanation, Prospect, Tier};
pub use flight::Flights;
pub use flight_result::{ExchangeResult, FlightResult, FoundEntry, NotStored};
pub use lists::Lists;
pub use memory::{Held, Level, Memory};
pub use metrics::CacheMetrics;
pub use mutability::mutability;
pub use policy::{Demand, Recall};
pub use pushes::{Delivery, Event, Pushes};
pub use status::{Detail, Forward, Outcome, Status};
pub use steps::WaitTimes;
pub use survey::{HeldState, Survey, Surveyed};

use fetch::Lookup;
use flight::{CopyUse, Flight, Role, Waited, freely};
use write_behind::WriteBehind;

use crate::activity::Activity;
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::config;
use crate::entry::{Check, Entry, Reason, Times};
use crate::store::{Guard, Unread};
use crate::target::{Key, Policy, Target};
use crate::upstream::{Failure, Priority, Upstream};

/// The tiers and the way through them; clones share them.
#[derive(Clone)]
pub struct Cache(Arc<CacheParts>);

/// The parts of a cache.
pub struct CacheParts {
    /// Lifetimes and tolerances.
    pub rules: config::Cache,
    /// The clock.
    pub clock: Clock,
    /// The documents in use.
    pub activity: Arc<Activity>,
    /// The changes of lists of several pages.
    pub lists: Lists,
    /// The planned checks of documents whose loss is in doubt, or whose later body L2 has lost.
    pub confirmations: Confirmations,
    /// GitHub's events about repositories.
    pub pushes: Pushes,
    /// The allowlist in force.
    pub targets: Arc<Policy>,
    /// L1.
    pub memory: Memory,
    /// The compressor of the bodies in L1.
    pub compressor: Compressor,
    /// Single flight.
    pub flights: Arc<Flights>,
    /// The queue in front of L2.
    pub write_behind: Arc<WriteBehind>,
    /// L2, behind its guard.
    pub store: Arc<Guard>,
    /// The time at which the store last lost all its entries; the epoch if it never did.
    pub lost_at: Mutex<Timestamp>,
    /// The way to GitHub.
    pub upstream: Arc<Upstream>,
    /// The counters.
    pub metrics: Arc<CacheMetrics>,
}

impl Cache {
    /// Creates a cache of these parts.
    pub fn new(parts: CacheParts) -> Self {
        let parts = Arc::new(parts);
        parts.write_behind.recall_from(Arc::downgrade(&parts));
        Self(parts)
    }

    /// Returns the answer that L1 can give at once, if any.
    pub fn recall(&self, target: &Target, demand: Demand, now: Timestamp) -> Option<Answer> {
        let parts = &self.0;
        let held = parts.memory.get(&target.key())?;
        let outdated = self.outdated(&held.entry, now);
        let entry = outdated.as_ref().unwrap_or(&held.entry);
        let answer = match policy::recall(entry, demand, now, &parts.rules) {
            Recall::Serve(answer) => answer,
            Recall::ServeAndRetry(answer) => {
                let Ok(_flight) =
                    self.join_flight(freely, target, Demand::Cached, Priority::Background);
                answer
            }
            Recall::Ask => return None,
        };
        held.usage.mark(now);
        if policy::is_overdue(&held.entry, now, &parts.rules) {
            parts.activity.want_check(target.key(), &held.usage);
        }
        Some(answer)
    }

    /// Revalidates a stored document in the background and waits for the result. If a flight that
    /// it joined ends without a request to the upstream, it tries again.
    pub async fn revalidate(&self, target: &Target) -> Arc<FlightResult> {
        loop {
            let (result, role) = self.revalidate_once(target, Priority::Background).await;
            match &*result {
                FlightResult::Found(_) if role == Role::Follower => {}
                _ => return result,
            }
        }
    }

    /// Waits for one flight that revalidates a document, or for the flight of another request.
    async fn revalidate_once(
        &self,
        target: &Target,
        priority: Priority,
    ) -> (Arc<FlightResult>, Role) {
        let Ok((flight, role)) = self.join_flight(freely, target, Demand::Revalidate, priority);
        match flight.wait(None, |_| CopyUse::Never).await {
            Waited::Done(result) => (result, role),
            _ => (Arc::new(self.panicked_result(target)), role),
        }
    }

    /// Takes over the check of a document by another replica, if L1 holds an older state of it: an
    /// older body, or a negative entry, which it drops. Returns true if L1 has changed. While a
    /// flight of the document is under way, the body stays as it is.
    pub async fn adopt(&self, key: Key, check: Check) -> bool {
        let now = self.0.clock.now();
        let is_older = |times: &Times| times.checked_at < check.at || times.begin_after(now);
        let older = |entry: &Arc<Entry>| is_older(&entry.times);
        let Some(held) = self.0.memory.entry(&key).filter(older) else { return false };
        if held.is_negative() {
            // The next request reads the record from L2.
            self.0.memory.forget_negative(&key);
            return true;
        }
        let before = Arc::clone(&held);
        let cache = self.clone();
        let run = |_| async move { cache.take_over(held, check).await };
        let Ok((flight, role)) = self.0.flights.join(freely, key, Priority::Background, run);
        if role == Role::Follower {
            return false;
        }
        let waited = flight.wait(None, |_| CopyUse::Never).await;
        let Waited::Done(result) = waited else { return false };
        matches!(&*result, FlightResult::Found(found) if !Arc::ptr_eq(&found.entry, &before))
    }

    /// Returns the stored entry of a document from any tier, without promoting it.
    ///
    /// # Errors
    ///
    /// [`Unread`], if L2 does not answer and only L2 can know.
    pub async fn stored(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        if let Some(entry) = self.0.memory.entry(&key) {
            return Ok(Some(entry));
        }
        match self.read_outside_l1(key).await {
            Lookup::Found(found) => Ok(Some(found.entry)),
            Lookup::Absent { .. } | Lookup::Unknown(Unread::Unusable) => Ok(None),
            Lookup::Unknown(Unread::Silent) => Err(Unread::Silent),
        }
    }

    /// Returns L1, for the metrics and for its upkeep.
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Records that the persistent tier has lost all its entries: the next check of each document
    /// in memory writes it again.
    pub fn record_store_loss(&self) {
        *self.0.lost_at.lock() = self.0.clock.now();
    }

    /// Makes the gzip forms of new bodies. Never returns.
    pub async fn compress(&self) {
        self.0.compressor.run(&self.0.memory).await;
    }

    /// Returns how many bodies wait for their gzip form.
    pub fn uncompressed(&self) -> usize {
        self.0.compressor.depth()
    }

    /// Returns the flights that are under way.
    pub fn flights(&self) -> &Flights {
        &self.0.flights
    }

    /// Returns how many exchanges with a token the upstream lets run at once.
    pub fn upstream_window(&self) -> usize {
        self.0.upstream.window()
    }

    /// Returns true if a limit has reduced that number.
    pub fn is_upstream_slowed_down(&self) -> bool {
        self.0.upstream.is_slowed_down()
    }

    /// Returns the answer that L1 cannot give: waits for flights until one gives an answer to this
    /// demand. It waits for a second one only if the first ended with a stored entry or a check by
    /// date, which does not satisfy a refresh, or if the background led it and might not ask the
    /// upstream.
    ///
    /// A request that starts a flight needs a permit; one that joins a flight does not. Without a
    /// permit, an entry that was stored in the meantime is the answer.
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
        let parts = &self.0;
        let waited = Stopwatch::start();
        loop {
            let joined = self.join_flight(&mut permit, target, demand, Priority::Foreground);
            let (flight, role) = match joined {
                Ok(joined) => joined,
                Err(refusal) => return self.answer_without_flight(target, demand).ok_or(refusal),
            };
            let collapsed = role == Role::Follower;
            if collapsed {
                parts.metrics.followers.inc();
            }
            let background = flight.priority() == Priority::Background;
            let steps = flight.steps();
            let serves =
                |copy: &Entry| policy::serves(copy, demand, parts.clock.now(), &parts.rules);
            let result = match flight.wait(self.patience(demand), serves).await {
                Waited::Done(result) => result,
                Waited::Candidate(found) if found.entry.is_fresh(parts.clock.now()) => {
                    Arc::new(FlightResult::Found(found))
                }
                Waited::Candidate(copy) => {
                    let answer = policy::late(&copy.entry, collapsed);
                    self.mark(target, &answer, parts.clock.now());
                    return Ok(answer.after(steps.wait_times(waited.elapsed())));
                }
                Waited::Panicked => Arc::new(self.panicked_result(target)),
            };
            if background && result.is_without_call() {
                // The foreground may still make a call that the background may not.
                continue;
            }
            let now = parts.clock.now();
            if let Some(answer) = policy::answer(demand, &result, collapsed, now, &parts.rules) {
                self.mark(target, &answer, now);
                return Ok(answer.after(steps.wait_times(waited.elapsed())));
            }
        }
    }

    /// Returns the answer of L1, which a flight may have filled since the first look-up, or of the
    /// write-behind queue. It does not read L2: a client over its rate costs the store no read. A
    /// page that only a change of another page has outdated is an answer until its lifetime ends:
    /// otherwise each change of a list would end the walks of these clients.
    fn answer_without_flight(&self, target: &Target, demand: Demand) -> Option<Answer> {
        let entry = match self.0.memory.entry(&target.key()) {
            Some(entry) => entry,
            None => match self.queued(target.key())? {
                Lookup::Found(found) => found.entry,
                Lookup::Absent { .. } | Lookup::Unknown(_) => return None,
            },
        };
        let now = self.0.clock.now();
        let is_outdated = self.outdated(&entry, now).is_some();
        let result = FlightResult::Found(FoundEntry { entry, from_l2: false });
        let answer = policy::answer(demand, &result, false, now, &self.0.rules)?;
        self.mark(target, &answer, now);
        Some(if is_outdated { answer.without_lifetime() } else { answer })
    }

    /// Marks a document that was served as in use.
    fn mark(&self, target: &Target, answer: &Answer, now: Timestamp) {
        if answer.is_document() {
            self.0.activity.mark(target.key(), now);
        }
    }

    /// Returns the result of a flight that panicked: an internal failure, for which a copy may
    /// stand in.
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
        let cache = self.clone();
        let target = target.clone();
        self.0.flights.join(permit, target.key(), priority, |handle| async move {
            cache.run_flight(&target, demand, priority, &handle).await
        })
    }
}
