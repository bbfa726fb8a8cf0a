//! The canonical form: one spelling for all URLs that mean the same request to the upstream.
//!
//! Lower-case scheme and host, no default port, unreserved characters decoded, hexadecimal digits
//! in upper case, query pairs sorted by name, empty pairs and an empty query dropped. A canonical
//! URL is its own canonical form.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use url::Url;

use super::error::Error;
use super::grammar::UrlParts;
use super::resource::ENTERPRISE;
use super::{MAX_BYTES, percent, plain, query};

const REPOSITORIES: &str = "/repos/";

/// A canonical URL, and the positions of its parts.
pub(super) struct Canonical {
    pub(super) url: String,
    pub(super) host: Range<usize>,
    pub(super) path: Range<usize>,
}

/// Spells the parts canonically. The `url` crate reads a plain URL as it is spelt, and does so when
/// the URL is fetched; for any other URL, this function compares the crate's reading with the
/// spelling.
pub(super) fn canonicalise(parts: &UrlParts<'_>) -> Result<Canonical, Error> {
    let canonical = spell(parts);
    if canonical.url.len() > MAX_BYTES {
        return Err(Error::TooLong);
    }
    if canonical.is_plain() || canonical.is_read_alike(parts.port) {
        Ok(canonical)
    } else {
        Err(Error::Ambiguous)
    }
}

impl Canonical {
    fn is_plain(&self) -> bool {
        let query = self.url[self.path.end..].strip_prefix('?').unwrap_or_default();
        plain::is_plain(&self.url[self.host.clone()], &self.url[self.path.clone()], query)
    }

    fn is_read_alike(&self, port: u16) -> bool {
        let Ok(url) = Url::parse(&self.url) else { return false };
        url.as_str() == self.url
            && url.host_str() == Some(&self.url[self.host.clone()])
            && url.port_or_known_default() == Some(port)
            && url.path() == &self.url[self.path.clone()]
            && url.query() == self.url[self.path.end..].strip_prefix('?')
    }
}

/// Writes the owner and the name of a repository in lower case: the API of GitHub ignores the case
/// of both.
pub(super) fn fold_repository(path: &mut str) {
    let root = if path.starts_with(ENTERPRISE) { ENTERPRISE.len() } else { 0 };
    let Some(names) = path.get_mut(root..).filter(|path| path.starts_with(REPOSITORIES)) else {
        return;
    };
    let names = &mut names[REPOSITORIES.len()..];
    let end = names.match_indices('/').nth(1).map_or(names.len(), |(end, _)| end);
    // A percent-encoded byte has its digits in upper case, so such names stay as they are.
    if !names[..end].contains('%') {
        names[..end].make_ascii_lowercase();
    }
}

fn spell(parts: &UrlParts<'_>) -> Canonical {
    // Room for the scheme, a port, the root path and a question mark.
    let length = parts.host.len() + parts.path.len() + parts.query.len() + 16;
    let mut url = String::with_capacity(length);
    url.push_str("https://");
    let host = append(&mut url, &parts.host);
    url[host.clone()].make_ascii_lowercase();
    if parts.port != 443 {
        let _infallible = write!(url, ":{}", parts.port);
    }
    let path = if parts.path.is_empty() { "/" } else { parts.path };
    let path = append(&mut url, &normalised(path, None));
    push_query(&mut url, parts.query);
    Canonical { url, host, path }
}

fn append(url: &mut String, text: &str) -> Range<usize> {
    let start = url.len();
    url.push_str(text);
    start..url.len()
}

fn push_query(url: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    // The url crate encodes a quote in a query (and nowhere else), so the quote and its triplet are
    // the same.
    let query = normalised(query, Some('\''));
    let is_canonical = query.split('&').all(|pair| !pair.is_empty())
        && query.split('&').is_sorted_by_key(query::name);
    if is_canonical {
        url.push('?');
        url.push_str(&query);
        return;
    }
    let mut pairs: Vec<_> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_by_key(|pair| query::name(pair));
    for (at, pair) in pairs.into_iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        url.push_str(pair);
    }
}

/// Decodes triplets of unreserved characters, writes the others in upper case, and encodes
/// `to_encode`.
fn normalised(text: &str, to_encode: Option<char>) -> Cow<'_, str> {
    let is_special = |character| character == '%' || Some(character) == to_encode;
    let Some(first) = text.bytes().position(|byte| is_special(char::from(byte))) else {
        return Cow::Borrowed(text);
    };

    let (clean, mut rest) = text.split_at(first);
    let mut spelt = String::with_capacity(text.len() + 8);
    spelt.push_str(clean);
    while let Some(&byte) = rest.as_bytes().first() {
        let triplet = percent::triplet(rest.as_bytes());
        let byte = triplet.unwrap_or(byte);
        if percent::is_unreserved(byte) || !rest.starts_with(is_special) {
            spelt.push(char::from(byte));
        } else {
            let _infallible = write!(spelt, "%{byte:02X}");
        }
        rest = &rest[if triplet.is_some() { 3 } else { 1 }..];
    }
    Cow::Owned(spelt)
}
