//! The URL of a refused request, as the log shows it: host and path, without credentials.

use std::borrow::Cow;

use crate::config::redacted::redacted;
use crate::target::percent;

/// The number of characters of a URL that the log shows.
const MAX_SHOWN: usize = 256;

/// Returns the value of the `url` parameter, without the query, the fragment and the user of that
/// URL; `None` if there is no such parameter.
pub(super) fn shown(query: Option<&str>) -> Option<String> {
    let raw = query?.split('&').find_map(|pair| pair.strip_prefix("url="))?;
    let url = percent::decode_fully(raw);
    let url = String::from_utf8_lossy(&url);
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = without_user(&url[..end]);
    let url = redacted(&url);
    Some(url.chars().take(MAX_SHOWN).collect())
}

fn without_user(url: &str) -> Cow<'_, str> {
    let start = url.find("://").map_or(0, |at| at + 3);
    let host = url[start..].find('/').map_or(url.len(), |at| start + at);
    match url[start..host].rfind('@') {
        Some(at) => format!("{}{}", &url[..start], &url[start + at + 1..]).into(),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_path_are_shown_and_nothing_else() {
        for (query, want) in [
            ("url=https://github.com/o/r", Some("https://github.com/o/r")),
            ("refresh=1&url=https%3A%2F%2Fgithub.com%2Fo%2Fr", Some("https://github.com/o/r")),
            ("url=https://me:pw@github.com/o/r?token=abc#x", Some("https://github.com/o/r")),
            ("url=https://h/o%3Fsecret%3D1", Some("https://h/o")),
            ("url=o/r@v1", Some("o/r@v1")),
            ("url=", Some("")),
            ("refresh=1", None),
        ] {
            assert_eq!(shown(Some(query)).as_deref(), want, "{query}");
        }
        assert_eq!(shown(None), None);
        let token = format!("url=https://h/ghp_{}/x", "a".repeat(36));
        assert!(!shown(Some(&token)).unwrap().contains("aaaaa"));
        let long = format!("url=https://h/{}", "é/".repeat(1_000));
        assert_eq!(shown(Some(&long)).unwrap().chars().count(), MAX_SHOWN);
    }
}
