//! The changes of lists of several pages. A new element moves others to the next page, so a page
//! that was checked earlier is outdated: an element would be on no page, or on two.
//!
//! A change of a page's elements makes those pages of the list expire that were checked earlier.
//! Their checks cost no quota if they are unchanged. A page without an earlier copy may be the
//! first one after a change, so it counts as a change too. The new pages of one walk show one
//! change: a walk causes no second check of its pages.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use foldhash::fast::{FixedState, RandomState};
use moka::sync::Cache as Lru;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::entry::{CLOCK_DIFFERENCE, Entry, Relation};

/// The most lists that are remembered; pages of other lists never count as outdated.
const MOST_LISTS: u64 = 16_384;
/// The longest pause between two new pages of one walk over a list.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The changes of lists, by the digest of each list.
#[derive(Debug)]
pub struct Lists {
    times: Lru<u64, ListTimes>,
    hasher: RandomState,
}

/// The times of one list.
#[derive(Clone, Copy, Debug, Default)]
struct ListTimes {
    /// The latest time at which its elements may have changed.
    changed_at: Timestamp,
    /// The time at which the latest new page arrived.
    walked_at: Timestamp,
}

impl Default for Lists {
    fn default() -> Self {
        Self { times: Lru::new(MOST_LISTS), hasher: RandomState::default() }
    }
}

impl Lists {
    /// Records a change of the elements of a page, if its new body, which is of `began` or later,
    /// has other elements. A later check of that body is no change.
    pub(super) fn note_change(
        &self,
        before: &Entry,
        after: &Entry,
        began: Timestamp,
        now: Timestamp,
    ) {
        let Some(list) = self.list_of(after).or_else(|| self.list_of(before)) else { return };
        if before.body != after.body && membership(&before.body) != membership(&after.body) {
            let (checked_at, arrived) = (before.times.checked_at, after.times.fetched_at);
            self.update(list, now, |times| times.change(checked_at, began, arrived));
        }
    }

    /// Records a page without an earlier copy, whose body is of `began` or later. If it begins a
    /// walk, the elements may have changed since other pages were checked.
    pub(super) fn note_first(&self, page: &Entry, began: Timestamp, now: Timestamp) {
        let Some(list) = self.list_of(page) else { return };
        let arrived = page.times.fetched_at.min(now);
        self.update(list, now, |times| times.extend(began.min(now), arrived));
    }

    /// Returns true if another page of the list has changed since this one was checked, or since
    /// the latest answer that claims its loss.
    pub(super) fn have_outdated(&self, page: &Entry, now: Timestamp) -> bool {
        let claimed_at = page.extras.doubt().map(|doubt| doubt.asked_at);
        let checked_at = page.times.checked_at;
        self.have_change_since(claimed_at.map_or(checked_at, |at| at.max(checked_at)), page, now)
    }

    /// Returns true if the list of a page has changed since `at`.
    pub(super) fn have_change_since(&self, at: Timestamp, page: &Entry, now: Timestamp) -> bool {
        // For a document that is no page of several, a hit costs only the look for its links.
        let times = self.list_of(page).and_then(|list| self.times.get(&list));
        times.is_some_and(|times| times.show_change_since(at, now))
    }

    /// Updates the times of a list. Times in the future date from before the clock was set back.
    fn update(&self, list: u64, now: Timestamp, update: impl FnOnce(&mut ListTimes)) {
        self.times.entry(list).and_upsert_with(|known| {
            let known = known.map(|known| known.into_value());
            let known = known.filter(|times| times.latest() <= now + CLOCK_DIFFERENCE);
            let mut times = known.unwrap_or_default();
            update(&mut times);
            times
        });
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

impl ListTimes {
    /// Records a page with other elements than at `checked_at`.
    fn change(&mut self, checked_at: Timestamp, began: Timestamp, arrived: Timestamp) {
        // A page that a change has outdated shows the same change.
        if checked_at >= self.changed_at || !self.is_in_walk(began) {
            self.changed_at = self.changed_at.max(arrived);
        }
        self.walked_at = self.walked_at.max(arrived);
    }

    /// Records a page without an earlier copy.
    fn extend(&mut self, began: Timestamp, arrived: Timestamp) {
        if !self.is_in_walk(began) {
            // The pages that a client requests at the same time are of the same walk.
            self.changed_at = self.changed_at.max(began - LONGEST_PAUSE);
        }
        self.walked_at = self.walked_at.max(arrived);
    }

    fn is_in_walk(&self, began: Timestamp) -> bool {
        began.since(self.walked_at) <= LONGEST_PAUSE
    }

    /// Returns true if there was a change after `at`. A change in the future is from before the
    /// clock was set back, and says nothing.
    fn show_change_since(&self, at: Timestamp, now: Timestamp) -> bool {
        at < self.changed_at && self.changed_at <= now + CLOCK_DIFFERENCE
    }

    fn latest(&self) -> Timestamp {
        self.changed_at.max(self.walked_at)
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
    use crate::entry::{Doubt, Extras, Links, Loss, LossClaim, Times};

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
        let began = Timestamp::from_secs(19);
        lists.note_change(&before, &page(r#"[{"id":2,"n":2},{"id":1}]"#, 20), began, now);
        assert!(!lists.have_outdated(&other, now), "a count is no element");
        let after = page(r#"[{"id":3},{"id":2}]"#, 20);
        lists.note_change(&before, &after, began, now);
        assert!(lists.have_outdated(&other, now));
        assert!(!lists.have_outdated(&after, now), "it is the change");
        assert!(!lists.have_outdated(&page(r#"[{"id":1}]"#, 21), now));
        let set_back = Timestamp::from_secs(14);
        assert!(!lists.have_outdated(&other, set_back), "the clock went back");
    }

    #[test]
    fn a_page_in_doubt_is_as_old_as_its_claim() {
        let (lists, at) = (Lists::default(), Timestamp::from_secs);
        lists.note_change(&page(r#"[{"id":1}]"#, 10), &page(r#"[{"id":2}]"#, 20), at(20), at(20));
        for (asked_at, is_outdated) in [(5, true), (19, true), (20, false), (21, false)] {
            let claim = LossClaim { loss: Loss::ListEmptied, release: None };
            let (since, asked_at) = (at(1), at(asked_at));
            let doubt = Doubt { claim, since, agreed_since: None, asked_at, token: None };
            let page = page(r#"[{"id":0}]"#, 10);
            let extras = page.extras.clone().with_doubt(Some(doubt));
            let doubted = Entry { extras, ..page };
            assert_eq!(lists.have_outdated(&doubted, at(30)), is_outdated, "{asked_at:?}");
        }
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
            let times = Times { fetched_at: now, ..after.times };
            lists.note_change(before, &Entry { times, ..after.clone() }, now, now);
            assert!(lists.have_outdated(&other, now));
        }
    }

    #[test]
    fn a_walk_shows_one_change() {
        let at = Timestamp::from_secs;
        for (checked, began, is_known) in
            [(10, 21, true), (10, 25, true), (19, 25, true), (20, 21, false), (10, 26, false)]
        {
            let lists = Lists::default();
            let note = |checked, began| {
                let after = page(r#"[{"id":2}]"#, began);
                lists.note_change(&page(r#"[{"id":1}]"#, checked), &after, at(began), at(began));
            };
            note(10, 20);
            note(checked, began);
            let first = page("[]", 20);
            assert_eq!(lists.have_outdated(&first, at(30)), !is_known, "{checked} {began}");
            note(10, began + 5);
            assert_eq!(lists.have_outdated(&first, at(40)), !is_known, "a walk may take long");
        }
    }

    /// Returns lists after their pages without earlier copies, each of which arrived at such a
    /// second.
    fn extended(seconds: &[u64]) -> Lists {
        let (lists, at) = (Lists::default(), Timestamp::from_secs);
        let now = at(seconds.iter().copied().max().unwrap());
        for second in seconds {
            lists.note_first(&page("[]", *second), at(*second), now);
        }
        lists
    }

    #[test]
    fn a_page_without_a_copy_outdates_earlier_ones() {
        let now = Timestamp::from_secs(150);
        for (arrived, outdated, fresh) in [
            (&[100][..], 94, 95),
            (&[100, 105, 110, 115], 94, 95),
            (&[100, 106], 100, 101),
            (&[100, 94, 90], 94, 95),
        ] {
            let lists = extended(arrived);
            let is_outdated = |checked| lists.have_outdated(&page("[]", checked), now);
            assert_eq!([outdated, fresh].map(is_outdated), [true, false], "{arrived:?}");
        }
    }

    #[test]
    fn a_page_that_takes_long_belongs_to_its_walk() {
        let lists = extended(&[100]);
        let at = Timestamp::from_secs;
        lists.note_first(&page("[]", 130), at(104), at(130));
        lists.note_first(&page("[]", 136), at(134), at(136));
        assert!(!lists.have_outdated(&page("[]", 95), at(136)));
    }

    #[test]
    fn times_of_a_clock_that_was_ahead_count_for_nothing() {
        let lists = extended(&[1_000]);
        let at = Timestamp::from_secs;
        assert!(!lists.have_outdated(&page("[]", 10), at(90)));
        lists.note_first(&page("[]", 100), at(100), at(100));
        assert!(lists.have_outdated(&page("[]", 94), at(100)), "a walk of its own");
        assert!(!lists.have_outdated(&page("[]", 95), at(1_000)));
        lists.note_first(&page("[]", 3_000), at(3_000), at(200));
        assert!(lists.have_outdated(&page("[]", 194), at(200)));
        assert!(!lists.have_outdated(&page("[]", 195), at(200)));
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
            let now = Timestamp::from_secs(2);
            lists.note_change(&page(r#"[{"id":1}]"#, 1), &page(r#"[{"id":2}]"#, 2), now, now);
        }
        lists.times.run_pending_tasks();
        assert!(lists.times.entry_count() <= MOST_LISTS);
    }
}
