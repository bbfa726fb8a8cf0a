//! The validators of an upstream, and the one that a request carries.

use crate::words::words;

/// The upstream's validators (RFC 9110, 8.8), to the letter; they belong to the stored bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, strong or weak, as received.
    pub etag: Option<Box<str>>,
    /// `Last-Modified`, as received.
    pub last_modified: Option<Box<str>>,
    /// True if GitHub's rule led to this ETag, so that it leads to the one for another token as
    /// well.
    pub follows_rule: bool,
}

impl Validators {
    /// Returns the validator by which the document is asked about, as received.
    pub const fn kind(&self) -> Validator {
        match (&self.etag, &self.last_modified) {
            (Some(_), _) => Validator::Etag,
            (None, Some(_)) => Validator::Date,
            (None, None) => Validator::None,
        }
    }
}

words! {
    /// The validator that a request carries; never more than one.
    pub enum Validator {
        /// The ETag as received.
        Etag = "etag",
        /// The ETag that another token would get for the stored body.
        ComputedEtag = "computed-etag",
        /// The date of the last change.
        Date = "date",
        /// Nothing: the request gets the whole document.
        None = "none",
    }
}

impl Validator {
    /// Returns true if a `304` to it vouches for each byte of the body.
    pub const fn is_full(self) -> bool {
        !matches!(self, Self::Date)
    }
}
