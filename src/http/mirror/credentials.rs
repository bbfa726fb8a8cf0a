//! A detector of real tokens among the credentials that clients send.
//!
//! svm needs no credentials, never passes them on and never stores them. A real token may have
//! travelled in clear text, so svm counts such requests, and logs the first one for the operator.

use std::sync::Once;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use prometheus::IntCounter;

use crate::http::metrics::client_tokens;
use crate::metrics::Registry;

/// The prefixes of GitHub's tokens.
const PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// The length of the shortest token, in bytes.
const SHORTEST: usize = 40;

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
        let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return;
        };
        if !is_token(value.rsplit(' ').next().unwrap_or_default()) {
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

fn is_token(text: &str) -> bool {
    let has_prefix = PREFIXES.iter().any(|prefix| text.starts_with(prefix));
    let is_classic = text.len() == SHORTEST && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    has_prefix && text.len() >= SHORTEST || is_classic
}

#[cfg(test)]
mod tests {
    use super::is_token;

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
            assert_eq!(is_token(&text), want, "{text}");
        }
    }
}
