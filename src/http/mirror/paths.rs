//! The paths of the mirror: documents, the few pages that clients request before documents, and the
//! paths that GitHub has and svm does not have.

use salvo::{Request, Response};

use crate::clock::Timestamp;
use crate::http::render::mirror as render;
use crate::target::{ENTERPRISE, in_repository};

/// The first segments of paths that GitHub has and svm does not: svm answers them with "Not Found"
/// in GitHub's form.
const ABSENT: [&str; 25] = [
    "advisories",
    "api",
    "app",
    "apps",
    "emojis",
    "enterprises",
    "events",
    "feeds",
    "gists",
    "gitignore",
    "graphql",
    "installation",
    "issues",
    "licenses",
    "markdown",
    "networks",
    "notifications",
    "octocat",
    "organizations",
    "orgs",
    "search",
    "teams",
    "user",
    "users",
    "zen",
];

/// Returns the path without the prefix of an Enterprise server.
pub(in crate::http) fn without_prefix(path: &str) -> &str {
    match path.strip_prefix(ENTERPRISE) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// Returns the URL of a path of the mirror, without repeating the Enterprise prefix. The address of
/// svm ends with the prefix if the operator configures the address that clients use, or if a proxy
/// serves svm below the prefix.
pub(super) fn url(address: &str, path: &str) -> String {
    let repeated = if address.ends_with(ENTERPRISE) { ENTERPRISE } else { "" };
    let rest = path.strip_prefix(repeated).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    format!("{address}{}", rest.unwrap_or(path))
}

/// Returns true if a path belongs to the mirror.
pub(in crate::http) fn is_mirrored(path: &str) -> bool {
    // Most requests are for documents.
    if is_document(without_prefix(path)) {
        return true;
    }
    let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next());
    let first = first.unwrap_or_default();
    matches!(first, "" | "repos" | "repositories" | "rate_limit" | "meta")
        && !path.starts_with("//")
        || ABSENT.contains(&first)
}

/// Returns true if a path can be the path of a document.
pub(in crate::http) fn is_document(path: &str) -> bool {
    path.starts_with("/repos/") || path.starts_with("/repositories/")
}

/// Returns true if a path names a release by its tag or as the latest. Such a release may be absent
/// and published later.
pub(super) fn is_release(path: &str) -> bool {
    let which = in_repository(path).and_then(|resource| resource.strip_prefix("releases/"));
    which.is_some_and(|which| which == "latest" || which.starts_with("tags/"))
}

/// A page of GitHub's API that is not a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiPage {
    Root,
    RateLimit,
    Meta { is_enterprise: bool },
}

impl ApiPage {
    /// Returns the page that a path names, if any.
    pub(super) fn of(path: &str) -> Option<Self> {
        let is_enterprise = path.starts_with(ENTERPRISE);
        match without_prefix(path) {
            "/" => Some(Self::Root),
            "/rate_limit" | "/rate_limit/" => Some(Self::RateLimit),
            "/meta" | "/meta/" => Some(Self::Meta { is_enterprise }),
            _ => None,
        }
    }

    pub(super) fn answer(
        self,
        req: &Request,
        res: &mut Response,
        base: Option<String>,
        now: Timestamp,
    ) {
        match self {
            Self::Root => {
                let prefix = if req.uri().path().starts_with(ENTERPRISE) { ENTERPRISE } else { "" };
                render::root(req, res, &url(&base.unwrap_or_default(), prefix));
            }
            Self::RateLimit => render::rate_limit(req, res, now),
            Self::Meta { is_enterprise } => render::meta(req, res, is_enterprise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_has_its_own_paths_only() {
        for path in [
            "/",
            "/repos/o/r",
            "/repositories/1",
            "/api/v3",
            "/api/v3/",
            "/api/graphql",
            "/graphql",
            "/rate_limit",
            "/meta",
            "/user",
            "/users/x",
            "/orgs/x/repos",
            "/search/code",
            "/repos",
        ] {
            assert!(is_mirrored(path), "{path}");
        }
        for path in ["//", "//repos/o/r", "/reposx", "/version/", "/x/repos", "/metadata"] {
            assert!(!is_mirrored(path), "{path}");
        }
    }

    #[test]
    fn a_release_is_named_by_its_tag_or_as_the_latest() {
        for (path, want) in [
            ("/repos/o/r/releases/latest", true),
            ("/repositories/1/releases/tags/v1", true),
            ("/repos/o/releases/releases/tags/v1", true),
            ("/repos/o/r/releases/7", false),
            ("/repos/o/releases/tags/v1", false),
            ("/repos/o/r/contents/releases/latest", false),
        ] {
            assert_eq!(is_release(path), want, "{path}");
        }
    }

    #[test]
    fn the_prefix_is_not_repeated() {
        for (address, path, want) in [
            ("http://svm", "/repos/o/r", "http://svm/repos/o/r"),
            ("http://svm", "/api/v3/repos/o/r", "http://svm/api/v3/repos/o/r"),
            ("http://svm/api/v3", "/repos/o/r", "http://svm/api/v3/repos/o/r"),
            ("http://svm/api/v3", "/api/v3/repos/o/r", "http://svm/api/v3/repos/o/r"),
            ("http://svm/api/v3", "/api/v3", "http://svm/api/v3"),
            ("http://svm/api/v3", "/api/v3x", "http://svm/api/v3/api/v3x"),
        ] {
            assert_eq!(url(address, path), want);
        }
    }

    #[test]
    fn the_prefix_is_whole() {
        for (path, want) in [
            ("/api/v3", "/"),
            ("/api/v3/", "/"),
            ("/api/v3/repos/o/r", "/repos/o/r"),
            ("/api/v3x/repos/o/r", "/api/v3x/repos/o/r"),
            ("/repos/o/r", "/repos/o/r"),
        ] {
            assert_eq!(without_prefix(path), want);
        }
    }
}
