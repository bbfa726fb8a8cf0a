//! The key under which every tier stores a document.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::hex;

/// The bytes of a key in its short form, two digits each.
const SHORT: usize = 6;

/// The SHA-256 of a document's name, shown as `v1:` and lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// Returns the key of the document with this name, as [`Target::name`](super::Target::name)
    /// returns it.
    pub fn of(canonical: &str) -> Self {
        Self(Sha256::digest(canonical.as_bytes()).into())
    }

    /// Returns the first twelve digits, by which the log and the status page name a document.
    pub fn short_digits(&self) -> impl Iterator<Item = u8> {
        hex::each(&self.0[..SHORT])
    }

    /// Returns the key as it is shown.
    pub fn to_text(&self) -> String {
        ["v1:", &hex::digits(&self.0)].concat()
    }

    /// Returns the raw digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Key {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
