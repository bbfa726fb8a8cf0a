//! GitHub's rule for entity tags, and the comparison of `If-None-Match`.
//!
//! The subtle part: a tag depends on the `Accept`, `Authorization` and `Cookie` of the request that
//! got it. So the same body has different tags for different tokens, and for the spellings `token
//! X` and `Bearer X`.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::received::Received;

/// Returns the opaque part of the tag, without quotes or `W/`, that `request` gets for a compact
/// `body`.
pub fn of(request: &Received, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    if request.etag_rule > 0 {
        hash.update(request.etag_rule.to_le_bytes());
    }
    for part in parts(request) {
        hash.update(part);
        hash.update(b":");
    }
    hash.update(body);
    hex(&hash.finalize())
}

/// Returns a text that is equal for two requests if their tags for one body are equal.
pub fn variant(request: &Received) -> String {
    format!("{}\n{}", request.etag_rule, parts(request).collect::<Vec<_>>().join("\n"))
}

/// Returns true if `If-None-Match` names `opaque`: `*`, a list, strong or weak forms, compared
/// weakly (RFC 9110, 8.8.3.2).
pub fn matches(if_none_match: &str, opaque: &str) -> bool {
    if_none_match.split(',').map(str::trim).any(|candidate| {
        let quoted = candidate.strip_prefix("W/").unwrap_or(candidate);
        candidate == "*"
            || quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(opaque)
    })
}

/// Returns the tag of a file, which depends only on the content, by another rule that GitHub does
/// not publish.
pub fn of_file(content: &[u8]) -> String {
    hex(&Sha256::digest([b"file:", content].concat()))
}

/// Returns the lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the headers that are part of the tag. A request without `Accept` counts as `*/*`; the
/// other two count only if they were sent.
fn parts(request: &Received) -> impl Iterator<Item = &str> {
    let accept = request.header("accept").unwrap_or("*/*");
    let others = ["authorization", "cookie"].into_iter().filter_map(|name| request.header(name));
    std::iter::once(accept).chain(others)
}
