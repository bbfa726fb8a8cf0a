//! The validators of an upstream's answer, and the one that a request carries.

use crate::words::words;

/// The upstream's validators (RFC 9110, 8.8), unchanged; they belong to the stored bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, strong or weak, as received.
    pub etag: Option<Box<str>>,
    /// `Last-Modified`, as received.
    pub last_modified: Option<Box<str>>,
    /// True if the ETag follows GitHub's rule, so that the ETag for another token can be computed.
    pub follows_rule: bool,
}

impl Validators {
    /// Returns the kind of validator that the next check can send.
    pub const fn kind(&self) -> Validator {
        match (&self.etag, &self.last_modified) {
            (Some(_), _) => Validator::Etag,
            (None, Some(_)) => Validator::Date,
            (None, None) => Validator::None,
        }
    }
}

words! {
    /// The validator that a request carries, at most one.
    pub enum Validator {
        /// The ETag as received.
        Etag = "etag",
        /// The ETag that another token would get for the stored body.
        ComputedEtag = "computed-etag",
        /// The date of the last change.
        Date = "date",
        /// None: the answer is the whole document.
        None = "none",
    }
}

impl Validator {
    /// Returns true if a `304` confirms each byte of the body.
    pub const fn is_full(self) -> bool {
        !matches!(self, Self::Date)
    }
}
