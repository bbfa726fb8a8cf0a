//! The way of a request through the tiers: L1, flight, write-behind queue, L2, upstream.
//!
//! A hit is [`Cache::recall`]: synchronous, one look-up and one comparison. Everything else is a flight. The cache
//! never sees a header of ours, and no error of the store reaches anyone who waits.

mod answer;
mod entry;
mod facts;
mod flight;
mod memory;
mod policy;
mod status;
pub mod write_behind;

use std::sync::Arc;
use std::time::Duration;

pub use answer::{Answer, Given};
pub use entry::{Entry, RecentFailure, Times, entity_tag, entity_tag_of_digest};
pub use facts::{Exchanged, Facts, Kept};
pub use flight::Flights;
pub use memory::{Level, Memory};
pub use policy::{Demand, Recall};
pub use status::{Detail, Forward, Outcome, Status};

use flight::{Beacon, Landing, Role};
use write_behind::{Peeked, WriteBehind};

use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::config;
use crate::metrics::{Metrics, StoreRead};
use crate::store::{Change, Store};
use crate::target::{Key, Target};
use crate::upstream::{Ask, Failure, Priority, Reason, Upstream, Validators};

/// The largest body that L2 keeps.
const LARGEST_PERSISTED_BODY: usize = 1024 * 1024;

/// The tiers and the way through them; clones share them.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    rules: config::Cache,
    clock: Clock,
    memory: Memory,
    flights: Arc<Flights>,
    write_behind: Arc<WriteBehind>,
    store: Arc<dyn Store>,
    upstream: Upstream,
    metrics: Metrics,
}

/// What a cache is made of.
pub struct Parts {
    /// Lifetimes and tolerances.
    pub rules: config::Cache,
    /// The present.
    pub clock: Clock,
    /// L1.
    pub memory: Memory,
    /// Single flight.
    pub flights: Arc<Flights>,
    /// The queue in front of L2.
    pub write_behind: Arc<WriteBehind>,
    /// L2.
    pub store: Arc<dyn Store>,
    /// The way to GitHub.
    pub upstream: Upstream,
    /// What is counted.
    pub metrics: Metrics,
}

impl Cache {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts { rules, clock, memory, flights, write_behind, store, upstream, metrics } = parts;
        Self(Arc::new(Inner {
            rules,
            clock,
            memory,
            flights,
            write_behind,
            store,
            upstream,
            metrics,
        }))
    }

    /// The answer to a request for `target`.
    pub async fn get(&self, target: &Target, demand: Demand) -> Answer {
        match self.recall(target, demand) {
            Some(answer) => answer,
            None => self.wait(target, demand).await,
        }
    }

    /// The answer that L1 can give at once.
    pub fn recall(&self, target: &Target, demand: Demand) -> Option<Answer> {
        let cache = &self.0;
        let entry = cache.memory.get(&target.key())?;
        match policy::recall(&entry, demand, cache.clock.now(), &cache.rules) {
            Recall::Serve(answer) => Some(answer),
            Recall::ServeAndRetry(answer) => {
                self.board(target, Demand::Cached, Priority::Background);
                Some(answer)
            }
            Recall::Ask => None,
        }
    }

    /// L1, for whoever reports on it or tends it.
    pub fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The flights that are under way.
    pub fn flights(&self) -> &Flights {
        &self.0.flights
    }

    /// Waits on flights until one gives an answer to this demand. A second one is needed only where the first ended
    /// with a stored entry that does not satisfy a refresh.
    async fn wait(&self, target: &Target, demand: Demand) -> Answer {
        let cache = &self.0;
        loop {
            let (flight, role) = self.board(target, demand, Priority::Foreground);
            let collapsed = role == Role::Follower;
            if collapsed {
                cache.metrics.followers.inc();
            }
            let stands_in =
                |copy: &Entry| policy::may_stand_in(copy, cache.clock.now(), &cache.rules);
            let facts = match flight.wait(self.patience(demand), stands_in).await {
                Landing::Landed(facts) => facts,
                Landing::Late(copy) => return policy::late(&copy, collapsed),
                Landing::Crashed => Arc::new(self.wreckage(target)),
            };
            let now = cache.clock.now();
            if let Some(answer) = policy::answer(demand, &facts, collapsed, now, &cache.rules) {
                return answer;
            }
        }
    }

    /// What a flight that panicked comes to: a failure of ours, for which a copy may stand in.
    fn wreckage(&self, target: &Target) -> Facts {
        let failure = Failure::new(Reason::Internal);
        Facts::Exchange {
            previous: self.0.memory.get(&target.key()),
            exchanged: Exchanged::Kept(Kept::Failed(failure)),
        }
    }

    /// How long a waiter waits for the upstream before it takes the copy; a refresh wants no copy.
    fn patience(&self, demand: Demand) -> Option<Duration> {
        let patience = self.0.rules.stale_after;
        (demand == Demand::Cached && !patience.is_zero()).then_some(patience)
    }

    fn board(&self, target: &Target, demand: Demand, priority: Priority) -> (flight::Flight, Role) {
        let cache = Arc::clone(&self.0);
        let target = target.clone();
        self.0.flights.join(target.key(), |beacon| async move {
            cache.fly(&target, demand, priority, &beacon).await
        })
    }
}

impl Inner {
    /// One flight: what is stored, else the upstream, and what that means for the entry.
    async fn fly(
        &self,
        target: &Target,
        demand: Demand,
        priority: Priority,
        beacon: &Beacon,
    ) -> Facts {
        let (previous, from_l2) = match self.memory.get(&target.key()) {
            Some(entry) => (Some(entry), false),
            None => self.promote(target.key()).await,
        };
        if let Some(entry) = &previous {
            if demand == Demand::Cached && entry.is_fresh(self.clock.now()) {
                return Facts::Found { entry: Arc::clone(entry), from_l2 };
            }
            beacon.announce(entry);
        }
        let exchanged = self.exchange(target, previous.as_ref(), priority).await;
        Facts::Exchange { previous, exchanged }
    }

    /// Asks the queue and then L2 for an entry that L1 does not hold, and gives it to L1.
    async fn promote(&self, key: Key) -> (Option<Arc<Entry>>, bool) {
        let (entry, from_l2) = match self.write_behind.peek(&key) {
            Some(Peeked::Put(entry)) => (Some(entry), false),
            Some(Peeked::Removed) => (None, false),
            None => (self.read_store(key).await, true),
        };
        if let Some(entry) = &entry {
            self.memory.insert(key, Arc::clone(entry));
        }
        (entry, from_l2)
    }

    /// L2's entry; whatever goes wrong there is counted and is a miss.
    async fn read_store(&self, key: Key) -> Option<Arc<Entry>> {
        let stopwatch = Stopwatch::start();
        let read = tokio::time::timeout(self.rules.store_read_budget, self.store.read(key)).await;
        let (outcome, entry) = match read {
            Ok(Ok(Some(entry))) => (StoreRead::Hit, Some(entry)),
            Ok(Ok(None)) => (StoreRead::Miss, None),
            Ok(Err(error)) => {
                tracing::debug!(%key, error = crate::telemetry::chain(&error), "L2 read failed");
                (StoreRead::Error, None)
            }
            Err(_) => (StoreRead::Timeout, None),
        };
        self.metrics.store_read(outcome, stopwatch.elapsed());
        entry
    }

    async fn exchange(
        &self,
        target: &Target,
        previous: Option<&Arc<Entry>>,
        priority: Priority,
    ) -> Exchanged {
        let none = Validators::default();
        let positive = previous.filter(|entry| !entry.is_negative());
        let ask = Ask {
            target,
            validators: positive.map_or(&none, |entry| &entry.validators),
            token: positive.and_then(|entry| entry.token),
            priority,
        };
        let reply = self.upstream.get(ask).await;
        let now = self.clock.now();
        let exchanged = policy::verdict(target.as_str(), previous, reply, now, &self.rules);
        self.settle(target.key(), positive, exchanged, now)
    }

    /// Brings the tiers up to date: L1 at once, L2 by way of the queue.
    fn settle(
        &self,
        key: Key,
        previous: Option<&Arc<Entry>>,
        exchanged: Exchanged,
        now: Timestamp,
    ) -> Exchanged {
        match exchanged {
            Exchanged::Stored(entry) => Exchanged::Stored(self.keep(key, entry)),
            Exchanged::Freshened(entry) => Exchanged::Freshened(self.keep(key, entry)),
            Exchanged::Forgotten(entry) => {
                self.memory.insert(key, Arc::clone(&entry));
                self.write_behind.push(Change::Remove { key, as_of: now });
                Exchanged::Forgotten(entry)
            }
            Exchanged::Kept(kept) => {
                let reminder = previous
                    .and_then(|entry| policy::remember_failure(entry, &kept, now, &self.rules));
                if let Some(entry) = reminder {
                    self.memory.insert(key, Arc::new(entry));
                }
                Exchanged::Kept(kept)
            }
        }
    }

    fn keep(&self, key: Key, entry: Arc<Entry>) -> Arc<Entry> {
        if !policy::is_worth_persisting(&entry, &self.rules) {
            self.memory.insert(key, Arc::clone(&entry));
            return entry;
        }
        let persisted =
            Entry { persisted_expiry: Some(entry.times.expires_at), ..Arc::unwrap_or_clone(entry) };
        let entry = Arc::new(persisted);
        self.memory.insert(key, Arc::clone(&entry));
        self.write_behind.push(change(key, &entry, &self.rules));
        entry
    }
}

/// What L2 shall hear of a new entry. A body too large for it still ends the older one that it may hold.
fn change(key: Key, entry: &Arc<Entry>, rules: &config::Cache) -> Change {
    if entry.body.len() > LARGEST_PERSISTED_BODY {
        return Change::Remove { key, as_of: entry.times.checked_at };
    }
    Change::Put { entry: Arc::clone(entry), keep_until: policy::keep_until(entry, rules) }
}
