//! A token that cannot be shown by accident, and its fingerprint, which may be shown.

mod search;
mod signature;

use std::fmt;
use std::num::NonZeroU64;

use http::HeaderValue;
use sha2::{Digest, Sha256};

pub use search::TokenSearch;
pub use signature::Signature;

/// A GitHub token. `Debug` shows its fingerprint; only [`Secret::authorization`] returns the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a token as GitHub issued it; `None` unless it is non-empty visible ASCII, as a header
    /// value must be.
    pub fn new(token: &str) -> Option<Self> {
        let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        visible.then(|| Self(token.into()))
    }

    /// Returns the fingerprint, which an entry stores.
    pub fn fingerprint(&self) -> Fingerprint {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let mut prefix = [0; 8];
        prefix.copy_from_slice(&digest[..8]);
        Fingerprint::from_bits(u64::from_be_bytes(prefix))
    }

    /// Returns the `Authorization` value. Its spelling is always the same, since it is part of
    /// GitHub's ETag.
    pub fn authorization(&self) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0))
            .expect("a secret is visible ASCII, which every header value may hold");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", self.fingerprint())
    }
}

/// The first eight bytes of a token's SHA-256: enough to distinguish tokens, but not to reconstruct
/// one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(NonZeroU64);

impl Fingerprint {
    /// Returns the fingerprint as a number, for the stored form.
    pub const fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// Reverses [`Fingerprint::to_bits`].
    pub const fn from_bits(bits: u64) -> Self {
        // Zero stands for no fingerprint, so that `Option<Fingerprint>` takes no more memory. The
        // one fingerprint of zero becomes 1.
        match NonZeroU64::new(bits) {
            Some(bits) => Self(bits),
            None => Self(NonZeroU64::MIN),
        }
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_its_fingerprint_alone() {
        let secret = Secret::new("ghp_hunter2").unwrap();
        let shown = format!("{secret:?}");
        assert_eq!(shown, format!("Secret({:016x})", secret.fingerprint().to_bits()));
        assert_eq!(format!("{secret:#?}"), shown);
        let authorization = secret.authorization();
        assert_eq!(authorization, "Bearer ghp_hunter2");
        assert_eq!(format!("{authorization:?}{authorization:#?}"), "SensitiveSensitive");
    }

    #[test]
    fn a_fingerprint_tells_tokens_apart_and_is_stored_as_a_number() {
        let [one, other] = ["ghp_hunter2", "ghp_hunter3"].map(|it| Secret::new(it).unwrap());
        assert_ne!(one.fingerprint(), other.fingerprint());
        // The result of `printf ghp_hunter2 | sha256sum`: records of an earlier version must name
        // the same token.
        assert_eq!(one.fingerprint(), Fingerprint::from_bits(0x3b31_0b9f_e04f_9eb0));
    }

    #[test]
    fn a_value_that_no_header_can_hold_is_no_secret() {
        for text in ["", " ", "ghp hunter2", "ghp_hunter2\n", "ghp_\u{e9}", "ghp_\u{7f}"] {
            assert_eq!(Secret::new(text), None, "{text:?}");
        }
    }
}
