//! The work of a flight: from tier to tier, and the update of each.
//!
//! A store that fails or is slow is a miss and is counted. The flight is the only writer of its
//! key, so the entry that it read at its start is still the stored one at its end.

use std::sync::{Arc, Weak};

use crate::activity::Activity;
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::config;
use crate::entry::{Check, Entry, LossTime};
use crate::store::{Change, Guard, Unread};
use crate::target::{Key, Policy, Target};
use crate::upstream::{Ask, Priority, Upstream};

use super::compressor::Compressor;
use super::confirmations::Confirmations;
use super::flight::{Candidate, FlightHandle, Flights};
use super::flight_result::{ExchangeResult, FlightResult};
use super::lists::Lists;
use super::memory::Memory;
use super::metrics::CacheMetrics;
use super::mutability::pin;
use super::policy;
use super::policy::{Demand, Recall};
use super::pushes::Pushes;
use super::write_behind::{Peeked, Source, WriteBehind};

/// The parts of a cache.
pub struct Tiers {
    /// Lifetimes and tolerances.
    pub rules: config::Cache,
    /// The present.
    pub clock: Clock,
    /// The documents in use.
    pub activity: Arc<Activity>,
    /// The changes of lists of several pages.
    pub lists: Lists,
    /// The questions about losses that are in doubt.
    pub confirmations: Confirmations,
    /// The events of repositories that GitHub has told.
    pub pushes: Pushes,
    /// The allowlist in force.
    pub targets: Arc<Policy>,
    /// L1.
    pub memory: Memory,
    /// The compressor of their bodies.
    pub compressor: Compressor,
    /// Single flight.
    pub flights: Arc<Flights>,
    /// The queue in front of L2.
    pub write_behind: Arc<WriteBehind>,
    /// L2, behind its guard.
    pub store: Arc<Guard>,
    /// The time at which that store lost all its entries.
    pub lost_at: LossTime,
    /// The way to GitHub.
    pub upstream: Arc<Upstream>,
    /// The counters.
    pub metrics: Arc<CacheMetrics>,
}

/// The result of a look-up outside L1.
pub(super) enum Lookup {
    /// There is an entry; `from_l2` tells whether L2 had it.
    Found { entry: Arc<Entry>, from_l2: bool },
    /// There is none; `l2_asked` tells whether L2 said so, or the queue.
    Absent { l2_asked: bool },
    /// Only L2 can know, and does not tell.
    Unknown(Unread),
}

impl Tiers {
    /// One flight: what is stored, else the upstream, and what that means for the entry.
    pub(super) async fn run_flight(
        &self,
        target: &Target,
        demand: Demand,
        priority: Priority,
        handle: &FlightHandle,
    ) -> FlightResult {
        let found = match self.memory.entry(&target.key()) {
            Some(entry) => Lookup::Found { entry, from_l2: false },
            None => {
                let took = Stopwatch::start();
                let found = self.promote(target.key()).await;
                handle.steps().store_took(took.elapsed());
                found
            }
        };
        let l2_has_none = matches!(found, Lookup::Absent { l2_asked: true });
        let mut previous = None;
        if let Lookup::Found { entry, from_l2 } = found {
            let entry = self.outdated(target, &entry).unwrap_or(entry);
            if let Recall::Serve(_) = policy::recall(&entry, demand, self.clock.now(), &self.rules)
            {
                return FlightResult::Found { entry, from_l2 };
            }
            previous = Some(Arc::clone(&entry));
            handle.announce(Candidate { entry, from_l2 });
        }
        let took = Stopwatch::start();
        let exchanged = self.exchange(target, previous.as_ref(), demand, priority).await;
        handle.steps().upstream_took(took.elapsed());
        if let ExchangeResult::Forgotten(entry) = &exchanged
            && !l2_has_none
        {
            // Only then: a flood of unknown names would take the places of documents that wait to
            // be written.
            let as_of = entry.times.checked_at;
            self.write_behind.push(Change::Remove { key: target.key(), as_of });
        }
        FlightResult::Exchange { previous, exchanged }
    }

    /// Returns a page as one that has expired, if another page of its list has changed since it was
    /// checked.
    pub(super) fn outdated(&self, target: &Target, entry: &Arc<Entry>) -> Option<Arc<Entry>> {
        if !self.lists.have_outdated(target, entry) {
            return None;
        }
        let mut outdated = Entry::clone(entry);
        outdated.times.expires_at = outdated.times.checked_at;
        Some(Arc::new(outdated))
    }

    /// Brings L1 up to date with a check by another replica: a later life for the same body, or the
    /// body that L2 has by now. It is a flight like the others, so that no exchange of ours goes on
    /// meanwhile with the older body.
    pub(super) async fn adopt(&self, held: Arc<Entry>, check: Check) -> FlightResult {
        let key = held.key();
        let held = self.memory.entry(&key).unwrap_or(held);
        let now = self.clock.now();
        let is_newer = |entry: &Arc<Entry>| policy::is_newer(&entry.times, &held.times, now);
        let stored = match held.times.fetched_at == check.fetched_at {
            true => None,
            false => self.read_l2(key).await.unwrap_or_default().filter(is_newer),
        };
        let from_l2 = stored.is_some();
        let current = stored.unwrap_or_else(|| Arc::clone(&held));
        let entry = policy::confirmed_by_replica(&current, check, self.clock.now(), &self.rules)
            .map_or(current, Arc::new);
        if !Arc::ptr_eq(&entry, &held) {
            self.hold(key, &entry);
        }
        FlightResult::Found { entry, from_l2 }
    }

    /// Asks the queue and then L2 for an entry that L1 does not hold, and gives it to L1.
    async fn promote(&self, key: Key) -> Lookup {
        let found = self.read_with_check(key).await;
        if let Lookup::Found { entry, .. } = &found {
            self.hold(key, entry);
        }
        found
    }

    /// Reads as [`Tiers::read_outside_l1`] does, and gives the entry the lifetime of its last
    /// check: L2 does not hear of every check, but the activity does.
    async fn read_with_check(&self, key: Key) -> Lookup {
        let found = self.read_outside_l1(key).await;
        let Lookup::Found { entry, from_l2 } = found else { return found };
        let confirmed = self.activity.check(key).and_then(|check| {
            policy::confirmed_by_replica(&entry, check, self.clock.now(), &self.rules)
        });
        Lookup::Found { entry: confirmed.map_or(entry, Arc::new), from_l2 }
    }

    /// The entry that waits to be written.
    pub(super) fn queued(&self, key: Key) -> Option<Arc<Entry>> {
        match self.write_behind.peek(&key)? {
            Peeked::Put(entry) => Some(entry),
            Peeked::Removed => None,
        }
    }

    /// Reads the newest entry outside L1.
    pub(super) async fn read_outside_l1(&self, key: Key) -> Lookup {
        match self.write_behind.peek(&key) {
            Some(Peeked::Put(entry)) => Lookup::Found { entry, from_l2: false },
            Some(Peeked::Removed) => Lookup::Absent { l2_asked: false },
            None => match self.read_l2(key).await {
                Ok(Some(entry)) => Lookup::Found { entry, from_l2: true },
                Ok(None) => Lookup::Absent { l2_asked: true },
                Err(why) => Lookup::Unknown(why),
            },
        }
    }

    /// The entry that L2 has, with a life that these rules would have given it.
    async fn read_l2(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        let stored = self.store.ask(key).await?;
        Ok(stored.map(|entry| {
            let pinned = match Target::parse_name(&entry.url, &self.targets) {
                Ok(target) => self.pinned(&target, entry),
                Err(_) => entry,
            };
            policy::within_lifetime(pinned, &self.rules)
        }))
    }

    /// The entry with the reason for which its document hardly ever changes.
    fn pinned(&self, target: &Target, entry: Arc<Entry>) -> Arc<Entry> {
        let pin = pin(target, &entry.body);
        policy::pinned(entry, pin, &self.rules)
    }

    async fn exchange(
        &self,
        target: &Target,
        previous: Option<&Arc<Entry>>,
        demand: Demand,
        priority: Priority,
    ) -> ExchangeResult {
        let positive = previous.filter(|entry| !entry.is_negative());
        let now = self.clock.now();
        let stored = positive.map(|entry| policy::asked(entry, target, demand, now, &self.rules));
        let ask = Ask { target, stored, priority };
        let reply = self.upstream.get(ask).await;
        let now = self.clock.now();
        let exchanged = policy::verdict(&target.name(), previous, reply, now, &self.rules);
        let exchanged = self.confirmed(target, positive, exchanged, priority).await;
        self.settle(target, positive, exchanged, now)
    }

    /// Brings the tiers up to date: L1 at once, L2 by way of the queue; but for what is gone, of
    /// which L2 may not have to hear.
    fn settle(
        &self,
        target: &Target,
        previous: Option<&Arc<Entry>>,
        exchanged: ExchangeResult,
        now: Timestamp,
    ) -> ExchangeResult {
        let key = target.key();
        match exchanged {
            ExchangeResult::Stored(entry) => {
                let entry = self.pinned(target, entry);
                if let Some(previous) = previous {
                    self.lists.note(target, previous, &entry);
                }
                ExchangeResult::Stored(self.keep(key, entry))
            }
            ExchangeResult::Freshened(entry) => ExchangeResult::Freshened(self.keep(key, entry)),
            ExchangeResult::Forgotten(entry) => {
                self.hold(key, &entry);
                ExchangeResult::Forgotten(entry)
            }
            ExchangeResult::Unconfirmed { copy, claimed } => {
                self.hold(key, &copy);
                self.plan_confirmation(target, &copy, now);
                ExchangeResult::Unconfirmed { copy, claimed }
            }
            ExchangeResult::NotStored(kept) => {
                if let Some(copy) = previous {
                    self.plan_confirmation(target, copy, now);
                }
                let (name, rules) = (target.name(), &self.rules);
                let reminder = previous
                    .and_then(|entry| policy::remember_failure(entry, &kept, now, rules))
                    .or_else(|| policy::remember_refusal(&name, previous, &kept, now, rules));
                if let Some(entry) = reminder {
                    self.hold(key, &Arc::new(entry));
                }
                ExchangeResult::NotStored(kept)
            }
        }
    }

    /// Plans the next question about a loss that is in doubt.
    fn plan_confirmation(&self, target: &Target, copy: &Entry, now: Timestamp) {
        if let Some(doubt) = copy.extras.doubt() {
            self.confirmations.plan(target, policy::ask_at(doubt, now));
        }
    }

    /// Gives L1 an entry, and has its body compressed behind the request.
    fn hold(&self, key: Key, entry: &Arc<Entry>) {
        self.memory.insert(key, Arc::clone(entry));
        self.compressor.offer(key, entry);
    }

    fn keep(&self, key: Key, entry: Arc<Entry>) -> Arc<Entry> {
        let is_worth = policy::is_worth_persisting(&entry, self.lost_at.get(), &self.rules);
        if is_worth {
            entry.persisted.set(entry.times.expires_at);
        }
        self.hold(key, &entry);
        if is_worth {
            self.write_behind.push(change(key, &entry, &self.rules));
        }
        entry
    }
}

/// L1, as the queue in front of L2 knows it.
impl Source for Weak<Tiers> {
    fn lose(&self, key: Key) {
        let held = self.upgrade().and_then(|tiers| tiers.memory.entry(&key));
        if let Some(entry) = held {
            entry.persisted.set(Timestamp::default());
        }
    }

    fn recall(&self, key: Key) -> Option<Change> {
        let tiers = self.upgrade()?;
        let entry = tiers.memory.entry(&key)?;
        if entry.is_negative() {
            return Some(Change::Remove { key, as_of: entry.times.checked_at });
        }
        entry.persisted.set(entry.times.expires_at);
        Some(change(key, &entry, &tiers.rules))
    }
}

/// Returns the change for L2 after a new entry. A body that is too large for L2 still removes the
/// older one that L2 may hold.
fn change(key: Key, entry: &Arc<Entry>, rules: &config::Cache) -> Change {
    if !entry.is_persistable() {
        return Change::Remove { key, as_of: entry.times.checked_at };
    }
    Change::Put { entry: Arc::clone(entry), keep_until: policy::keep_until(entry, rules) }
}
