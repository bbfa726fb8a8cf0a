//! L2: the persistent tier, which outlives the process.
//!
//! A store keeps entries by key. The cache decides whether an entry may be served, and callers
//! bound the time of a read. No error of a store reaches a client.

pub mod breaker;
mod cause;
pub mod embedded;
pub mod guard;
pub mod index;
mod metrics;
mod reads;
pub mod record;
pub mod redis;
pub mod watch;

#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::target::Key;

pub use cause::WriteRefusal;
pub use guard::{Guard, Unread};
pub use index::{Claim, Claimed, InUse, Used, Uses};
pub use metrics::StoreMetrics;

/// A boxed future: svm uses the trait as an object, and no hit calls it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The result of reading one key: its entry, expired or not, or the error of an unusable record.
pub type Read = Result<Option<Arc<Entry>>, record::Error>;

/// A persistent tier.
pub trait Store: Send + Sync + 'static {
    /// Reads several keys in one operation. Returns the results in the order of the keys.
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>>;

    /// Applies the changes of a batch in order. A failed batch may have been applied in part. A
    /// change leaves a record that was checked after [`Change::as_of`] as it is. So a late write
    /// never restores an older version, and applying a batch twice has the effect of applying it
    /// once. Any change replaces a record that was checked after `now`, because a clock that was
    /// ahead dated it. In a store of several replicas, their clocks may differ by
    /// [`CLOCK_DIFFERENCE`](crate::entry::CLOCK_DIFFERENCE).
    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// Removes expired records and enforces the size bound. One call does a bounded amount of work.
    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// Merges rows into the index of documents in use, and drops rows that were last used before
    /// `cutoff`. Each document keeps its later use, and its later check unless that is from the
    /// future.
    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns the documents used at `since` or later, at most [`index::MOST_IN_USE`] of them, the
    /// most recently used first.
    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>>;

    /// Sets the source of uses that the store consults to choose records to evict. The default does
    /// nothing, for a store whose server evicts.
    fn consult(&self, _uses: Arc<dyn Uses>) {}

    /// Returns true if other processes may use the same index at the same time.
    fn is_shared(&self) -> bool {
        true
    }

    /// Claims the right to revalidate a document, to the exclusion of all replicas that share the
    /// store.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, Error>>;

    /// Gives the right to revalidate a document back, if this process has it. The default does
    /// nothing, for a store that only one process uses.
    fn release(&self, _key: Key) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Opens or connects the store if necessary, and checks with a cheap read that it answers
    /// within `budget`.
    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns how often the store has lost all its contents, as far as svm has noticed: for
    /// example, a server was emptied or a file was replaced.
    fn losses(&self) -> u64 {
        0
    }

    /// Releases the file or the connections. Later calls that need them fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// A change of one record.
#[derive(Clone, Debug)]
pub enum Change {
    /// Stores an entry. If its body turns out to be too large for a store, the older record is
    /// removed.
    Put {
        /// The entry to store.
        entry: Arc<Entry>,
        /// The time from which on a sweep may remove the record: the end of the time in which the
        /// entry is useful, as a fresh entry or as an expired copy.
        keep_until: Timestamp,
    },
    /// Removes a record: the document no longer exists, or its newest body is too large for a
    /// store.
    Remove {
        /// The key of the record.
        key: Key,
        /// The time of the check that caused the removal. A record with a later check stays.
        as_of: Timestamp,
    },
}

impl Change {
    /// Returns the key of the record.
    pub fn key(&self) -> Key {
        match self {
            Self::Put { entry, .. } => entry.key(),
            Self::Remove { key, .. } => *key,
        }
    }

    /// Returns the time of the check behind this change. A record with a later check stays.
    pub fn as_of(&self) -> Timestamp {
        match self {
            Self::Put { entry, .. } => entry.times.checked_at,
            Self::Remove { as_of, .. } => *as_of,
        }
    }

    /// Returns the new record and the end of its keeping, or `None` if the change only removes the
    /// older record. Makes the gzip form of the body if it does not exist yet.
    pub fn record(&self) -> Option<(Vec<u8>, Timestamp)> {
        let Self::Put { entry, keep_until } = self else { return None };
        entry.body.make_gzip();
        entry.is_persistable().then(|| (record::encode(entry, *keep_until), *keep_until))
    }
}

/// The error of a call to a store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store does not work: for example, its disk is full, its file is closed or its server is
    /// down.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store did not answer in time.
    #[error("the store does not answer within {0:?}")]
    TooSlow(Duration),
}
