//! A check of a document, by this process or by another replica.

use std::time::Duration;

use crate::clock::Timestamp;

/// A client that is served so long after the body was fetched is not the one it was fetched for.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The upstream vouched for a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    /// The time of the check.
    pub at: Timestamp,
    /// For which body: the one that was fetched then.
    pub fetched_at: Timestamp,
}

impl Check {
    /// Returns true if a use is so much later than the body that it is not the one that the body
    /// was fetched for.
    pub fn was_before(self, used_at: Timestamp) -> bool {
        used_at >= self.fetched_at + AGAIN_AFTER
    }
}
