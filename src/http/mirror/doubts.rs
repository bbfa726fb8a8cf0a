//! The answers that do not suffice for a client of the mirror, so that svm calls the upstream for
//! another one.

use std::time::Duration;

use crate::cache::{Outcome, Status};
use crate::entry::Entry;

use super::paths::is_release;

/// Returns true for a list without known links, since its client would not find the further pages.
pub(super) fn lacks_pages(entry: &Entry) -> bool {
    entry.extras.lacks_links()
}

/// Returns true for the status of a cached absence that was checked too long ago, judged by its
/// remaining lifetime. A release may have been published since.
pub(super) fn is_doubtful(status: &Status, doubtful_below: Duration) -> bool {
    let left = status.ttl.and_then(|ttl| u64::try_from(ttl).ok()).map(Duration::from_secs);
    status.outcome == Outcome::Hit
        && status.detail.is_none()
        && left.is_some_and(|left| left <= doubtful_below)
}

/// Returns true if a stored entry does not suffice for the path, which is below the root of the
/// API. `status` is the status of the answer from it.
pub(in crate::http) fn wants_another(
    path: &str,
    entry: &Entry,
    status: &Status,
    doubtful_below: Duration,
) -> bool {
    match entry.is_negative() {
        true => is_release(path) && is_doubtful(status, doubtful_below),
        false => lacks_pages(entry),
    }
}
