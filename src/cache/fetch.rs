//! The leader's part of a flight: the look-up in each tier, the exchange with the upstream, and the
//! update of the tiers.
//!
//! A failed or slow read of the store counts as a miss. The flight is the only writer of its key,
//! so the entry that it read at its start is still the stored one at its end.

use std::sync::{Arc, Weak};

use crate::clock::{Stopwatch, Timestamp};
use crate::config;
use crate::entry::{Check, Entry};
use crate::store::{Change, Unread};
use crate::target::{Key, Target};
use crate::upstream::{Ask, Priority};

use super::flight::FlightHandle;
use super::flight_result::{ExchangeResult, FlightResult, FoundEntry};
use super::mutability::pin;
use super::policy;
use super::policy::{Demand, Recall};
use super::write_behind::{Peeked, Source};
use super::{Cache, CacheParts};

/// The result of a look-up outside L1.
pub(super) enum Lookup {
    /// There is an entry.
    Found(FoundEntry),
    /// There is none; `l2_asked` tells whether L2 said so, or the queue.
    Absent { l2_asked: bool },
    /// L2 does not answer, and only L2 can know.
    Unknown(Unread),
}

impl Cache {
    /// Runs one flight: returns a stored entry that serves, or else asks the upstream and updates
    /// the tiers.
    pub(super) async fn run_flight(
        &self,
        target: &Target,
        demand: Demand,
        priority: Priority,
        handle: &FlightHandle,
    ) -> FlightResult {
        let found = self.find(target.key(), handle).await;
        let l2_has_none = matches!(found, Lookup::Absent { l2_asked: true });
        let l2_is_silent = matches!(found, Lookup::Unknown(Unread::Silent));
        let mut previous = None;
        if let Lookup::Found(FoundEntry { entry, from_l2 }) = found {
            let now = self.0.clock.now();
            let entry = self.outdated(&entry, now).unwrap_or(entry);
            if let Recall::Serve(_) = policy::recall(&entry, demand, now, &self.0.rules) {
                return FlightResult::Found(FoundEntry { entry, from_l2 });
            }
            previous = Some(Arc::clone(&entry));
            handle.announce(FoundEntry { entry, from_l2 });
        }
        let took = Stopwatch::start();
        let exchanged =
            self.exchange(target, previous.as_ref(), l2_is_silent, demand, priority).await;
        handle.steps().upstream_took(took.elapsed());
        if let ExchangeResult::Forgotten(entry) = &exchanged
            && !l2_has_none
        {
            // If L2 has no record, no removal is queued: a flood of unknown names would push
            // waiting documents out of the queue.
            let as_of = entry.times.checked_at;
            self.0.write_behind.push(Change::Remove { key: target.key(), as_of });
        }
        FlightResult::Exchange { previous, exchanged }
    }

    /// Finds the entry of a document in any tier. An expired refusal does not count if there is a
    /// copy outside L1, which it has replaced in L1.
    async fn find(&self, key: Key, handle: &FlightHandle) -> Lookup {
        let is_over =
            |entry: &Entry| entry.extras.refusal().is_some() && !entry.is_fresh(self.0.clock.now());
        let refusal = match self.0.memory.entry(&key) {
            Some(entry) if is_over(&entry) => Some(entry),
            Some(entry) => return Lookup::Found(FoundEntry { entry, from_l2: false }),
            None => None,
        };
        let took = Stopwatch::start();
        let found = self.promote(key).await;
        handle.steps().store_took(took.elapsed());
        match (found, refusal) {
            (found @ Lookup::Found(_), _) => found,
            // L2 may have the copy.
            (Lookup::Unknown(Unread::Silent), _) => Lookup::Unknown(Unread::Silent),
            (_, Some(entry)) => Lookup::Found(FoundEntry { entry, from_l2: false }),
            (none, None) => none,
        }
    }

    /// Returns a page as one whose last check counts no more, if another page of its list has
    /// changed since then.
    pub(super) fn outdated(&self, entry: &Arc<Entry>, now: Timestamp) -> Option<Arc<Entry>> {
        self.0.lists.have_outdated(entry, now).then(|| Arc::new(policy::outdated(entry)))
    }

    /// Brings L1 up to date with a check by another replica: a later lifetime for the same body, or
    /// the newer body from L2. It runs as a flight, so that no exchange with the older body is
    /// under way at the same time.
    pub(super) async fn take_over(&self, held: Arc<Entry>, check: Check) -> FlightResult {
        let key = held.key();
        let held = self.0.memory.entry(&key).unwrap_or(held);
        let now = self.0.clock.now();
        let is_newer = |entry: &Arc<Entry>| policy::is_newer(&entry.times, &held.times, now);
        let confirmed = |entry: Arc<Entry>| {
            policy::confirmed_by_replica(&entry, check, now, &self.0.rules).map_or(entry, Arc::new)
        };
        // Not every check is written to L2: the check may make its record the newer one.
        let read = match held.times.fetched_at == check.fetched_at {
            true => Ok(None),
            false => self.read_l2(key).await,
        };
        let l2_is_silent = matches!(read, Err(Unread::Silent));
        let mut stored = read.unwrap_or_default().map(confirmed).filter(is_newer);
        let has_lost_body = stored.is_none() && !l2_is_silent && self.lacks_body(&held, check, now);
        if has_lost_body {
            self.plan_replacement(&held, now);
        }
        let lost = stored.as_ref().and_then(|stored| self.claimed_loss(&held, stored, now));
        if let Some(target) = lost {
            // The other replica may have had no copy to doubt the claim with. This check needs no
            // lease, and weighs it.
            self.0.confirmations.plan(&target, now);
            stored = None;
        }
        if let Some(stored) = &stored {
            self.0.lists.note_change(&held, stored, stored.times.fetched_at, now);
        }
        let from_l2 = stored.is_some();
        let unchanged = || match has_lost_body {
            true => policy::never_fully_checked(&held),
            false => confirmed(Arc::clone(&held)),
        };
        let entry = stored.unwrap_or_else(unchanged);
        if !Arc::ptr_eq(&entry, &held) {
            self.hold(key, &entry);
        }
        FlightResult::Found(FoundEntry { entry, from_l2 })
    }

    /// Returns true if another replica has found a later body and L2 does not have it, although its
    /// write is over.
    fn lacks_body(&self, held: &Entry, check: Check, now: Timestamp) -> bool {
        let is_later = policy::replaced_by_check(held, check, now).is_some();
        is_later && now.since(check.fetched_at) >= self.0.write_behind.usual_delay()
    }

    /// Plans a check that needs no lease, of a document whose later body L2 has lost. The result is
    /// written to L2, whatever it is.
    fn plan_replacement(&self, held: &Entry, now: Timestamp) {
        if let Ok(target) = Target::parse_name(&held.url, &self.0.targets) {
            held.persisted.set(Timestamp::default());
            self.0.confirmations.plan_spaced(&target, now);
        }
    }

    /// Returns the document, if the entry of another replica claims that it is lost.
    fn claimed_loss(&self, held: &Entry, stored: &Entry, now: Timestamp) -> Option<Target> {
        let target = Target::parse_name(&held.url, &self.0.targets).ok()?;
        let claim = policy::claim(&target, held, stored, now, &self.0.rules);
        claim.is_some().then_some(target)
    }

    /// Reads an entry that L1 does not hold from the queue or L2, and inserts it into L1.
    async fn promote(&self, key: Key) -> Lookup {
        let found = self.read_with_check(key).await;
        if let Lookup::Found(found) = &found {
            if found.from_l2 {
                // Another replica, or this one before its start, may have seen a change.
                let fetched_at = found.entry.times.fetched_at;
                self.0.lists.note_first(&found.entry, fetched_at, self.0.clock.now());
            }
            self.hold(key, &found.entry);
        }
        found
    }

    /// Reads as [`Cache::read_outside_l1`] does, and gives the entry the lifetime of its last
    /// check: not every check is written to L2, but the activity knows each. An entry with an
    /// earlier body than that of the last check has expired: the write of the later one was lost.
    pub(super) async fn read_with_check(&self, key: Key) -> Lookup {
        let found = self.read_outside_l1(key).await;
        let Lookup::Found(FoundEntry { entry, from_l2 }) = found else { return found };
        let (now, rules) = (self.0.clock.now(), &self.0.rules);
        let checked = self.0.activity.check(key).and_then(|check| {
            policy::confirmed_by_replica(&entry, check, now, rules)
                .or_else(|| policy::replaced_by_check(&entry, check, now))
        });
        Lookup::Found(FoundEntry { entry: checked.map_or(entry, Arc::new), from_l2 })
    }

    /// Looks a key up in the queue in front of L2. Returns `None` if no change of it waits there.
    pub(super) fn queued(&self, key: Key) -> Option<Lookup> {
        match self.0.write_behind.peek(&key)? {
            Peeked::Put(entry) => Some(Lookup::Found(FoundEntry { entry, from_l2: false })),
            Peeked::Removed => Some(Lookup::Absent { l2_asked: false }),
        }
    }

    /// Reads the newest entry outside L1.
    pub(super) async fn read_outside_l1(&self, key: Key) -> Lookup {
        if let Some(found) = self.queued(key) {
            return found;
        }
        match self.read_l2(key).await {
            Ok(Some(entry)) => Lookup::Found(FoundEntry { entry, from_l2: true }),
            Ok(None) => Lookup::Absent { l2_asked: true },
            Err(why) => Lookup::Unknown(why),
        }
    }

    /// Reads an entry from L2 and bounds its lifetime by the rules in force now.
    async fn read_l2(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        let stored = self.0.store.ask(key).await?;
        Ok(stored.map(|entry| {
            let pinned = match Target::parse_name(&entry.url, &self.0.targets) {
                Ok(target) => self.pinned(&target, entry),
                Err(_) => entry,
            };
            policy::within_lifetime(pinned, &self.0.rules)
        }))
    }

    /// Returns the entry with the pin of its document, if it is of a kind that hardly ever changes.
    fn pinned(&self, target: &Target, entry: Arc<Entry>) -> Arc<Entry> {
        let pin = pin(target, &entry.body);
        policy::pinned(entry, pin, &self.0.rules)
    }

    async fn exchange(
        &self,
        target: &Target,
        previous: Option<&Arc<Entry>>,
        l2_is_silent: bool,
        demand: Demand,
        priority: Priority,
    ) -> ExchangeResult {
        let positive = previous.filter(|entry| !entry.is_negative());
        let began = self.0.clock.now();
        let rules = &self.0.rules;
        let stored =
            positive.map(|entry| policy::asked(entry, target, demand, priority, began, rules));
        let at_stake = policy::at_stake(previous, l2_is_silent, began, rules);
        let ask = Ask { target, stored, priority, at_stake };
        let took = Stopwatch::start();
        let reply = self.0.upstream.get(ask).await;
        let now = self.0.clock.now();
        let exchanged = policy::verdict(&target.name(), previous, reply, now, &self.0.rules);
        let exchanged = self.confirmed(target, positive, exchanged, priority, &took).await;
        let exchanged = self.in_its_list(positive, exchanged, began, now);
        self.settle(target, positive, l2_is_silent, exchanged, now)
    }

    /// Records the result of an exchange for the list of the page, and returns it. If the list has
    /// changed during the exchange, the answer may be from before the change: then its check or its
    /// claim of a loss counts from the beginning of the exchange.
    fn in_its_list(
        &self,
        before: Option<&Arc<Entry>>,
        exchanged: ExchangeResult,
        began: Timestamp,
        now: Timestamp,
    ) -> ExchangeResult {
        let lists = &self.0.lists;
        let in_time = |page: Arc<Entry>| match lists.have_change_since(began, &page, now) {
            true => Arc::new(policy::checked_at(&page, began.min(now))),
            false => page,
        };
        match exchanged {
            ExchangeResult::Stored(page) => {
                let stored = in_time(Arc::clone(&page));
                match before {
                    Some(before) => lists.note_change(before, &page, began, now),
                    None => lists.note_first(&page, began, now),
                }
                ExchangeResult::Stored(stored)
            }
            ExchangeResult::Freshened(page) => ExchangeResult::Freshened(in_time(page)),
            ExchangeResult::Unconfirmed { copy, claimed }
                if lists.have_change_since(began, &copy, now) =>
            {
                let copy = Arc::new(policy::claimed_at(&copy, began.min(now)));
                ExchangeResult::Unconfirmed { copy, claimed }
            }
            other => other,
        }
    }

    /// Brings the tiers up to date with the result of an exchange: L1 at once, L2 through the
    /// queue. The removal of a lost document is left to [`Cache::run_flight`], which knows whether
    /// L2 has a record of it.
    fn settle(
        &self,
        target: &Target,
        previous: Option<&Arc<Entry>>,
        l2_is_silent: bool,
        exchanged: ExchangeResult,
        now: Timestamp,
    ) -> ExchangeResult {
        let key = target.key();
        match exchanged {
            ExchangeResult::Stored(entry) => {
                let entry = self.pinned(target, entry);
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
                let (name, rules) = (target.name(), &self.0.rules);
                let refusal = || {
                    let refusal = policy::remember_refusal(&name, previous, &kept, now, rules)?;
                    Some(if l2_is_silent { policy::briefly(refusal, now) } else { refusal })
                };
                let reminder = previous
                    .and_then(|entry| policy::remember_failure(entry, &kept, now, rules))
                    .or_else(refusal);
                if let Some(entry) = reminder {
                    self.hold(key, &Arc::new(entry));
                }
                ExchangeResult::NotStored(kept)
            }
        }
    }

    /// Plans the next check of a loss that is in doubt.
    fn plan_confirmation(&self, target: &Target, copy: &Entry, now: Timestamp) {
        if let Some(doubt) = copy.extras.doubt() {
            self.0.confirmations.plan(target, policy::ask_at(doubt, now));
        }
    }

    /// Inserts an entry into L1, and offers its body to the compressor.
    fn hold(&self, key: Key, entry: &Arc<Entry>) {
        self.0.memory.insert(key, Arc::clone(entry), self.0.clock.now());
        self.0.compressor.offer(key, entry);
    }

    /// Inserts an entry into L1, and queues it for L2 if that is worth a write.
    fn keep(&self, key: Key, entry: Arc<Entry>) -> Arc<Entry> {
        let lost_at = *self.0.lost_at.lock();
        let is_worth = policy::is_worth_persisting(&entry, lost_at, &self.0.rules);
        if is_worth {
            entry.persisted.set(entry.times.expires_at);
        }
        self.hold(key, &entry);
        if is_worth {
            self.0.write_behind.push(change(key, &entry, &self.0.rules));
        }
        entry
    }
}

/// L1, as the source of changes for the queue in front of L2.
impl Source for Weak<CacheParts> {
    fn lose(&self, key: Key) {
        let held = self.upgrade().and_then(|parts| parts.memory.entry(&key));
        if let Some(entry) = held {
            entry.persisted.set(Timestamp::default());
        }
    }

    fn recall(&self, key: Key) -> Option<Change> {
        let parts = self.upgrade()?;
        let entry = parts.memory.entry(&key).filter(|entry| policy::is_certain(entry))?;
        if entry.is_negative() {
            return Some(Change::Remove { key, as_of: entry.times.checked_at });
        }
        entry.persisted.set(entry.times.expires_at);
        Some(change(key, &entry, &parts.rules))
    }
}

/// Returns the change for L2 after a new entry. A body that is too large for L2 removes the older
/// record that L2 may have.
fn change(key: Key, entry: &Arc<Entry>, rules: &config::Cache) -> Change {
    if !entry.is_persistable() {
        return Change::Remove { key, as_of: entry.times.checked_at };
    }
    Change::Put { entry: Arc::clone(entry), keep_until: policy::keep_until(entry, rules) }
}
