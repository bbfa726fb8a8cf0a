//! The part of a path of GitHub's API after the repository.

/// The root of the API on a GitHub Enterprise server.
pub(crate) const ENTERPRISE: &str = "/api/v3";

/// Returns the part of a path after the repository, which the path names by owner and name or by
/// number: `releases/latest` of `/repos/octo/app/releases/latest`.
pub fn in_repository(path: &str) -> Option<&str> {
    split(path)?.1
}

/// Returns the repository's part of a path, without the root of an Enterprise server:
/// `/repos/octo/app` of `/api/v3/repos/octo/app/tags`.
pub fn repository(path: &str) -> Option<&str> {
    Some(split(path)?.0)
}

fn split(path: &str) -> Option<(&str, Option<&str>)> {
    let path = path.strip_prefix(ENTERPRISE).unwrap_or(path);
    let slashes = match path.strip_prefix('/')?.split_once('/')?.0 {
        "repos" => 3,
        "repositories" => 2,
        _ => return None,
    };
    match path.match_indices('/').nth(slashes) {
        Some((end, _)) => Some((&path[..end], Some(&path[end + 1..]))),
        None if path.matches('/').count() == slashes => Some((path, None)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_behind_the_repository() {
        for (path, root, rest) in [
            ("/repos/octo/app/releases/latest", Some("/repos/octo/app"), Some("releases/latest")),
            ("/api/v3/repos/octo/app/tags", Some("/repos/octo/app"), Some("tags")),
            ("/repositories/7/tags", Some("/repositories/7"), Some("tags")),
            ("/repos/octo/app", Some("/repos/octo/app"), None),
            ("/repositories/7", Some("/repositories/7"), None),
            ("/repos/octo/app/", Some("/repos/octo/app"), Some("")),
            ("/repos/octo", None, None),
            ("/repos", None, None),
            ("/users/octo/repos", None, None),
            ("", None, None),
        ] {
            assert_eq!((repository(path), in_repository(path)), (root, rest), "{path}");
        }
    }
}
