//! The `Link` header of a page: the other pages of its list (RFC 8288).

use http::header::LINK;
use http::{HeaderMap, HeaderValue};

use crate::entry::{Links, Relation};

/// Renders the links as the upstream gave them: the client passes each URL to `/version` later.
pub(super) fn as_given(headers: &mut HeaderMap, links: &Links) {
    let link = |relation: Relation| {
        let url = links.url(relation)?;
        Some(format!("<{url}>; rel=\"{}\"", relation.as_str()))
    };
    insert(headers, Relation::ALL.into_iter().filter_map(link));
}

/// Renders the links as URLs of svm: the given `url` with the query of each link. The link to the
/// next page comes first, since some clients take the first link that contains the word `next`.
pub(super) fn on_page(headers: &mut HeaderMap, links: &Links, url: Option<String>) {
    const ORDER: [Relation; 4] = [Relation::Next, Relation::Last, Relation::First, Relation::Prev];
    let Some(url) = url else { return };
    let link = |relation: Relation| {
        let query = links.url(relation)?.split_once('?').map_or("", |(_, query)| query);
        Some(format!("<{url}?{query}>; rel=\"{}\"", relation.as_str()))
    };
    insert(headers, ORDER.into_iter().filter_map(link));
}

fn insert(headers: &mut HeaderMap, links: impl Iterator<Item = String>) {
    // A stored record may hold text that is no valid header value.
    if let Ok(value) = HeaderValue::try_from(links.collect::<Vec<_>>().join(", ")) {
        headers.insert(LINK, value);
    }
}
