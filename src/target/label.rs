//! The name of a document for people: its host, its path, and the parts of the query that
//! distinguish the pages of a list.

use super::query;

/// The parameters whose values are shown. Others may name a private branch, or sign a URL.
const SHOWN: [&str; 6] = ["direction", "page", "per_page", "since", "sort", "state"];

/// Returns the label of a canonical URL.
pub fn label(url: &str) -> String {
    let bare = url.strip_prefix("https://").unwrap_or(url);
    match bare.split_once('?') {
        Some((path, query)) => format!("{path}?{}", shown_query(query)),
        None => bare.to_owned(),
    }
}

/// Returns a query as it is shown. An unknown parameter is shown with its name only.
pub fn shown_query(query: &str) -> String {
    let shown = query.split('&').map(|pair| match query::name(pair) {
        name if SHOWN.contains(&name) => pair.to_owned(),
        name => format!("{name}=…"),
    });
    shown.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_differ_and_signatures_are_left_out() {
        for (url, want) in [
            ("https://api.github.com/repos/o/r", "api.github.com/repos/o/r"),
            ("https://h/repos/o/r/tags?page=2&per_page=9", "h/repos/o/r/tags?page=2&per_page=9"),
            ("https://h/a?X-Amz-Signature=abc&page=1", "h/a?X-Amz-Signature=…&page=1"),
            ("https://h/a?abc", "h/a?abc=…"),
        ] {
            assert_eq!(label(url), want);
        }
    }
}
