//! The changes of lists of several pages. A new element moves others to the next page, so a page
//! that was checked earlier is outdated: an element would be on no page, or on two.
//!
//! A change of a page's elements makes those pages of the list expire that were checked earlier.
//! Their checks cost no quota if they are unchanged.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::{FixedState, RandomState};
use moka::sync::Cache as Lru;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::entry::{CLOCK_DIFFERENCE, Entry, Relation};

/// The most lists that are remembered; pages of other lists never count as outdated.
const MOST_LISTS: u64 = 4_096;

/// The times at which the elements of lists last changed, by the digest of each list.
#[derive(Debug)]
pub struct Lists {
    changed: Lru<u64, Timestamp>,
    hasher: RandomState,
}

impl Default for Lists {
    fn default() -> Self {
        Self { changed: Lru::new(MOST_LISTS), hasher: RandomState::default() }
    }
}

impl Lists {
    /// Records a change of the elements of a page, if its new body has other elements.
    pub(super) fn note(&self, before: &Entry, after: &Entry) {
        let Some(list) = self.list_of(after).or_else(|| self.list_of(before)) else { return };
        if before.body != after.body && membership(&before.body) != membership(&after.body) {
            self.changed.insert(list, after.times.checked_at);
        }
    }

    /// Returns true if another page of the list has changed since this one was checked. A change in
    /// the future is from before the clock was set back, and says nothing about this page.
    pub(super) fn have_outdated(&self, page: &Entry, now: Timestamp) -> bool {
        let is_later = |at| page.times.checked_at < at && at <= now + CLOCK_DIFFERENCE;
        // For a document that is no page of several, a hit costs only the look for its links.
        self.list_of(page).and_then(|list| self.changed.get(&list)).is_some_and(is_later)
    }

    /// Returns the digest of the list that a page with links belongs to: of one of its links,
    /// without the number of the page. GitHub names a list alike in the links of all its pages,
    /// whatever URL the client has requested.
    fn list_of(&self, page: &Entry) -> Option<u64> {
        let links = page.extras.links()?;
        let url = Relation::ALL.into_iter().find_map(|relation| links.url(relation))?;
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
        // A sum: the order of the pairs means nothing.
        let query = pairs.map(|pair| self.hasher.hash_one(pair)).fold(0, u64::wrapping_add);
        Some(self.hasher.hash_one((path, query)))
    }
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

    use super::*;
    use crate::entry::{Extras, Links, Times};

    const LIST: &str = "https://api.github.com/repositories/7/releases?per_page=2";

    fn page_of(list: &str, body: &str, checked_at: u64) -> Entry {
        let times = Times::starting(Timestamp::from_secs(checked_at), Duration::from_secs(60));
        let links = Links::from_urls([None, Some(list.into()), None, None]);
        let url = "https://api.github.com/repos/o/r/releases";
        let entry = Entry::new(url, StatusCode::OK, Bytes::from(body.to_owned()), times);
        Entry { extras: Extras::default().with_links(links), ..entry }
    }

    fn page(body: &str, checked_at: u64) -> Entry {
        page_of(LIST, body, checked_at)
    }

    #[test]
    fn a_page_is_outdated_by_a_later_change_of_another() {
        let (lists, now) = (Lists::default(), Timestamp::from_secs(21));
        let before = page(r#"[{"id":2,"n":1},{"id":1}]"#, 10);
        let other = page(r#"[{"id":0}]"#, 10);
        lists.note(&before, &page(r#"[{"id":2,"n":2},{"id":1}]"#, 20));
        assert!(!lists.have_outdated(&other, now), "a count is no element");
        let after = page(r#"[{"id":3},{"id":2}]"#, 20);
        lists.note(&before, &after);
        assert!(lists.have_outdated(&other, now));
        assert!(!lists.have_outdated(&after, now), "it is the change");
        assert!(!lists.have_outdated(&page(r#"[{"id":1}]"#, 21), now));
        let set_back = Timestamp::from_secs(14);
        assert!(!lists.have_outdated(&other, set_back), "the clock went back");
    }

    #[test]
    fn a_list_is_known_by_any_link_of_its_pages() {
        let lists = Lists::default();
        let list = |url: &str| lists.list_of(&page_of(url, "[]", 1));
        for (url, is_same) in [
            ("https://api.github.com/repositories/7/releases?per_page=2&page=9", true),
            ("https://api.github.com/repositories/7/releases?page=1&per_page=2", true),
            ("https://api.github.com/repositories/7/releases?per_page=2&page=9&x=y", false),
            ("https://api.github.com/repositories/7/releases?per_page=3&page=9", false),
            ("https://api.github.com/repositories/7/releases?page=9", false),
            ("https://api.github.com/repositories/77/releases?per_page=2&page=9", false),
            ("https://api.github.com/repositories/7/tags?per_page=2&page=9", false),
        ] {
            assert_eq!(list(url) == list(LIST), is_same, "{url}");
        }
        let alone = Entry { extras: Extras::default(), ..page("[]", 1) };
        assert_eq!(lists.list_of(&alone), None);
    }

    #[test]
    fn a_list_that_gets_or_loses_its_second_page_has_changed() {
        let alone = Entry { extras: Extras::default(), ..page(r#"[{"id":1}]"#, 10) };
        let (other, now) = (page(r#"[{"id":0}]"#, 10), Timestamp::from_secs(21));
        let first = page(r#"[{"id":2}]"#, 20);
        for (before, after) in [(&alone, &first), (&first, &alone)] {
            let lists = Lists::default();
            let times = Times { checked_at: now, ..after.times };
            lists.note(before, &Entry { times, ..after.clone() });
            assert!(lists.have_outdated(&other, now));
        }
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
        for number in 0..2 * MOST_LISTS {
            let list = format!("{LIST}&x={number}");
            let page = |body: &str, at: u64| page_of(&list, body, at);
            lists.note(&page(r#"[{"id":1}]"#, 1), &page(r#"[{"id":2}]"#, 2));
        }
        lists.changed.run_pending_tasks();
        assert!(lists.changed.entry_count() <= MOST_LISTS);
    }
}
