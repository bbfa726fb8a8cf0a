//! A stored document, as the cache passes it to the upstream for a check.

use bytes::Bytes;

use crate::clock::Timestamp;

use crate::entry::Validators;
use crate::secret::Fingerprint;

/// The parts of a stored document that decide how svm checks it.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The validators that came with the body.
    pub validators: &'a Validators,
    /// The token that fetched the body.
    pub token: Option<Fingerprint>,
    /// True if an answer without a token brought the body, and its ETag.
    pub is_without_token: bool,
    /// The token to avoid in this check, if another one is usable.
    pub avoided: Option<Fingerprint>,
    /// The body.
    pub body: &'a Bytes,
    /// The time at which the body was fetched.
    pub fetched_at: Timestamp,
    /// Tells whether a check by date suffices this time.
    pub date_check: DateCheck,
    /// The URL to which the document has moved, if an answer confirmed that recently.
    pub moved_to: Option<&'a str>,
}

/// The value of a check by date for a document. Some changes of a document do not move its date.
#[derive(Clone, Copy, Debug)]
pub enum DateCheck {
    /// A check by date does not suffice.
    Never,
    /// A check by date suffices if the body and the time satisfy a rule. The rule reads the whole
    /// body, so it is applied last.
    If(fn(&[u8], Timestamp) -> bool),
    /// A check by date is preferred, even with much quota left.
    Preferred,
    /// The date is the only validator, and any change of the document moves it: a check by date is
    /// a full one.
    Only,
}

/// The way from the requested URL to the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirection {
    /// No redirect, or only temporary ones.
    Direct,
    /// A permanent redirect to this canonical URL, on the same host.
    Moved(Box<str>),
    /// The answer came from [`Stored::moved_to`].
    Remembered,
}
