//! A check of a document, by this process or by another replica.

use std::time::Duration;

use super::CLOCK_DIFFERENCE;
use crate::clock::Timestamp;

/// A use this long after the fetch belongs to another request than the one that caused the fetch.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A check: the upstream confirmed a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    /// The time of the check.
    pub at: Timestamp,
    /// The fetch time of the confirmed body, which identifies it.
    pub fetched_at: Timestamp,
}

impl Check {
    /// Returns true unless a clock that was ahead dated the check. Such a check confirms nothing.
    pub fn is_plausible(self, now: Timestamp) -> bool {
        self.at <= now + CLOCK_DIFFERENCE
    }

    /// Returns true if a use came so long after the fetch that another request caused the fetch.
    pub fn was_before(self, used_at: Timestamp) -> bool {
        used_at >= self.fetched_at + AGAIN_AFTER
    }
}
