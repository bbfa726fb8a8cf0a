//! A stored document, as the cache passes it to the upstream to ask for it again.

use bytes::Bytes;

use crate::clock::Timestamp;

use crate::entry::Validators;
use crate::secret::Fingerprint;

/// A stored document, as far as it decides how to ask for it again.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The validators that came with the body.
    pub validators: &'a Validators,
    /// The token that fetched the body.
    pub token: Option<Fingerprint>,
    /// The token that had better not ask this time, if another one may.
    pub avoided: Option<Fingerprint>,
    /// The body.
    pub body: &'a Bytes,
    /// The time at which it was fetched.
    pub fetched_at: Timestamp,
    /// True if a check by date will do this time.
    pub may_use_date: bool,
    /// True if a check by date is the better one, however much quota is left.
    pub prefers_date: bool,
    /// The URL to which the document was moved, if that was confirmed recently enough.
    pub moved_to: Option<&'a str>,
}

/// The way of an exchange to its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirection {
    /// It was where it was looked for, or a redirect led there that need not last.
    Direct,
    /// A redirect that lasts led to this canonical URL, on the same host.
    Moved(Box<str>),
    /// It was where [`Stored::moved_to`] says.
    Remembered,
}
