//! The index of documents in use: which ones, and when each was last found current.
//!
//! It is what the background revalidation goes by, and what is left of it after a restart. It holds
//! no bodies: those are in the records. Replicas that share a store share the index, and take turns
//! by [`Claim`].

use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::{CLOCK_DIFFERENCE, Check};
use crate::target::Key;

/// The number of documents that an index holds; beyond that, those that were not used for longest
/// go.
pub const MOST_IN_USE: usize = 100_000;

/// A document in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The key of the document.
    pub key: Key,
    /// The time of its last use.
    pub used_at: Timestamp,
    /// The last check, if there was one.
    pub check: Option<Check>,
}

/// The use of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The time at which a client was last served.
    pub at: Timestamp,
    /// True if clients were served more than once. The many documents of a scan are in use as well,
    /// once each.
    pub is_repeated: bool,
}

/// The uses of documents as memory knows them: at once, while rows reach the index later, and not
/// each use.
pub trait Uses: Send + Sync + 'static {
    /// The uses of a document, if memory knows of any.
    fn of(&self, key: Key) -> Option<Used>;
}

impl InUse {
    /// The row without what nobody can have put there: a use further ahead than one may lie back,
    /// and a check that is still to come.
    pub fn plausible(self, now: Timestamp, lookback: Duration) -> Option<Self> {
        let check = self.check.filter(|check| check.at <= now + CLOCK_DIFFERENCE);
        (self.used_at <= now + lookback).then_some(Self { check, ..self })
    }

    /// The uses that the row tells of. Where nothing was checked, it does not tell the first one
    /// from later ones.
    pub fn used(self) -> Used {
        let is_repeated = self.check.is_none_or(|check| check.was_before(self.used_at));
        Used { at: self.used_at, is_repeated }
    }

    /// Returns the later use and the later check of both.
    pub fn merge(self, other: Self) -> Self {
        Self {
            key: self.key,
            used_at: self.used_at.max(other.used_at),
            check: self.check.max(other.check),
        }
    }
}

/// A wish to revalidate a document that others may want to revalidate as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key of the document.
    pub key: Key,
    /// For how long nobody else may.
    pub lease: Duration,
    /// The time between two revalidations of all replicas together.
    pub spacing: Duration,
    /// The longest wait for a turn that the replica accepts.
    pub patience: Duration,
}

/// The answer to a [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The document is leased, and its turn comes after this wait.
    Granted {
        /// The wait for its turn.
        wait: Duration,
    },
    /// Another one has the lease.
    Taken,
    /// The turns within the patience are all given away.
    NoTurn,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const LOOKBACK: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_row_from_the_future_is_believed_within_bounds() {
        let far = Timestamp::from_millis(u64::MAX);
        let check = |at| Some(Check { at, fetched_at: NOW });
        let row = |used_at, check| InUse { key: Key::of("a"), used_at, check };
        let plausible = |row: InUse| row.plausible(NOW, LOOKBACK);
        let honest = row(NOW, check(NOW + CLOCK_DIFFERENCE));
        assert_eq!(plausible(honest), Some(honest));
        let ahead = row(NOW + LOOKBACK, None);
        assert_eq!(plausible(ahead), Some(ahead));
        assert_eq!(plausible(row(far, check(NOW))), None);
        assert_eq!(plausible(row(NOW, check(far))), Some(row(NOW, None)));
    }
}
