//! The part of a path of GitHub's API behind a repository.

/// The root of the API on a GitHub Enterprise server.
pub(super) const ENTERPRISE: &str = "/api/v3";

/// Returns the part of a path behind a repository, be that named by its owner and name or by its
/// number: `releases/latest` of `/repos/octo/app/releases/latest`.
pub fn in_repository(path: &str) -> Option<&str> {
    let path = path.strip_prefix(ENTERPRISE).unwrap_or(path);
    let (root, rest) = path.strip_prefix('/')?.split_once('/')?;
    let names = match root {
        "repos" => 2,
        "repositories" => 1,
        _ => return None,
    };
    rest.splitn(names + 1, '/').nth(names)
}
