//! A detector of real tokens among the credentials that clients send.
//!
//! svm needs no credentials, never passes them on and never stores them. A real token may have
//! travelled in clear text, so svm counts such requests, and logs the first one for the operator.

use std::hint::black_box;
use std::sync::Once;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use prometheus::IntCounter;

use crate::http::metrics::client_tokens;
use crate::metrics::Registry;

/// The prefixes of GitHub's tokens.
const PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// The length of the shortest token, in bytes.
const SHORTEST: usize = 40;

/// The coding of Basic credentials; some clients leave the padding out.
const CODING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The counter of real tokens in requests.
#[derive(Debug)]
pub(in crate::http) struct ClientTokens {
    seen: IntCounter,
    warned: Once,
}

impl ClientTokens {
    pub(in crate::http) fn new(registry: &Registry) -> Self {
        Self { seen: client_tokens(registry), warned: Once::new() }
    }

    /// Counts a request whose credentials look like a real token, and logs the first one.
    pub(super) fn watch(&self, headers: &HeaderMap) {
        if !headers.get(AUTHORIZATION).is_some_and(|value| holds_token(value.as_bytes())) {
            return;
        }
        self.seen.inc();
        self.warned.call_once(|| {
            tracing::warn!(
                "a client sends a GitHub token, which svm ignores; a dummy token does as well and need not be secret"
            );
        });
    }
}

/// Returns true if the value of `Authorization` holds a real token: as it is, behind a scheme, or
/// as the user or the password of Basic credentials.
fn holds_token(value: &[u8]) -> bool {
    let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(first), last) = (words.next(), words.next_back()) else { return false };
    match last {
        Some(credentials) if first.eq_ignore_ascii_case(b"Basic") => is_in_basic(credentials),
        last => is_token(last.unwrap_or(first)),
    }
}

/// Returns true if the user or the password is a token. Wipes the decoded text.
fn is_in_basic(credentials: &[u8]) -> bool {
    let mut text = vec![0; base64::decoded_len_estimate(credentials.len())];
    let length = CODING.decode_slice(credentials, &mut text).unwrap_or_default();
    let is_found = text[..length].split(|byte| *byte == b':').any(is_token);
    text.fill(0);
    // Without this, the compiler could leave out a write that nothing reads.
    black_box(text);
    is_found
}

fn is_token(text: &[u8]) -> bool {
    let has_prefix = PREFIXES.iter().any(|prefix| text.starts_with(prefix.as_bytes()));
    let is_classic = text.len() == SHORTEST && text.iter().all(u8::is_ascii_hexdigit);
    has_prefix && text.len() >= SHORTEST || is_classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_any_credentials_is_found() {
        let token = format!("ghp_{}", "x".repeat(36));
        let basic = |text: &str| CODING.encode(text);
        for (value, want) in [
            (token.clone(), true),
            (format!("Bearer {token}"), true),
            (format!("token  {token}"), true),
            (format!("Basic {}", basic(&format!("user:{token}"))), true),
            (format!("basic  {}", basic(&format!("{token}:x-oauth-basic"))), true),
            (format!("BASIC {}", basic(&token).trim_end_matches('=')), true),
            (format!("Basic {}", basic("user:dummy")), false),
            (format!("Basic {}", basic(&format!("user:x{token}"))), false),
            (format!("Basic {}!", basic(&format!("user:{token}"))), false),
            (format!("Bearer {}", basic(&format!("user:{token}"))), false),
            ("Basic".to_owned(), false),
            ("Basic =".to_owned(), false),
            (" ".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(holds_token(value.as_bytes()), want, "{value}");
        }
    }

    #[test]
    fn a_dummy_is_no_token() {
        let rest = "x".repeat(36);
        for (text, want) in [
            (format!("ghp_{rest}"), true),
            (format!("github_pat_{rest}"), true),
            ("0123456789abcdef0123456789abcdef01234567".to_owned(), true),
            ("ghp_dummy".to_owned(), false),
            ("dummy".to_owned(), false),
            (String::new(), false),
            (format!("xghp_{rest}"), false),
        ] {
            assert_eq!(is_token(text.as_bytes()), want, "{text}");
        }
    }
}
