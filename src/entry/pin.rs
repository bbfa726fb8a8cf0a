//! The pin of a document: the reason why it hardly ever changes, or cannot change.

use std::time::Duration;

use crate::clock::Timestamp;

/// The time without a change after which a release rarely changes.
const RARELY_CHANGES_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The reason why a document hardly ever changes, or cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// A full hash names the document: it cannot change.
    Hash,
    /// It is the release of one tag, and GitHub has locked its tag and its assets.
    Locked,
    /// It is the release of one tag, and neither it nor its assets have changed since this time.
    Unchanged(Timestamp),
}

impl Pin {
    /// Returns true if the document is a release that hardly ever changes.
    pub fn is_pinned_release(self, now: Timestamp) -> bool {
        match self {
            Self::Hash => false,
            Self::Locked => true,
            Self::Unchanged(at) => now.since(at) > RARELY_CHANGES_AFTER,
        }
    }
}
