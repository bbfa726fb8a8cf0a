//! The endpoint of an API that a URL belongs to: the documents that one throttle concerns.
//!
//! Pure. GitHub throttles routes, and a route is a path whose owners, names and numbers are left
//! open: `/repos/*/*/releases`. Hosts that serve files have no routes; there a repository is the
//! endpoint.

use std::borrow::Cow;

use crate::target::Target;

/// The beginning of the API's paths on GitHub Enterprise.
const ENTERPRISE_PREFIX: &str = "/api/v3/";

/// The endpoint of a document, as a pattern of its path.
pub(super) fn of(target: &Target) -> Cow<'static, str> {
    of_path(target.path(), target.gets_token())
}

fn of_path(path: &str, is_api: bool) -> Cow<'static, str> {
    let path = path.strip_prefix(ENTERPRISE_PREFIX).unwrap_or(&path[1..]);
    let mut segments = path.split('/');
    let mut next = || segments.next().unwrap_or_default();
    match (next(), is_api) {
        ("repos", _) => {
            let (_owner, _name) = (next(), next());
            in_repository(next())
        }
        // The same route by number: a renamed repository redirects to it.
        ("repositories", _) => {
            let _number = next();
            in_repository(next())
        }
        (first, true) => {
            let _subject = next();
            joined(&format!("/{first}/*"), next())
        }
        (owner, false) => Cow::Owned(format!("/{owner}/{}", next())),
    }
}

fn in_repository(resource: &str) -> Cow<'static, str> {
    joined("/repos/*/*", resource)
}

fn joined(route: &str, resource: &str) -> Cow<'static, str> {
    let separator = if resource.is_empty() { "" } else { "/" };
    Cow::Owned(format!("{route}{separator}{resource}"))
}

#[cfg(test)]
mod tests {
    use super::of_path;

    #[test]
    fn a_path_belongs_to_the_route_that_github_names() {
        for (path, is_api, want) in [
            ("/repos/octo/app/releases/latest", true, "/repos/*/*/releases"),
            ("/repos/octo/other/releases", true, "/repos/*/*/releases"),
            ("/repositories/7/releases/latest", true, "/repos/*/*/releases"),
            ("/api/v3/repos/octo/app/commits/main", true, "/repos/*/*/commits"),
            ("/repos/octo/app", true, "/repos/*/*"),
            ("/repositories/7", true, "/repos/*/*"),
            ("/user", true, "/user/*"),
            ("/users/octo/repos", true, "/users/*/repos"),
            ("/octo/app/main/v.json", false, "/octo/app"),
            ("/octo", false, "/octo/"),
            ("/", false, "//"),
            ("/repos/octo/app/releases/1/assets", false, "/repos/*/*/releases"),
        ] {
            assert_eq!(of_path(path, is_api), want, "{path}");
        }
    }
}
