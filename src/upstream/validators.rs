//! What an upstream gives to ask again with.

/// The upstream's validators (RFC 9110, 8.8), to the letter; they belong to the stored bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, strong or weak, as received.
    pub etag: Option<Box<str>>,
    /// `Last-Modified`, as received.
    pub last_modified: Option<Box<str>>,
}

impl Validators {
    /// Whether there is anything to ask with.
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}
