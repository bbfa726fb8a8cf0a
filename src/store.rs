//! L2: the tier that outlives the process.
//!
//! A store keeps entries by key and never decides whether one may be served: that is the cache's
//! business, as is the time a read may take. Every error here is the store's own trouble; none
//! reaches a client.

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

/// A boxed future: the trait is used as an object, and its calls are far from the hit path.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The stored entry of a key, expired or not; an error where its record is damaged, foreign or
/// newer.
pub type Read = Result<Option<Arc<Entry>>, record::Error>;

/// A persistent tier.
pub trait Store: Send + Sync + 'static {
    /// The stored entry of `key`, expired or not. A damaged, foreign or newer record is
    /// [`Error::Record`].
    fn read(&self, key: Key) -> BoxFuture<'_, Result<Option<Arc<Entry>>, Error>>;

    /// The same of several keys in one operation, in their order.
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        Box::pin(async move {
            let mut reads = Vec::with_capacity(keys.len());
            for key in keys.iter() {
                reads.push(match self.read(*key).await {
                    Ok(entry) => Ok(entry),
                    Err(Error::Record(error)) => Err(error),
                    Err(error) => return Err(error),
                });
            }
            Ok(reads)
        })
    }

    /// Applies a batch in its order; one that fails may have been applied in part. A change takes
    /// effect on a record that was checked no later than what it vouches for ([`Change::as_of`]),
    /// so that a late write never brings an older version back, and applying a batch twice is the
    /// same as applying it once. A record that was checked after `now` stands in nobody's way: a
    /// clock that was ahead dated it.
    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// Removes expired records and keeps the size bound, a bounded piece of work a call.
    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// Merges rows into the index of documents in use ([`InUse::merge`]) and forgets what was last
    /// used before `cutoff`.
    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>>;

    /// The documents used at `since` or later, at most [`index::MOST_IN_USE`] of them, the last
    /// used first.
    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>>;

    /// Asks memory about the uses of documents where the store has to choose which ones go. One
    /// that leaves that choice to its server need not.
    fn consult(&self, _uses: Arc<dyn Uses>) {}

    /// Returns true if other processes use the same index while this one does.
    fn is_shared(&self) -> bool {
        true
    }

    /// Asks for the right to revalidate a document, against all others that share the store.
    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, Error>>;

    /// Opens what is not open, and shows by a cheap read whether the store answers within `budget`.
    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>>;

    /// Returns how often the store has lost all that it had, as far as looks have found out: a
    /// server was emptied, a file was replaced.
    fn losses(&self) -> u64 {
        0
    }

    /// Lets go of whatever the store holds; every later call is an error.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// One write.
#[derive(Clone, Debug)]
pub enum Change {
    /// Keep this entry until the given moment (its expiry and the time an expired copy is still of
    /// use). An entry whose body turns out to be too large for a store is removed.
    Put {
        /// The entry to keep.
        entry: Arc<Entry>,
        /// From here on the record may be swept.
        keep_until: Timestamp,
    },
    /// The document is gone, or its newest body does not belong in the store.
    Remove {
        /// The key of the record.
        key: Key,
        /// A record that was checked later than this stays.
        as_of: Timestamp,
    },
}

impl Change {
    /// The key that this change is about.
    pub fn key(&self) -> Key {
        match self {
            Self::Put { entry, .. } => entry.key(),
            Self::Remove { key, .. } => *key,
        }
    }

    /// The moment this change vouches for: it takes effect on a record that was checked no later.
    pub fn as_of(&self) -> Timestamp {
        match self {
            Self::Put { entry, .. } => entry.times.checked_at,
            Self::Remove { as_of, .. } => *as_of,
        }
    }

    /// The record that takes the place of an older one, and the moment until which it stays;
    /// nothing where the older one goes. Makes the gzip form of the body where nobody has.
    pub fn record(&self) -> Option<(Vec<u8>, Timestamp)> {
        let Self::Put { entry, keep_until } = self else { return None };
        entry.body.make_gzip();
        entry.is_persistable().then(|| (record::encode(entry, *keep_until), *keep_until))
    }
}

/// The reason for which a store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store itself is in trouble: a full disk, a closed file, a dead server.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store did not answer in time.
    #[error("the store does not answer within {0:?}")]
    TooSlow(Duration),
    /// The store answered, with a record that cannot be used.
    #[error("the stored record is unusable")]
    Record(#[from] record::Error),
}
