//! Properties of `Accept`.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

use crate::http::mirror::media::{Chosen, choose};
use crate::target::Representation;

/// Reads the path from the first line and the header from the others. More media types that every
/// client accepts change nothing, and an unsupported type of GitHub's alone is refused.
pub fn accept(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    let path = lines.next().and_then(|line| str::from_utf8(line).ok()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    assert_eq!(choose(&headers, path), Chosen::Json(Representation::Default));
    for line in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        headers.append(ACCEPT, line);
    }
    let chosen = choose(&headers, path);
    for other in ["*/*", "text/html;q=0.1, application/json", "application/vnd.github+json"] {
        headers.append(ACCEPT, HeaderValue::from_static(other));
        assert_eq!(choose(&headers, path), chosen);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github.diff"));
    assert_eq!(choose(&headers, path), Chosen::Nothing);
}
