//! An explanation of a document: its state, and the outcome that a request for it would have now.

use std::sync::Arc;
use std::time::Duration;

use crate::activity::{Active, Mutability};
use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::target::{Key, Target};
use crate::upstream::Failure;
use crate::words::words;

use super::Cache;
use super::fetch::Lookup;
use super::flight_result::{ExchangeResult, FlightResult, NotStored};
use super::mutability::mutability;
use super::policy::{self, Demand, Recall};
use super::status::Status;

words! {
    /// The place of a document in the cache.
    pub enum Tier {
        /// Memory.
        L1 = "l1",
        /// The persistent tier, or the queue in front of it.
        L2 = "l2",
        /// No tier.
        Nowhere = "none",
        /// Not in memory, and the persistent tier does not answer.
        Unknown = "unknown",
        /// Not in memory, and the persistent tier was not to be read.
        Unread = "unread",
    }
}

/// The outcome that a request would have now.
#[derive(Clone, Debug)]
pub enum Prospect {
    /// A stored entry answers it, without a call.
    Serve(Status),
    /// A stored entry answers it, and a call is made in the background.
    ServeAndRetry(Status),
    /// It waits for the upstream.
    Wait,
    /// It needs a call, and none is possible now: a copy or a refusal answers it at once.
    WithoutCall {
        /// The origin of its answer.
        status: Status,
        /// True if a copy stands in.
        has_copy: bool,
        /// The obstacle.
        failure: Failure,
    },
}

/// The state of a document.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The place of its entry.
    pub tier: Tier,
    /// The stored entry.
    pub entry: Option<Arc<Entry>>,
    /// The time of the explanation.
    pub now: Timestamp,
    /// The outcome of a request.
    pub prospect: Prospect,
    /// The kind of the document, as far as that is known.
    pub mutability: Option<Mutability>,
    /// True if another page of its list has changed since its last check.
    pub is_outdated: bool,
    /// The interval of its checks while it is in use.
    pub check_interval: Duration,
    /// The use and the cost that decide about its next check, if sweeps come to it.
    pub active: Option<Active>,
    /// The time for which a flight of it has been under way.
    pub call: Option<Duration>,
    /// The obstacle to a call for it now.
    pub obstacle: Option<Failure>,
}

/// The tiers that an explanation may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Memory, and the queue in front of the persistent tier: for a client over its rate, which
    /// costs the store no read.
    Memory,
    /// Every tier.
    Store,
}

impl Cache {
    /// Explains a document, and the outcome of a request with this demand. It calls no upstream,
    /// promotes nothing and counts as no use. `wants_another` tells whether a stored entry with
    /// this status does not suffice, so that the interface asks for another answer.
    pub async fn explain(
        &self,
        target: &Target,
        demand: Demand,
        depth: Depth,
        wants_another: impl FnOnce(&Entry, &Status) -> bool,
    ) -> Explanation {
        let parts = &self.0;
        let key = target.key();
        let (tier, entry) = self.locate(key, depth).await;
        let now = parts.clock.now();
        let outdated = entry.as_ref().and_then(|entry| self.outdated(entry, now));
        let needs_token =
            target.gets_token() && !entry.as_ref().is_some_and(|entry| entry.came_without_token());
        let obstacle = parts.upstream.check_possible(target, needs_token).err();
        let call = parts.flights.underway_for(&key);
        // A client over its rate may join a call and start none, and gets outdated pages.
        let may_call = depth == Depth::Store || call.is_some();
        let judged = outdated.as_ref().filter(|_| may_call).or(entry.as_ref());
        let mut prospect = self.prospect(judged, demand, obstacle.clone(), now);
        if may_call
            && let Prospect::Serve(status) | Prospect::ServeAndRetry(status) = &prospect
            && let Some(entry) = judged.filter(|entry| wants_another(entry, status))
        {
            let another = self.prospect(judged, Demand::Another, obstacle.clone(), now);
            // If there is none, a document is the answer all the same.
            if entry.is_negative() || !matches!(another, Prospect::WithoutCall { .. }) {
                prospect = another;
            }
        }
        let documents = entry.as_ref().filter(|entry| !entry.is_negative());
        Explanation {
            tier,
            now,
            prospect,
            mutability: documents.map(|entry| mutability(target, entry, now)),
            is_outdated: outdated.is_some(),
            check_interval: parts.rules.check_interval,
            active: parts.activity.active(key),
            call,
            obstacle,
            entry,
        }
    }

    /// Returns the place of a document, and its entry.
    async fn locate(&self, key: Key, depth: Depth) -> (Tier, Option<Arc<Entry>>) {
        if let Some(entry) = self.0.memory.entry(&key) {
            return (Tier::L1, Some(entry));
        }
        let found = match depth {
            Depth::Memory => match self.queued(key) {
                Some(found) => found,
                None => return (Tier::Unread, None),
            },
            Depth::Store => self.read_with_check(key).await,
        };
        match found {
            Lookup::Found(found) => (Tier::L2, Some(found.entry)),
            Lookup::Absent { .. } => (Tier::Nowhere, None),
            Lookup::Unknown(_) => (Tier::Unknown, None),
        }
    }

    /// Returns the outcome of a request that finds this entry.
    fn prospect(
        &self,
        entry: Option<&Arc<Entry>>,
        demand: Demand,
        obstacle: Option<Failure>,
        now: Timestamp,
    ) -> Prospect {
        match entry.map(|entry| policy::recall(entry, demand, now, &self.0.rules)) {
            Some(Recall::Serve(answer)) => return Prospect::Serve(answer.status),
            Some(Recall::ServeAndRetry(answer)) => return Prospect::ServeAndRetry(answer.status),
            Some(Recall::Ask) | None => {}
        }
        let Some(failure) = obstacle else { return Prospect::Wait };
        let exchanged = ExchangeResult::NotStored(NotStored::Failed(failure.clone()));
        let result = FlightResult::Exchange { previous: entry.cloned(), exchanged };
        match policy::answer(demand, &result, false, now, &self.0.rules) {
            Some(answer) => {
                let has_copy = answer.is_document();
                Prospect::WithoutCall { status: answer.status, has_copy, failure }
            }
            None => Prospect::Wait,
        }
    }
}
