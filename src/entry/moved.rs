//! The new place of a document that was moved for good.

use crate::clock::Timestamp;

/// Where a document went that was moved for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its canonical URL there.
    pub to: Box<str>,
    /// When the redirect was last met.
    pub seen_at: Timestamp,
}
