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
mod tiers;
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
pub use tiers::Tiers;

use flight::{Candidate, Flight, Landing, Role};

use crate::target::Target;
use crate::upstream::{Failure, Priority, Reason};

/// The tiers and the way through them; clones share them.
#[derive(Clone)]
pub struct Cache(Arc<Tiers>);

impl Cache {
    /// A cache on these tiers.
    pub fn new(tiers: Tiers) -> Self {
        Self(Arc::new(tiers))
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
        let tiers = &self.0;
        let entry = tiers.memory.get(&target.key())?;
        match policy::recall(&entry, demand, tiers.clock.now(), &tiers.rules) {
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
    /// with a stored entry that does not satisfy a refresh, or was the background's and not allowed to ask.
    async fn wait(&self, target: &Target, demand: Demand) -> Answer {
        let tiers = &self.0;
        loop {
            let (flight, role) = self.board(target, demand, Priority::Foreground);
            let collapsed = role == Role::Follower;
            if collapsed {
                tiers.metrics.followers.inc();
            }
            let background = flight.priority() == Priority::Background;
            let serves =
                |copy: &Entry| policy::serves(copy, demand, tiers.clock.now(), &tiers.rules);
            let facts = match flight.wait(self.patience(demand), serves).await {
                Landing::Landed(facts) => facts,
                Landing::Candidate(Candidate { entry, from_l2 })
                    if entry.is_fresh(tiers.clock.now()) =>
                {
                    Arc::new(Facts::Found { entry, from_l2 })
                }
                Landing::Candidate(copy) => return policy::late(&copy.entry, collapsed),
                Landing::Crashed => Arc::new(self.wreckage(target)),
            };
            if background && facts.are_without_call() {
                // What the background may not do, the foreground still may.
                continue;
            }
            let now = tiers.clock.now();
            if let Some(answer) = policy::answer(demand, &facts, collapsed, now, &tiers.rules) {
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

    fn board(&self, target: &Target, demand: Demand, priority: Priority) -> (Flight, Role) {
        let tiers = Arc::clone(&self.0);
        let target = target.clone();
        self.0.flights.join(target.key(), priority, |beacon| async move {
            tiers.fly(&target, demand, priority, &beacon).await
        })
    }
}
