//! The state of a document, and the fate of a request for it now, for somebody who asks why.

use std::sync::Arc;
use std::time::Duration;

use crate::activity::Mutability;
use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::target::Target;

use super::Cache;
use super::mutability::mutability;
use super::policy::{self, Demand, Recall};
use super::status::Status;
use super::tiers::Lookup;

/// The place of a document in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Memory.
    L1,
    /// The persistent tier, or the queue in front of it.
    L2,
    /// None.
    Nowhere,
    /// Not in memory, and the persistent tier does not answer.
    Unknown,
}

/// The fate of a request that came now.
#[derive(Clone, Debug)]
pub enum Prospect {
    /// It gets what is stored, and costs no call.
    Serve(Status),
    /// It gets what is stored, and the upstream is asked in the background.
    ServeAndRetry(Status),
    /// It waits for the upstream.
    Wait,
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
    /// The fate of a request.
    pub prospect: Prospect,
    /// The kind of the document, as far as that is known.
    pub mutability: Option<Mutability>,
    /// True if another page of its list has changed since its last check.
    pub is_outdated: bool,
    /// The interval of its checks while it is in use.
    pub check_interval: Duration,
}

impl Cache {
    /// Explains a document. It asks no upstream, promotes nothing and counts as no use.
    pub async fn explain(&self, target: &Target) -> Explanation {
        let tiers = &self.0;
        let (tier, entry) = match tiers.memory.entry(&target.key()) {
            Some(entry) => (Tier::L1, Some(entry)),
            None => match tiers.read_outside_l1(target.key()).await {
                Lookup::Found { entry, .. } => (Tier::L2, Some(entry)),
                Lookup::Absent { .. } => (Tier::Nowhere, None),
                Lookup::Unknown(_) => (Tier::Unknown, None),
            },
        };
        let now = tiers.clock.now();
        let outdated = entry.as_ref().and_then(|entry| tiers.outdated(target, entry));
        let judged = outdated.as_ref().or(entry.as_ref());
        let recall = judged.map(|it| policy::recall(it, Demand::Cached, now, &tiers.rules));
        let prospect = match recall {
            Some(Recall::Serve(answer)) => Prospect::Serve(answer.status),
            Some(Recall::ServeAndRetry(answer)) => Prospect::ServeAndRetry(answer.status),
            Some(Recall::Ask) | None => Prospect::Wait,
        };
        let documents = entry.as_ref().filter(|entry| !entry.is_negative());
        Explanation {
            tier,
            now,
            prospect,
            mutability: documents.map(|entry| mutability(target, entry, now)),
            is_outdated: outdated.is_some(),
            check_interval: tiers.rules.check_interval,
            entry,
        }
    }
}
