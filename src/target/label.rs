//! The name of a document for people: its host and path, and as much of the query as tells the
//! pages of a list apart.

use super::query;

/// The parameters whose values are shown; nobody keeps a secret in them.
const SHOWN: [&str; 9] =
    ["direction", "page", "path", "per_page", "ref", "sha", "since", "sort", "state"];

/// Returns the label of a canonical URL. A parameter that is not known keeps its name, and its
/// value is left out: a signed URL has its signature there.
pub fn label(url: &str) -> String {
    let bare = url.strip_prefix("https://").unwrap_or(url);
    let Some((path, pairs)) = bare.split_once('?') else { return bare.to_owned() };
    let shown = pairs.split('&').map(|pair| match query::name(pair) {
        name if SHOWN.contains(&name) => pair.to_owned(),
        name => format!("{name}=…"),
    });
    format!("{path}?{}", shown.collect::<Vec<_>>().join("&"))
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
