//! The signature of a webhook: `sha256=` and the HMAC of the body in hexadecimal.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Secret;
use crate::hex;

/// The signature in a header, before its verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the value of `X-Hub-Signature-256`.
    pub fn parse(header: &[u8]) -> Option<Self> {
        Some(Self(hex::decode(header.strip_prefix(b"sha256=")?)?))
    }

    /// Returns true if one of the secrets made this signature of the body. The duration reveals
    /// nothing about the right signature.
    pub fn is_of(&self, body: &[u8], secrets: &[Secret]) -> bool {
        // All secrets are tried, so that the duration does not reveal the matching one.
        let by = |secret: &Secret| {
            let mac = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes());
            mac.is_ok_and(|mac| mac.chain_update(body).verify_slice(&self.0).is_ok())
        };
        secrets.iter().fold(false, |is_right, secret| by(secret) | is_right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation.
    const DOCUMENTED: &str =
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().filter_map(|text| Secret::new(&text.replace(' ', "_"))).collect()
    }

    #[test]
    fn the_documented_signature_is_right() {
        let secret = Secret("It's a Secret to Everybody".into());
        let signature = Signature::parse(DOCUMENTED.as_bytes()).unwrap();
        let others = secrets(&["another", "one"]);
        let all = [others.clone(), vec![secret]].concat();
        assert!(signature.is_of(b"Hello, World!", &all));
        assert!(!signature.is_of(b"Hello, World", &all), "another body");
        assert!(!signature.is_of(b"Hello, World!", &others), "other secrets");
        assert!(!signature.is_of(b"Hello, World!", &[]), "no secret");
    }

    #[test]
    fn a_signature_has_one_form() {
        let digits = &DOCUMENTED[7..];
        for (header, want) in [
            (DOCUMENTED.to_owned(), true),
            (format!("sha256={}", digits.to_uppercase()), true),
            (digits.to_owned(), false),
            (format!("sha1={digits}"), false),
            (format!("sha256={digits}0"), false),
            (format!("sha256={}", &digits[1..]), false),
            (format!("sha256=+{}", &digits[1..]), false),
            ("sha256=".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Signature::parse(header.as_bytes()).is_some(), want, "{header}");
        }
    }
}
