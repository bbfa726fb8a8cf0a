//! The mutability of a document, derived from its URL and its body.
//!
//! Pure. A full hash names a commit or its contents forever, since GitHub refuses branches and tags
//! of that form. The document of an asset counts its downloads. The release of one tag hardly
//! changes after some weeks; the latest release may change at any time.

use crate::activity::Mutability;
use crate::clock::Timestamp;
use crate::entry::{Entry, Pin};
use crate::target::{Target, in_repository};

use super::release;

/// The host of GitHub's files.
const FILE_HOST: &str = "raw.githubusercontent.com";

/// Returns how the document of this entry changes.
pub fn mutability(target: &Target, entry: &Entry, now: Timestamp) -> Mutability {
    match entry.extras.pin() {
        Some(Pin::Hash) => Mutability::Immutable,
        Some(pin) if pin.is_pinned_release(now) => Mutability::Pinned,
        _ if target.gets_token() && is_asset(target.path()) => Mutability::Pinned,
        _ => Mutability::Mutable,
    }
}

/// Returns the pin of a document with this body: the reason why it hardly ever changes.
pub(super) fn pin(target: &Target, body: &[u8]) -> Option<Pin> {
    let query = target.query().unwrap_or_default();
    let is_immutable = match target.gets_token() {
        true => is_by_hash(target.path(), query),
        false => target.host() == FILE_HOST && is_file_by_hash(target.path()),
    };
    if is_immutable {
        return Some(Pin::Hash);
    }
    let is_release = target.gets_token() && release::is_of_one_tag(target.path());
    if is_release { release::pin(body) } else { None }
}

/// Returns true for documents of GitHub's API that are named by a full hash. Documents about a
/// commit, such as its checks, still change.
fn is_by_hash(path: &str, query: &str) -> bool {
    let Some(resource) = in_repository(path) else { return false };
    match resource.split('/').collect::<Vec<_>>()[..] {
        ["git", "blobs" | "trees" | "commits" | "tags", hash] | ["commits", hash] => is_hash(hash),
        ["compare", range] => {
            range.split_once("...").is_some_and(|(from, to)| is_hash(from) && is_hash(to))
        }
        ["contents" | "readme", ..] => {
            let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("ref="));
            values.next().is_some_and(is_hash) && values.next().is_none()
        }
        _ => false,
    }
}

/// Returns true for the document of a release's asset: hardly anything but its download count
/// changes.
fn is_asset(path: &str) -> bool {
    in_repository(path).is_some_and(|resource| resource.starts_with("releases/assets/"))
}

/// Returns true for a path of the form `/owner/name/hash/path`.
fn is_file_by_hash(path: &str) -> bool {
    let mut segments = path.split('/').skip(3);
    segments.next().is_some_and(is_hash) && segments.next().is_some_and(|file| !file.is_empty())
}

/// Returns true for a full SHA-1 or SHA-256. A shortened hash may become ambiguous.
fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_full_hash_names_what_cannot_change() {
        for (path, query, want) in [
            ("/repos/o/r/commits/SHA", "", true),
            ("/repos/o/r/commits/SHA", "per_page=1", true),
            ("/repositories/7/commits/SHA", "", true),
            ("/api/v3/repos/o/r/commits/SHA", "", true),
            ("/repos/o/r/git/trees/SHA", "recursive=1", true),
            ("/repos/o/r/git/blobs/SHA", "", true),
            ("/repos/o/r/git/tags/SHA", "", true),
            ("/repos/o/r/compare/SHA...SHA", "", true),
            ("/repos/o/r/contents/a/b.json", "ref=SHA", true),
            ("/repos/o/r/readme", "ref=SHA", true),
            ("/repos/o/r/commits/main", "", false),
            ("/repos/o/r/commits/0123456", "", false),
            ("/repos/o/r/commits/SHA/status", "", false),
            ("/repos/o/r/commits/SHA/check-runs", "", false),
            ("/repos/o/r/commits", "sha=SHA", false),
            ("/repos/o/r/compare/main...SHA", "", false),
            ("/repos/o/r/contents/SHA", "", false),
            ("/repos/o/r/contents/a", "ref=main", false),
            ("/repos/o/r/contents/a", "ref=SHA&ref=main", false),
            ("/repos/o/r/git/refs/heads/SHA", "", false),
            ("/repos/commits/SHA", "", false),
            ("/users/SHA", "", false),
        ] {
            let [path, query] = [path, query].map(|text| text.replace("SHA", SHA));
            assert_eq!(is_by_hash(&path, &query), want, "{path}?{query}");
        }
        assert!(is_hash(&"a".repeat(64)));
        assert!(!is_hash(&"a".repeat(50)));
        assert!(!is_hash(&"g".repeat(40)));
    }

    #[test]
    fn an_asset_hardly_changes() {
        for (path, want) in [
            ("/repos/o/r/releases/assets/7", true),
            ("/repositories/1/releases/assets/7", true),
            ("/api/v3/repos/o/r/releases/assets/7", true),
            ("/repos/o/r/releases/7/assets", false),
            ("/repos/o/r/releases/latest", false),
        ] {
            assert_eq!(is_asset(path), want, "{path}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_third_part_of_its_path() {
        for (path, want) in [
            ("/octo/app/SHA/v.json", true),
            ("/octo/app/SHA/a/b/v.json", true),
            ("/octo/app/main/v.json", false),
            ("/octo/app/main/SHA", false),
            ("/octo/app/SHA", false),
            ("/octo/SHA/main/v.json", false),
        ] {
            let path = path.replace("SHA", SHA);
            assert_eq!(is_file_by_hash(&path), want, "{path}");
        }
    }
}
