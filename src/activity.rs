//! The documents in use, with the time of the last check of each.
//!
//! A hit marks a stamp beside its entry and does nothing else: it takes no lock and touches no
//! queue and no shared counter. The sweep collects the stamps, saves them in the store's index, and
//! decides by them which documents to check. It merges the index in after a restart, and the rows
//! of other replicas.
//!
//! Misses and the sweep take the locks, hits do not, and none is held across an await. There may be
//! 100,000 documents, so a walk over all of them goes piece by piece.

mod charges;
mod documents;
mod interval;
mod repositories;
mod saving;
mod survey;
mod top;
mod usage;
mod uses;

#[cfg(test)]
mod tests;

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::Check;
use crate::target::Key;

use documents::KnownDocuments;
use saving::{Reading, Saved};

pub use charges::Charges;
pub use interval::until_next;
pub use repositories::Repositories;
pub use saving::Worth;
pub use survey::{Standouts, UsedDocument};
pub use top::Top;
pub use usage::Usage;

/// The knowledge of documents in use; at most some
/// [`MOST_IN_USE`](crate::store::index::MOST_IN_USE) of them.
#[derive(Debug, Default)]
pub struct Activity {
    documents: KnownDocuments,
    /// Documents that clients were served and whose check is overdue, in the order of the requests.
    overdue: Mutex<VecDeque<Key>>,
    lateness: Mutex<Lateness>,
    reading: Mutex<Reading>,
}

/// A check is overdue when its document was last checked more than so many intervals ago.
pub const OVERDUE_AFTER: u32 = 2;
/// The time between two checks of a document that hardly ever changes.
pub const PINNED_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The lateness of the checks of documents in use, as of the last sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// Documents whose check is overdue ([`OVERDUE_AFTER`]).
    pub overdue: usize,
    /// The age of the oldest check.
    pub oldest: Duration,
}

/// Documents that may wait for an overdue check; sweeps come to the others in their own order.
const MOST_OVERDUE: usize = 1_024;

/// A document that may be revalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// The key of the document.
    pub key: Key,
    /// The measure of its use: the uses since the last sweep, and half of what this was then.
    pub uses: u64,
    /// The time of its last use.
    pub used_at: Timestamp,
    /// Its last check, by whichever replica.
    pub check: Option<Check>,
    /// The cost of its checks.
    pub charges: Charges,
    /// The way in which it changes.
    pub mutability: Mutability,
}

/// The way in which a document changes, as far as its URL and its body tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutability {
    /// At any time.
    #[default]
    Mutable,
    /// Hardly ever: the release of a tag that is some weeks old.
    Pinned,
    /// Never: it is named by the hash of its contents.
    Immutable,
}

/// The statement of L1 about a document that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its last check.
    pub check: Check,
    /// True if the store takes its body, so that replicas can have it from there.
    pub is_shared: bool,
    /// Its repositories.
    pub repositories: Repositories,
}

#[derive(Debug, Default)]
struct Known {
    usage: Arc<Usage>,
    uses: u64,
    /// All uses before the last sweep.
    served: u32,
    check: Option<Check>,
    /// The row in the index.
    saved: Option<Saved>,
    /// True if a check by another replica is worth anything here: not where each has a body of its
    /// own.
    is_private: bool,
    /// True if no tier had a body for it.
    is_bodiless: bool,
    charges: Charges,
    mutability: Mutability,
    repositories: Repositories,
}

impl Activity {
    /// The stamp of a document that L1 is about to hold.
    pub fn hold(&self, key: Key, holding: Holding) -> Arc<Usage> {
        self.documents.with(key, |known| {
            if known.check.is_some_and(|check| check.fetched_at != holding.check.fetched_at) {
                // The new body may be of another kind.
                known.mutability = Mutability::Mutable;
            }
            known.check = known.check.max(Some(holding.check));
            known.is_private = !holding.is_shared;
            known.is_bodiless = false;
            known.repositories = holding.repositories;
            Arc::clone(&known.usage)
        })
    }

    /// Stamps a document that was served otherwise than from L1.
    pub fn mark(&self, key: Key, now: Timestamp) {
        self.documents.with(key, |known| known.usage.mark(now));
    }

    /// Returns what decides about the next check of a document; `None` if sweeps do not come to it.
    pub fn active(&self, key: Key) -> Option<Active> {
        self.documents.with_known(key, |known| known.is_checked().then(|| known.active(key)))?
    }

    /// The last check of a document that is known of.
    pub fn check(&self, key: Key) -> Option<Check> {
        self.documents.with_known(key, |known| known.check)?
    }

    /// A client was served a document whose check is overdue: it is checked before others that
    /// wait, once a sweep at most.
    pub fn want_check(&self, key: Key, usage: &Usage) {
        if usage.want_check() {
            let mut overdue = self.overdue.lock();
            if overdue.len() < MOST_OVERDUE {
                overdue.push_back(key);
            }
        }
    }

    /// Notes the lateness of the checks.
    pub fn note_lateness(&self, lateness: Lateness) {
        *self.lateness.lock() = lateness;
    }

    /// The lateness of the checks, as of the last sweep.
    pub fn lateness(&self) -> Lateness {
        *self.lateness.lock()
    }

    /// Takes the next document whose check is overdue and which a client was served.
    pub fn next_overdue(&self) -> Option<Key> {
        self.overdue.lock().pop_front()
    }

    /// A check in the background has ended, `now`; it may have been charged to the quota.
    pub fn checked(&self, key: Key, is_charged: bool, now: Timestamp) {
        self.documents.with_known(key, |known| {
            known.charges = known.charges.with(is_charged, known.usage.used_at(), now);
        });
    }

    /// The cost of a document's checks.
    pub fn charges(&self, key: Key) -> Charges {
        self.documents.with_known(key, |known| known.charges).unwrap_or_default()
    }

    /// Takes in how a document changes, until L1 holds another body of it.
    pub fn note_mutability(&self, key: Key, mutability: Mutability) {
        self.documents.with_known(key, |known| known.mutability = mutability);
    }

    /// There is no body to revalidate, until L1 holds one again.
    pub fn mark_bodiless(&self, key: Key) {
        self.documents.with_known(key, |known| known.is_bodiless = true);
    }

    /// The documents used since `cutoff`, as far as there is a body to revalidate. Those used
    /// longer ago that L1 does not hold either are forgotten. Each call halves what the uses before
    /// the last one count.
    pub async fn collect(&self, cutoff: Timestamp) -> Vec<Active> {
        let mut active = Vec::with_capacity(self.documents.len());
        let documents = self.documents.visit(|piece| {
            piece.retain(|_, known| known.usage.used_at() >= cutoff || known.is_held());
            for (key, known) in piece.iter_mut() {
                let taken = known.usage.take_uses();
                known.uses = known.uses / 2 + u64::from(taken);
                known.served = known.served.saturating_add(taken);
                if known.mutability == Mutability::Mutable {
                    known.usage.begin_sweep();
                }
                if known.is_checked() && known.usage.used_at() >= cutoff {
                    active.push(known.active(*key));
                }
            }
        });
        documents.await;
        active
    }

    /// Returns how many documents are known.
    pub fn known(&self) -> usize {
        self.documents.len()
    }
}

impl Known {
    fn is_in_use(&self) -> bool {
        self.usage.used_at() > Timestamp::default()
    }

    /// Returns true if sweeps come to it.
    fn is_checked(&self) -> bool {
        let may_change = self.mutability != Mutability::Immutable;
        self.is_in_use() && !self.is_bodiless && may_change
    }

    fn recent_uses(&self) -> u64 {
        self.uses + u64::from(self.usage.uses())
    }

    /// Returns true if the stamp lies beside an entry in L1.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.usage) > 1
    }

    fn active(&self, key: Key) -> Active {
        Active {
            key,
            uses: self.uses,
            used_at: self.usage.used_at(),
            check: self.check,
            charges: self.charges,
            mutability: self.mutability,
        }
    }
}
