//! The documents in use, with the time of the last check of each.
//!
//! A hit marks a stamp beside its entry: it takes no lock and touches no shared counter. Only the
//! first hit after a sweep of a document with an overdue check also queues that check. The sweep
//! collects the stamps, saves them in the store's index, and decides by them which documents to
//! check. It also merges the rows of the index: those from before a restart, and those of other
//! replicas.
//!
//! No lock is held across an await. There may be 100,000 documents, so a walk over all of them goes
//! piece by piece.

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
use std::sync::atomic::{AtomicU32, Ordering};
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

/// The documents in use, at most about [`MOST_IN_USE`](crate::store::index::MOST_IN_USE) of them.
#[derive(Debug, Default)]
pub struct Activity {
    documents: KnownDocuments,
    /// The documents with an overdue check that clients were served, in the order of the requests.
    overdue: Mutex<VecDeque<Key>>,
    /// The number of sweeps so far.
    sweeps: AtomicU32,
    lateness: Mutex<Lateness>,
    reading: Mutex<Reading>,
}

/// A check is overdue if its document was last checked more than this many intervals ago.
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

/// The most documents that wait for an overdue check. Sweeps check the others in their own order.
const MOST_OVERDUE: usize = 1_024;

/// A document that may be revalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// The key of the document.
    pub key: Key,
    /// The measure of its use: at each sweep, half of the last measure plus the uses since then.
    pub uses: u64,
    /// The time of its last use.
    pub used_at: Timestamp,
    /// Its last check, by any replica.
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

/// The facts about a document that L1 is about to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its last check.
    pub check: Check,
    /// True if the store keeps its body, so that other replicas can read it there.
    pub is_shared: bool,
    /// Its repositories.
    pub repositories: Repositories,
}

#[derive(Debug, Default)]
struct Known {
    usage: Arc<Usage>,
    uses: u64,
    /// The number of uses before the last sweep.
    served: u32,
    check: Option<Check>,
    /// Its row in the index.
    saved: Option<Saved>,
    /// True if each replica has a body of its own, because the store does not keep it. A check by
    /// another replica then confirms nothing here.
    is_private: bool,
    /// True if no tier has a body to revalidate.
    is_bodiless: bool,
    charges: Charges,
    mutability: Mutability,
    repositories: Repositories,
    /// The first time at which another replica had its lease since the last check that is known
    /// here, and that check.
    leased: Option<(Timestamp, Option<Check>)>,
}

impl Activity {
    /// Records a document that L1 is about to hold. Returns its stamp.
    pub fn hold(&self, key: Key, holding: Holding, now: Timestamp) -> Arc<Usage> {
        self.documents.with(key, |known| {
            known.forget_implausible(now);
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

    /// Records that the store does not keep the body that L1 holds.
    pub fn mark_private(&self, key: Key) {
        self.documents.with_known(key, |known| known.is_private = true);
    }

    /// Stamps a document that was served, but not by a hit in L1.
    pub fn mark(&self, key: Key, now: Timestamp) {
        self.documents.with(key, |known| known.usage.mark(now));
    }

    /// Returns the facts that decide about the next check of a document, or `None` if sweeps do not
    /// check it.
    pub fn active(&self, key: Key) -> Option<Active> {
        self.documents.with_known(key, |known| known.is_checked().then(|| known.active(key)))?
    }

    /// Returns the last known check of a document.
    pub fn check(&self, key: Key) -> Option<Check> {
        self.documents.with_known(key, |known| known.check)?
    }

    /// Queues the overdue check of a document that a client was served, at most once per sweep.
    /// Queued checks come before all others.
    pub fn want_check(&self, key: Key, usage: &Usage) {
        // A stamp whose document is forgotten here is not part of any walk, but it compares too.
        let sweep = self.sweeps.load(Ordering::Relaxed).wrapping_add(1);
        if usage.want_check(sweep) {
            let mut overdue = self.overdue.lock();
            if overdue.len() < MOST_OVERDUE {
                overdue.push_back(key);
            }
        }
    }

    /// Records the lateness of the checks.
    pub fn note_lateness(&self, lateness: Lateness) {
        *self.lateness.lock() = lateness;
    }

    /// Returns the lateness of the checks, as of the last sweep.
    pub fn lateness(&self) -> Lateness {
        *self.lateness.lock()
    }

    /// Removes and returns the next document with a queued check.
    pub fn next_overdue(&self) -> Option<Key> {
        self.overdue.lock().pop_front()
    }

    /// Records that a check in the background has ended at `now`, and whether it was charged to the
    /// quota.
    pub fn checked(&self, key: Key, is_charged: bool, now: Timestamp) {
        self.documents.with_known(key, |known| {
            known.charges = known.charges.with(is_charged, known.usage.used_at(), now);
            known.leased = None;
        });
    }

    /// Records that another replica has the lease of a document. Returns the time since when other
    /// replicas have had it without a check that is known here.
    pub fn note_lease(&self, key: Key, now: Timestamp) -> Duration {
        let waited = self.documents.with_known(key, |known| {
            let goes_on = |(since, check): &(Timestamp, Option<Check>)| {
                *check == known.check && *since <= now
            };
            let since = known.leased.filter(goes_on).map_or(now, |(since, _)| since);
            known.leased = Some((since, known.check));
            now.since(since)
        });
        waited.unwrap_or_default()
    }

    /// Returns the cost of a document's checks.
    pub fn charges(&self, key: Key) -> Charges {
        self.documents.with_known(key, |known| known.charges).unwrap_or_default()
    }

    /// Records how a document changes. The record is valid until L1 holds another body of the
    /// document.
    pub fn note_mutability(&self, key: Key, mutability: Mutability) {
        self.documents.with_known(key, |known| known.mutability = mutability);
    }

    /// Records that there is no body to revalidate, until L1 holds one again.
    pub fn mark_bodiless(&self, key: Key) {
        self.documents.with_known(key, |known| known.is_bodiless = true);
    }

    /// Returns the documents used since `cutoff` that sweeps check. Forgets documents that were
    /// last used before `cutoff` and that L1 does not hold. Each call halves the weight of earlier
    /// uses.
    pub async fn collect(&self, cutoff: Timestamp) -> Vec<Active> {
        self.sweeps.fetch_add(1, Ordering::Relaxed);
        let mut active = Vec::with_capacity(self.documents.len());
        let documents = self.documents.visit(|piece| {
            piece.retain(|_, known| known.usage.used_at() >= cutoff || known.is_held());
            for (key, known) in piece.iter_mut() {
                let taken = known.usage.take_uses();
                known.uses = known.uses / 2 + u64::from(taken);
                known.served = known.served.saturating_add(taken);
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
    /// Returns true if sweeps check the document.
    fn is_checked(&self) -> bool {
        let may_change = self.mutability != Mutability::Immutable;
        self.usage.is_used() && !self.is_bodiless && may_change
    }

    /// Forgets a check that a clock ahead has dated. It would hide each later one.
    fn forget_implausible(&mut self, now: Timestamp) {
        self.check = self.check.filter(|check| check.is_plausible(now));
        if let Some(saved) = &mut self.saved {
            saved.forget_implausible(now);
        }
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
