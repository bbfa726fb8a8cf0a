//! The new place of a document that was moved for good.

use crate::clock::Timestamp;

/// The target of a permanent redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its canonical URL there.
    pub to: Box<str>,
    /// The time at which the redirect was last met.
    pub seen_at: Timestamp,
}
