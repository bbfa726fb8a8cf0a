//! The body of an entry, and the tag under which clients know it.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::hex;

/// The upstream's bytes with their entity tag; clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    bytes: Bytes,
    tag: EntityTag,
}

/// The strong entity tag of a body (RFC 9110, 8.8.3): 128 bits of its SHA-256; shown as hex in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntityTag([u8; 16]);

impl Body {
    /// A body whose SHA-256 is known already.
    pub fn with_digest(bytes: Bytes, digest: &[u8; 32]) -> Self {
        Self { bytes, tag: EntityTag::of_digest(digest) }
    }

    /// The upstream's bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The tag of these bytes.
    pub fn tag(&self) -> EntityTag {
        self.tag
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let tag = EntityTag::of(&bytes);
        Self { bytes, tag }
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl EntityTag {
    /// The bytes of a tag as it is shown.
    pub const LENGTH: usize = 34;

    /// The tag of a body.
    pub fn of(body: &[u8]) -> Self {
        Self::of_digest(&Sha256::digest(body).into())
    }

    fn of_digest(digest: &[u8; 32]) -> Self {
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        Self(tag)
    }

    /// The tag as it is shown.
    pub fn to_text(self) -> [u8; Self::LENGTH] {
        let mut text = [b'"'; Self::LENGTH];
        hex::write(&self.0, &mut text[1..]);
        text
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.to_text()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_beginning_of_the_digest() {
        let body = Body::from(Bytes::from_static(b"{}"));
        assert_eq!(body.tag().to_string(), "\"44136fa355b3678a1146ad16f7e8649e\"");
        assert_eq!(Body::with_digest(body.bytes().clone(), &Sha256::digest(b"{}").into()), body);
    }
}
