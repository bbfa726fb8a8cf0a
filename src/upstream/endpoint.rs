//! The endpoint of a URL: the documents that one throttle concerns.
//!
//! Pure. GitHub throttles routes. A route is a path without owners, names and numbers, such as
//! `/repos/*/*/releases`. Hosts that serve files have no routes; their endpoints are the
//! repositories.

use crate::target::{ENTERPRISE, Target};

/// Returns the endpoint of a document, as a pattern of its path.
pub(super) fn of(target: &Target) -> String {
    of_path(target.path(), target.gets_token())
}

fn of_path(path: &str, is_api: bool) -> String {
    let below = path.strip_prefix(ENTERPRISE).and_then(|rest| rest.strip_prefix('/'));
    let path = below.unwrap_or(&path[1..]);
    let mut segments = path.split('/');
    let [first, second, third, fourth] =
        std::array::from_fn(|_| segments.next().unwrap_or_default());
    let (route, resource) = match first {
        "repos" => ("/repos/*/*".to_owned(), fourth),
        // The same route by repository number; a renamed repository redirects to it.
        "repositories" => ("/repos/*/*".to_owned(), third),
        _ if is_api => (format!("/{first}/*"), third),
        _ => return format!("/{first}/{second}"),
    };
    let separator = if resource.is_empty() { "" } else { "/" };
    format!("{route}{separator}{resource}")
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
