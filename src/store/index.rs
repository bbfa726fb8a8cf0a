//! The index of documents in use, with the last use and the last check of each.
//!
//! The background reads the index to learn of the uses before a restart and of the checks by other
//! replicas. The index holds no bodies; those are in the records. Replicas that share a store share
//! its index, and take turns by [`Claim`].

use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::Check;
use crate::target::Key;

/// The most documents that an index holds. Beyond that, it drops the least recently used ones.
pub const MOST_IN_USE: usize = 100_000;

/// A document in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The key of the document.
    pub key: Key,
    /// The time of its last use.
    pub used_at: Timestamp,
    /// Its last check, if there was one.
    pub check: Option<Check>,
}

/// The use of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The time at which a client was last served.
    pub at: Timestamp,
    /// True if clients were served more than once. A scan uses many documents, but each only once.
    pub is_repeated: bool,
}

/// The uses of documents, as memory knows them. Memory knows of each use at once; the index learns
/// of uses later, and not of each.
pub trait Uses: Send + Sync + 'static {
    /// Returns the use of a document, if memory knows of one.
    fn of(&self, key: Key) -> Option<Used>;
}

impl InUse {
    /// Returns the row without implausible values: `None` if the use is more than `lookback` in the
    /// future, and no check if that is in the future by more than clocks differ.
    pub fn plausible(self, now: Timestamp, lookback: Duration) -> Option<Self> {
        let check = self.check.filter(|check| check.is_plausible(now));
        (self.used_at <= now + lookback).then_some(Self { check, ..self })
    }

    /// Returns the use that the row shows. A row without a check counts as a repeated use, because
    /// it does not show whether the use was the first.
    pub fn used(self) -> Used {
        let is_repeated = self.check.is_none_or(|check| check.was_before(self.used_at));
        Used { at: self.used_at, is_repeated }
    }

    /// Returns the later use of both rows, and the check of `newer`, which the same process saved
    /// later. An earlier time of that check shows that the clock was set back.
    pub fn merge(self, newer: Self) -> Self {
        Self {
            key: self.key,
            used_at: self.used_at.max(newer.used_at),
            check: newer.check.or(self.check),
        }
    }
}

/// A request for the right to revalidate a document, which other replicas may request as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key of the document.
    pub key: Key,
    /// The time for which no other replica may revalidate it.
    pub lease: Duration,
    /// The time between two revalidations, counted over all replicas.
    pub spacing: Duration,
    /// The longest wait for a turn that the replica accepts.
    pub patience: Duration,
}

/// The answer to a [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The replica has the lease, and its turn comes after this wait.
    Granted {
        /// The wait for the turn.
        wait: Duration,
    },
    /// Another replica has the lease.
    Taken,
    /// No turn is free within the patience.
    NoTurn,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::CLOCK_DIFFERENCE;

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
