//! The `Link` header of a page: the other pages of its list (RFC 8288).

use http::header::LINK;
use http::{HeaderMap, HeaderValue};

use crate::entry::{Links, Relation};

/// Renders the links as the upstream gave them: each is the URL of a later request to `/version`.
pub(super) fn as_given(headers: &mut HeaderMap, links: &Links) {
    let link = |relation: Relation| {
        let url = links.url(relation)?;
        Some(format!("<{url}>; rel=\"{}\"", relation.as_str()))
    };
    let links: Vec<_> = Relation::ALL.into_iter().filter_map(link).collect();
    // A record may hold what is no header.
    if let Ok(value) = HeaderValue::try_from(links.join(", ")) {
        headers.insert(LINK, value);
    }
}
