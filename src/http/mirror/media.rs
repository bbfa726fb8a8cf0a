//! The media type that a client of GitHub's API wants.
//!
//! Releases have further representations with rendered texts, and each is a document of its own. Of
//! all other resources svm has only JSON. If GitHub would send a representation that svm does not
//! have, the client gets an error: a client that wants a plain hash would take JSON for the hash.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};

use crate::target::{Representation, in_repository};

/// The words that name a representation in `application/vnd.github.v3.WORD+json`.
const PARAMETERS: [&str; 11] =
    ["json", "raw", "full", "html", "text", "object", "sha", "diff", "patch", "star", "base64"];

/// The values that most clients send to get JSON.
const USUAL: [&str; 4] =
    ["*/*", "application/json", "application/vnd.github+json", "application/vnd.github.v3+json"];

const BYTES: &str = "application/octet-stream";
const VENDOR: &str = "application/vnd.github";

/// The answer that a client chooses by its `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// The document, in this representation.
    Json(Representation),
    /// A redirect to the bytes of an asset.
    Download,
    /// An error: svm has no such representation.
    Nothing,
}

/// Chooses the answer for a client that requests `path`. The path must be canonical: the rules
/// below would not recognize another spelling.
pub(crate) fn choose(headers: &HeaderMap, path: &str) -> Chosen {
    let default = Chosen::Json(Representation::Default);
    if headers.get_all(ACCEPT).iter().all(is_usual) {
        return default;
    }
    let lines = || headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let types = || lines().flat_map(|line| line.split(',')).map(essence);
    let wants_bytes = types().any(|essence| essence.eq_ignore_ascii_case(BYTES));
    let parameter = types().filter_map(parameter).next();
    if !wants_bytes && parameter.is_none() {
        return default;
    }
    let resource = in_repository(path).unwrap_or_default();
    if wants_bytes && resource.starts_with("releases/assets/") {
        return Chosen::Download;
    }
    let is_release = resource.split('/').next() == Some("releases");
    match parameter {
        Some("full") if is_release => Chosen::Json(Representation::Full),
        Some("html") if is_release => Chosen::Json(Representation::Html),
        Some("text") if is_release => Chosen::Json(Representation::Text),
        None | Some("json" | "full" | "text") => default,
        Some("raw") if !is_content(resource) && !resource.starts_with("git/blobs/") => default,
        Some("html" | "object") if !is_content(resource) => default,
        Some(_) => Chosen::Nothing,
    }
}

fn is_usual(line: &HeaderValue) -> bool {
    USUAL.iter().any(|usual| line == usual)
}

/// Returns the media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Returns the word of a GitHub media type that names a representation, if there is one.
fn parameter(essence: &str) -> Option<&'static str> {
    let (vendor, rest) = essence.split_at_checked(VENDOR.len())?;
    if !vendor.eq_ignore_ascii_case(VENDOR) {
        return None;
    }
    let (words, _) = rest.split_once('+').unwrap_or((rest, ""));
    let (_, last) = words.rsplit_once('.')?;
    PARAMETERS.into_iter().find(|parameter| last.eq_ignore_ascii_case(parameter))
}

fn is_content(resource: &str) -> bool {
    let first = resource.split('/').next();
    matches!(first, Some("contents" | "readme" | "license"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASES: &str = "/repos/o/r/releases";
    const CONTENTS: &str = "/repos/o/r/contents/README.md";

    fn serves(lines: &[&str], path: &str) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        matches!(choose(&headers, path), Chosen::Json(_))
    }

    #[test]
    fn json_is_served_to_all_who_take_it() {
        for accept in [
            "*/*",
            "",
            "application/json",
            "application/vnd.github+json",
            "application/vnd.github.v3+json",
            "application/vnd.github.json",
            "application/vnd.github.mercy-preview+json, application/vnd.github.v3.full+json",
            "APPLICATION/VND.GITHUB.V3.JSON ; q=0.5",
            "text/html,application/xhtml+xml;q=0.9",
            "application/vnd.githubx",
            ",,;",
        ] {
            for path in [RELEASES, CONTENTS, "/repos/o/r/license", "/repos/o/r/git/blobs/1"] {
                assert!(serves(&[accept], path), "{accept} {path}");
            }
        }
        assert!(serves(&[], CONTENTS));
        assert!(serves(&["application/vnd.github.raw"], RELEASES), "one client always sends it");
    }

    #[test]
    fn the_usual_values_are_nothing_special() {
        for usual in USUAL {
            let media_types = || usual.split(',').map(essence);
            assert!(media_types().all(|essence| parameter(essence).is_none_or(|it| it == "json")));
            assert!(media_types().all(|essence| essence != BYTES));
        }
    }

    #[test]
    fn releases_have_rendered_texts() {
        let chosen = |accept: &str, path: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())]);
            choose(&headers, path)
        };
        for (word, representation) in [
            ("full", Representation::Full),
            ("html", Representation::Html),
            ("text", Representation::Text),
        ] {
            let accept = format!("application/vnd.github.v3.{word}+json");
            for path in [RELEASES, "/repositories/1/releases/latest"] {
                assert_eq!(chosen(&accept, path), Chosen::Json(representation));
            }
            let default = Chosen::Json(Representation::Default);
            assert_eq!(
                chosen(&accept, "/repos/o/r"),
                default,
                "{word}: one client always sends it"
            );
        }
    }

    #[test]
    fn another_representation_is_never_mistaken_for_json() {
        for (accept, path) in [
            ("application/vnd.github.raw", CONTENTS),
            ("application/vnd.github.v3.raw+json", "/repos/o/r/readme"),
            ("application/vnd.github.VERSION.RAW", "/repos/o/r/license"),
            ("application/vnd.github.3.raw", "/repos/o/r/git/blobs/1"),
            ("application/vnd.github+json, application/vnd.github.raw", CONTENTS),
            ("application/vnd.github.html", CONTENTS),
            ("application/vnd.github.object+json", "/repos/o/r/contents"),
            ("application/vnd.github.sha", "/repos/o/r/commits/main"),
            ("text/plain, application/vnd.github.v3.diff;q=1", "/repos/o/r/commits/main"),
            ("application/vnd.github.patch", RELEASES),
            ("application/vnd.github.star+json", "/repos/o/r/stargazers"),
            ("application/vnd.github.base64", RELEASES),
            ("application/octet-stream", "/repos/o/r/releases/assets/1"),
            ("application/octet-stream", "/repositories/1/releases/assets/1"),
            ("application/vnd.github.raw", "/repositories/1/contents/x"),
        ] {
            assert!(!serves(&[accept], path), "{accept} {path}");
            assert!(!serves(&["*/*", accept], path), "{accept} {path}");
        }
        assert!(serves(&["application/octet-stream"], RELEASES));
        assert!(serves(&["application/vnd.github.raw"], "/repos/contents/readme/releases"));
    }
}
