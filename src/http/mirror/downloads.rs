//! The locations of downloads. svm does not serve downloads; it redirects the client.

use serde::Deserialize;

use crate::entry::Entry;
use crate::target::Target;

const CODELOAD: &str = "https://codeload.github.com";

/// The field of a release asset that holds the URL of its bytes.
#[derive(Deserialize)]
struct Asset<'a> {
    browser_download_url: &'a str,
}

/// Returns the URL of the bytes of an asset, as its document gives it. Accepts only a release
/// download on `site`, the website of the API's own server, since any other URL could lead the
/// client elsewhere.
pub(super) fn of_asset(entry: &Entry, site: &str) -> Option<String> {
    let asset: Asset<'_> = serde_json::from_slice(&entry.body).ok()?;
    let url = asset.browser_download_url;
    let parts: Vec<_> = url.strip_prefix(site)?.strip_prefix('/')?.split('/').collect();
    let is_download = matches!(&parts[..], [_, _, "releases", "download", _, ..]);
    let is_plain =
        |part: &&str| !matches!(*part, "" | "." | "..") && part.bytes().all(is_plain_byte);
    (is_download && parts.iter().all(is_plain)).then(|| url.to_owned())
}

fn is_plain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%+@,()!".contains(&byte)
}

/// Returns the URL of the archive that a target of the API names, if the target is an archive.
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
    use crate::entry::Times;
    use crate::target::Policy;

    use super::*;

    fn asset(url: &str) -> Option<String> {
        let body = json!({ "id": 1, "browser_download_url": url }).to_string();
        let times = Times::starting(Timestamp::from_secs(1), Duration::ZERO);
        of_asset(
            &Entry::new("x", StatusCode::OK, bytes::Bytes::from(body), times),
            "https://github.com",
        )
    }

    #[test]
    fn an_asset_is_where_its_document_says() {
        let url = "https://github.com/o/r/releases/download/v1.2%2B3/tool_1.2-x86_64.tar.gz";
        assert_eq!(asset(url).as_deref(), Some(url));
        for elsewhere in [
            "https://evil.example/o/r/releases/download/v1/x",
            "https://github.com.evil.example/o/r/releases/download/v1/x",
            "https://github.com/o/r/archive/v1.zip",
            "https://github.com/o/r/releases/download/",
            "https://github.com/o/r/releases/download/../../x",
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
