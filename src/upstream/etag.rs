//! GitHub's rule for ETags, by which the one that another token would get can be told from the stored body.
//!
//! Pure. The ETag is the SHA-256 of `Accept`, `Authorization` and the body, each header followed by a colon, whatever the
//! URL. GitHub does not publish the rule, so nothing relies on it that was not seen to follow it: an ETag is compared
//! with the rule when its body arrives. Nor can a mistake do harm: a computed ETag that GitHub does not know costs what
//! a request without one costs.

use http::HeaderValue;
use sha2::{Digest, Sha256};

/// The request headers that are part of an ETag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant<'a> {
    /// `Accept`.
    pub(super) accept: &'a HeaderValue,
    /// `Authorization`.
    pub(super) authorization: &'a HeaderValue,
}

/// The ETag that a request with these headers gets for `body`; weak, as it is for compressed answers.
pub(super) fn compute(variant: Variant<'_>, body: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(variant.accept)
        .chain_update(b":")
        .chain_update(variant.authorization)
        .chain_update(b":")
        .chain_update(body)
        .finalize();
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digits}\"")
}

/// Whether the rule leads to this ETag.
pub(super) fn follows_rule(etag: &str, variant: Variant<'_>, body: &[u8]) -> bool {
    // The rule's ETags have 64 digits; nothing else is worth a look at the body.
    opaque(etag).len() == 64 && are_equal(etag, &compute(variant, body))
}

/// The weak comparison (RFC 9110, 8.8.3.2).
pub(super) fn are_equal(one: &str, other: &str) -> bool {
    opaque(one) == opaque(other)
}

/// What is between the quotes.
fn opaque(etag: &str) -> &str {
    let quoted = etag.strip_prefix("W/").unwrap_or(etag);
    quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(quoted)
}
