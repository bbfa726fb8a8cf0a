//! GitHub's rule for ETags, by which svm computes the ETag that another token would get for a
//! stored body.
//!
//! Pure. The ETag is the SHA-256 of `Accept`, `Authorization` and the body, each header followed by
//! a colon; the URL is not part of it. GitHub does not publish the rule, so svm compares each ETag
//! with the rule when its body arrives, and relies on the rule only for ETags that follow it. A
//! wrong ETag does no harm: it costs as much as a request without one.

use http::HeaderValue;
use sha2::{Digest, Sha256};

use crate::hex;

/// The request headers that are part of an ETag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant<'a> {
    /// `Accept`.
    pub(super) accept: &'a HeaderValue,
    /// `Authorization`.
    pub(super) authorization: &'a HeaderValue,
}

/// Computes the ETag of `body` for a request with these headers; weak, as for compressed answers.
pub(super) fn compute(variant: Variant<'_>, body: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(variant.accept)
        .chain_update(b":")
        .chain_update(variant.authorization)
        .chain_update(b":")
        .chain_update(body)
        .finalize();
    format!("W/\"{}\"", hex::digits(&digest))
}

/// Returns true if the ETag follows the rule.
pub(super) fn follows_rule(etag: &str, variant: Variant<'_>, body: &[u8]) -> bool {
    // An ETag by the rule has 64 digits; for others, no digest is computed.
    opaque(etag).len() == 64 && are_equal(etag, &compute(variant, body))
}

/// Compares two entity tags weakly (RFC 9110, 8.8.3.2).
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    opaque(one) == opaque(other)
}

/// Returns true if this is one entity tag (RFC 9110, 8.8.3). `*` or a list would match any
/// document.
pub(super) fn is_one(etag: &str) -> bool {
    let quoted = etag.strip_prefix("W/").unwrap_or(etag);
    let opaque = quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    opaque.is_some_and(|tag| tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
}

/// Returns the part between the quotes.
fn opaque(etag: &str) -> &str {
    let quoted = etag.strip_prefix("W/").unwrap_or(etag);
    quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
    const BODY: &[u8] = br#"{"tag_name":"v1.2.3"}"#;
    /// `printf 'application/vnd.github+json:Bearer ghp_example:{"tag_name":"v1.2.3"}' | sha256sum`.
    const DIGITS: &str = "d452661e915c5c478e8f6c0d0958b56a5bcdd6c9906bc921c1abbe2c48be0187";

    fn with<T>(authorization: &'static str, of: impl FnOnce(Variant<'_>) -> T) -> T {
        let authorization = HeaderValue::from_static(authorization);
        of(Variant { accept: &ACCEPT, authorization: &authorization })
    }

    #[test]
    fn it_is_the_digest_of_headers_and_body() {
        let computed = with("Bearer ghp_example", |variant| compute(variant, BODY));
        assert_eq!(computed, format!("W/\"{DIGITS}\""));
    }

    #[test]
    fn the_etag_depends_on_token_spelling_and_body() {
        let own = with("Bearer ghp_example", |variant| compute(variant, BODY));
        assert_ne!(with("Bearer ghp_other", |variant| compute(variant, BODY)), own);
        assert_ne!(with("token ghp_example", |variant| compute(variant, BODY)), own);
        assert_ne!(with("Bearer ghp_example", |variant| compute(variant, b"{}")), own);
    }

    #[test]
    fn the_rule_is_recognised_in_both_forms_and_nowhere_else() {
        let follows =
            |etag: &str| with("Bearer ghp_example", |variant| follows_rule(etag, variant, BODY));
        assert!(follows(&format!("W/\"{DIGITS}\"")));
        assert!(follows(&format!("\"{DIGITS}\"")));
        for etag in ["", "\"\"", "W/", "*", "\"6007102e-20\"", &"\"".repeat(66), &"0".repeat(64)] {
            assert!(!follows(etag), "{etag}");
        }
        assert!(!follows(&format!("\"{}\"", DIGITS.to_uppercase())));
    }

    #[test]
    fn the_comparison_is_weak() {
        for (one, other, want) in [
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("W/\"a\"", "W/\"a\"", true),
            ("\"a\"", "\"b\"", false),
            ("\"a\"", "W/\"b\"", false),
        ] {
            assert_eq!(are_equal(one, other), want, "{one} {other}");
        }
    }
}
