//! The plain URLs: those in whose canonical form the `url` crate has nothing to change.
//!
//! Nearly all URLs of GitHub are plain. For these the crate's reading is known without the crate,
//! which takes longer to read a URL than svm takes for the rest of its checks.

use super::characters::set;

/// Returns true if the crate reads host, path and query exactly as they are spelt: by its rules
/// (the URL standard) it keeps each of their characters, and resolves nothing.
pub(super) fn is_plain(host: &str, path: &str, query: &str) -> bool {
    // A segment with a leading dot may be one that the crate resolves, or an ordinary name.
    let may_climb = path.contains("/.");
    is_plain_host(host)
        && path.starts_with('/')
        && path.bytes().all(|byte| AFTER_HOST[usize::from(byte)])
        && !may_climb
        && query.bytes().all(|byte| AFTER_HOST[usize::from(byte)])
}

/// Returns true for a name in lower case that is neither an address nor an internationalized name.
fn is_plain_host(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.bytes().all(|byte| IN_HOST[usize::from(byte)])
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with("xn--"))
        // A last label that begins with a digit may be part of an IPv4 address.
        && last.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

const IN_HOST: [bool; 256] = set(b"abcdefghijklmnopqrstuvwxyz0123456789-.");
const AFTER_HOST: [bool; 256] =
    set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&()*+,:=@%/");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    /// Text of plain characters, and a few others.
    fn text() -> impl Strategy<Value = String> {
        let plain: Vec<char> =
            (0..=u8::MAX).filter(|byte| AFTER_HOST[usize::from(*byte)]).map(char::from).collect();
        let character = prop_oneof![
            60 => prop::sample::select(plain),
            1 => prop::sample::select(vec!['/', '.', '\\', '"', '#', '?', '\'', ' ']),
        ];
        prop::collection::vec(character, 0..16).prop_map(String::from_iter)
    }

    fn host() -> impl Strategy<Value = String> {
        let label = prop_oneof![
            9 => "[a-z][a-z0-9-]{0,6}",
            1 => "[a-z0-9-]{0,6}",
            1 => "xn--[a-z0-9]{0,4}",
            1 => "0x[0-9a-f]{1,2}",
        ];
        prop::collection::vec(label, 1..5).prop_map(|labels| labels.join("."))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_crate_changes_nothing_in_a_plain_url(
            host in host(), path in text(), query in text()
        ) {
            let path = format!("/{path}");
            if !is_plain(&host, &path, &query) {
                return Ok(());
            }
            let text = format!("https://{host}{path}?{query}");
            let url = Url::parse(&text).unwrap();
            prop_assert_eq!(url.as_str(), &text);
            prop_assert_eq!(url.host_str(), Some(host.as_str()));
            prop_assert_eq!((url.path(), url.query()), (path.as_str(), Some(query.as_str())));
            prop_assert_eq!((url.username(), url.password(), url.fragment()), ("", None, None));
            prop_assert_eq!(url.port(), None);
        }
    }

    #[test]
    fn urls_of_github_are_plain() {
        for (path, query) in [
            ("/repos/o/r/releases/latest", ""),
            ("/repos/o/r/releases", "page=2&per_page=100"),
            ("/repos/o/r/releases/tags/v1.0%2Frc-1", ""),
            ("/repositories/1/commits", "sha=release/1.x&since=2026-01-01T00:00:00Z"),
        ] {
            assert!(is_plain("api.github.com", path, query), "{path}");
        }
    }

    #[test]
    fn anything_that_the_crate_may_read_in_another_way_is_not_plain() {
        for (host, path, query) in [
            ("api.github.com", "/repos/../user", ""),
            ("api.github.com", "/repos/.", ""),
            ("api.github.com", "repos", ""),
            ("api.github.com", "/repos\\evil", ""),
            ("api.github.com", "/repos/\"o\"", ""),
            ("api.github.com", "/repos/o#r", ""),
            ("api.github.com", "/repos/o?r", ""),
            ("api.github.com", "/repos/{o}", ""),
            ("api.github.com", "/repos/o", "a='b'"),
            ("api.github.com", "/repos/o", "a b"),
            ("api.github.com:80", "/repos/o", ""),
            ("a@b.example", "/repos/o", ""),
            ("API.github.com", "/repos/o", ""),
            ("127.1", "/repos/o", ""),
            ("a.0x7f", "/repos/o", ""),
            ("xn--a.example", "/repos/o", ""),
            ("[::1]", "/repos/o", ""),
            ("a..b", "/repos/o", ""),
            ("a.", "/repos/o", ""),
            ("", "/repos/o", ""),
        ] {
            assert!(!is_plain(host, path, query), "{host} {path} {query}");
        }
    }
}
