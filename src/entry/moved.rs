//! The new place of a document after a permanent redirect.

use crate::clock::Timestamp;

/// The target of a permanent redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The canonical URL of the new place.
    pub to: Box<str>,
    /// The time at which the redirect was last seen.
    pub seen_at: Timestamp,
}
