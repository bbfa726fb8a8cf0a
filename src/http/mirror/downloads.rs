//! The locations of downloads. svm does not serve downloads; it redirects the client.

use serde::Deserialize;

use crate::entry::Entry;
use crate::target::{Target, in_repository, percent};

const CODELOAD: &str = "https://codeload.github.com";

/// The field of a release asset that holds the URL of its bytes.
#[derive(Deserialize)]
struct Asset<'a> {
    browser_download_url: &'a str,
}

/// Returns the URL of the bytes of an asset, as its document gives it. `path` is the path of the
/// document below the root of the API. Accepts only a download of a release of the same repository
/// on `site`, the website of the API's own server, since any other URL could lead the client
/// elsewhere.
pub(super) fn of_asset(entry: &Entry, path: &str, site: &str) -> Option<String> {
    let asset: Asset<'_> = serde_json::from_slice(&entry.body).ok()?;
    let url = asset.browser_download_url;
    let parts: Vec<_> = url.strip_prefix(site)?.strip_prefix('/')?.split('/').collect();
    let [owner, name, "releases", "download", _, ..] = parts[..] else { return None };
    let is_plain = |part: &&str| {
        let is_dots = matches!(&*percent::decode_fully(part), b"." | b"..");
        !part.is_empty() && !is_dots && part.bytes().all(is_plain_byte)
    };
    (parts.iter().all(is_plain) && is_of_repository(entry, path, owner, name))
        .then(|| url.to_owned())
}

/// Returns true if a path can be of this repository. A path by a number can be of every one, and so
/// can the path of a repository that was renamed: its documents have the new name.
fn is_of_repository(entry: &Entry, path: &str, owner: &str, name: &str) -> bool {
    let Some(named) = path.strip_prefix("/repos/") else { return true };
    let mut parts = named.split('/');
    let mut is_next = |part: &str| parts.next().is_some_and(|it| it.eq_ignore_ascii_case(part));
    entry.extras.moved().is_some() || is_next(owner) && is_next(name)
}

/// Returns true for the characters of a segment of a path (RFC 3986, 3.3).
fn is_plain_byte(byte: u8) -> bool {
    percent::is_unreserved(byte) || b"%!$&'()*+,;=:@".contains(&byte)
}

/// Returns true if a path names an archive, of a repository with a name or with a number alone.
pub(super) fn is_archive(path: &str) -> bool {
    let form = in_repository(path).and_then(|resource| resource.split('/').next());
    matches!(form, Some("tarball" | "zipball"))
}

/// Returns the URL of the archive that a target of the API names, if the target is an archive of a
/// repository with a name.
pub(super) fn of_archive(target: &Target) -> Option<String> {
    let mut parts = target.path().strip_prefix("/repos/")?.splitn(4, '/');
    let (owner, name) = (parts.next()?, parts.next()?);
    let form = match parts.next()? {
        "tarball" => "legacy.tar.gz",
        "zipball" => "legacy.zip",
        _ => return None,
    };
    let reference = parts.next().unwrap_or("HEAD");
    Some(format!("{CODELOAD}/{owner}/{name}/{form}/{reference}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use serde_json::json;

    use crate::clock::Timestamp;
    use crate::entry::{Extras, Moved, Times};
    use crate::target::Policy;

    use super::*;

    fn entry(url: &str) -> Entry {
        let body = json!({ "id": 1, "browser_download_url": url }).to_string();
        let times = Times::starting(Timestamp::from_secs(1), Duration::ZERO);
        Entry::new("x", StatusCode::OK, bytes::Bytes::from(body), times)
    }

    fn asset(url: &str) -> Option<String> {
        of_asset(&entry(url), "/repos/o/r/releases/assets/1", "https://github.com")
    }

    #[test]
    fn an_asset_is_where_its_document_says() {
        let url = "https://github.com/o/r/releases/download/v1.2%2B3/tool_1.2-x86_64.tar.gz";
        assert_eq!(asset(url).as_deref(), Some(url));
        for tag in ["v1=2", "v1&2", "v1'2", "v1$2", "v1;2", "v1*", "v1:2", "v1%2F2", "v1.."] {
            let url = format!("https://github.com/o/r/releases/download/{tag}/x");
            assert_eq!(asset(&url), Some(url));
        }
        for elsewhere in [
            "https://evil.example/o/r/releases/download/v1/x",
            "https://github.com.evil.example/o/r/releases/download/v1/x",
            "https://github.com/o/r/archive/v1.zip",
            "https://github.com/o/r/releases/download/",
            "https://github.com/o/r/releases/download/../../x",
            "https://github.com/o/r/releases/download/%2e%2e/%2E./x",
            "https://github.com/o/r/releases/download/v1/x#y",
            "https://github.com/o/r/releases/download/v1\\x/y",
            "https://github.com//r/releases/download/v1/x",
            "http://github.com/o/r/releases/download/v1/x",
            "https://github.com/o/r/releases/download/v1/x\r\nset-cookie: a=b",
            "https://github.com/o/r/releases/download/v1/x?y",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(asset(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn an_asset_is_of_the_repository_of_its_path() {
        let url = "https://github.com/Octo/App/releases/download/v1/x";
        let moved = Moved { to: "x".into(), seen_at: Timestamp::from_secs(1) };
        for (path, is_renamed, want) in [
            ("/repos/octo/app/releases/assets/1", false, true),
            ("/repos/octo/app2/releases/assets/1", false, false),
            ("/repos/octo2/app/releases/assets/1", false, false),
            ("/repos/app/octo/releases/assets/1", false, false),
            ("/repos/octo/former/releases/assets/1", true, true),
            ("/repositories/17/releases/assets/1", false, true),
        ] {
            let mut entry = entry(url);
            entry.extras = Extras::new(is_renamed.then(|| moved.clone()), None);
            let location = of_asset(&entry, path, "https://github.com");
            assert_eq!(location.as_deref(), want.then_some(url), "{path}");
        }
    }

    #[test]
    fn an_archive_is_on_the_host_of_archives() {
        let location = |path: &str| {
            let url = format!("https://api.github.com{path}");
            of_archive(&Target::parse(&url, &Policy::default()).unwrap())
        };
        for (path, want) in [
            ("/repos/o/r/tarball/v1.2", Some("/o/r/legacy.tar.gz/v1.2")),
            ("/repos/o/r/zipball/refs/tags/v1", Some("/o/r/legacy.zip/refs/tags/v1")),
            ("/repos/o/r/tarball", Some("/o/r/legacy.tar.gz/HEAD")),
            ("/repos/o/r/tarballs/v1", None),
            ("/repos/o/r/releases", None),
            ("/repositories/1/tarball/v1", None),
        ] {
            let want = want.map(|rest| format!("{CODELOAD}{rest}"));
            assert_eq!(location(path), want, "{path}");
        }
    }
}
