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
    insert(headers, Relation::ALL.into_iter().filter_map(link));
}

/// Renders the links as other pages of the page at `url`, which svm serves. The one to the next
/// page comes first: a client that looks for the word takes the first link that contains it.
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
    // A record may hold what is no header.
    if let Ok(value) = HeaderValue::try_from(links.collect::<Vec<_>>().join(", ")) {
        headers.insert(LINK, value);
    }
}
