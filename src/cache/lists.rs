//! The changes of lists of several pages. A new element moves others to the next page, so a page
//! that was checked earlier is outdated: an element would be on no page, or on two.
//!
//! A change of a page's elements makes those pages of the list expire that were checked earlier.
//! Their checks cost no quota if they are unchanged.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use moka::sync::Cache as Lru;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::entry::{CLOCK_DIFFERENCE, Entry};
use crate::target::Target;

/// The most lists that are remembered; pages of other lists never count as outdated.
const MOST_LISTS: u64 = 4_096;

/// The times at which the elements of lists last changed.
#[derive(Debug)]
pub struct Lists(Lru<Box<str>, Timestamp>);

impl Default for Lists {
    fn default() -> Self {
        Self(Lru::new(MOST_LISTS))
    }
}

impl Lists {
    /// Records a change of the elements of a page, if its new body has other elements.
    pub(super) fn note(&self, target: &Target, before: &Entry, after: &Entry) {
        if before.body == after.body || is_only_page(before) && is_only_page(after) {
            return;
        }
        if membership(&before.body) != membership(&after.body) {
            self.0.insert(list_of(target), after.times.checked_at);
        }
    }

    /// Returns true if another page of the list has changed since this one was checked. A change in
    /// the future is from before the clock was set back, and says nothing about this page.
    pub(super) fn have_outdated(&self, target: &Target, page: &Entry, now: Timestamp) -> bool {
        let is_later = |at| page.times.checked_at < at && at <= now + CLOCK_DIFFERENCE;
        // For other documents, a hit costs only this comparison.
        !is_only_page(page) && self.0.get(&list_of(target)).is_some_and(is_later)
    }
}

fn is_only_page(entry: &Entry) -> bool {
    entry.extras.links().is_none()
}

/// Returns the URL of a page without its number.
fn list_of(target: &Target) -> Box<str> {
    let (path, query) = target.as_str().split_once('?').unwrap_or((target.as_str(), ""));
    let pairs = query.split('&').filter(|pair| !pair.starts_with("page="));
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&")).into()
}

/// The fields that identify an element; the first one present counts.
#[derive(Deserialize)]
struct Element {
    id: Option<Value>,
    sha: Option<Value>,
    #[serde(rename = "ref")]
    reference: Option<Value>,
    name: Option<Value>,
}

/// Returns a digest of the identities of a page's elements; `None` if the body is no list of
/// objects.
fn membership(body: &[u8]) -> Option<u64> {
    let elements: Vec<Element> = serde_json::from_slice(body).ok()?;
    let mut hasher = FixedState::default().build_hasher();
    for Element { id, sha, reference, name } in elements {
        let identity = id.or(sha).or(reference).or(name);
        identity.map(|identity| identity.to_string()).hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::StatusCode;

    use crate::entry::{Extras, Links, Times};
    use crate::target::Policy;

    use super::*;

    const LIST: &str = "https://api.github.com/repos/o/r/releases?per_page=2";

    fn target(query: &str) -> Target {
        Target::parse(&format!("{LIST}{query}"), &Policy::default()).unwrap()
    }

    fn page(body: &str, checked_at: u64) -> Entry {
        let times = Times::starting(Timestamp::from_secs(checked_at), Duration::from_secs(60));
        let links = Links::from_urls([None, Some(LIST.into()), None, None]);
        let entry = Entry::new(LIST, StatusCode::OK, Bytes::from(body.to_owned()), times);
        Entry { extras: Extras::default().with_links(links), ..entry }
    }

    #[test]
    fn a_page_is_outdated_by_a_later_change_of_another() {
        let (lists, now) = (Lists::default(), Timestamp::from_secs(21));
        let before = page(r#"[{"id":2,"n":1},{"id":1}]"#, 10);
        let other = page(r#"[{"id":0}]"#, 10);
        lists.note(&target(""), &before, &page(r#"[{"id":2,"n":2},{"id":1}]"#, 20));
        assert!(!lists.have_outdated(&target("&page=2"), &other, now), "a count is no element");
        let after = page(r#"[{"id":3},{"id":2}]"#, 20);
        lists.note(&target(""), &before, &after);
        assert!(lists.have_outdated(&target("&page=2"), &other, now));
        assert!(!lists.have_outdated(&target(""), &after, now), "it is the change");
        assert!(!lists.have_outdated(&target("&page=2"), &page(r#"[{"id":1}]"#, 21), now));
        assert!(!lists.have_outdated(&target("&page=2&x=y"), &other, now), "another list");
        let set_back = Timestamp::from_secs(14);
        assert!(!lists.have_outdated(&target("&page=2"), &other, set_back), "the clock went back");
    }

    #[test]
    fn elements_differ_by_their_identities() {
        let differ =
            |one: &str, other: &str| membership(one.as_bytes()) != membership(other.as_bytes());
        assert!(differ(r#"[{"sha":"a"}]"#, r#"[{"sha":"b"}]"#));
        assert!(differ(r#"[{"ref":"a"}]"#, r#"[{"ref":"b"}]"#));
        assert!(differ(r#"[{"name":"a"}]"#, r#"[{"name":"b"}]"#));
        assert!(differ(r#"[{"id":1},{"id":2}]"#, r#"[{"id":2},{"id":1}]"#));
        assert!(!differ(r#"[{"id":1,"name":"a"}]"#, r#"[{"id":1,"name":"b"}]"#));
        assert_eq!(membership(b"{}"), None);
        assert_eq!(membership(b"[1]"), None);
    }

    #[test]
    fn lists_are_bounded() {
        let lists = Lists::default();
        let (before, after) = (page(r#"[{"id":1}]"#, 1), page(r#"[{"id":2}]"#, 2));
        for number in 0..2 * MOST_LISTS {
            lists.note(&target(&format!("&x={number}")), &before, &after);
        }
        lists.0.run_pending_tasks();
        assert!(lists.0.entry_count() <= MOST_LISTS);
    }
}
