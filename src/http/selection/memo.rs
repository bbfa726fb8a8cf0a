//! A cache of parts of documents. It holds parts that clients request repeatedly, and bounds their
//! number and their size.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::clock::Timestamp;
use crate::entry::{Body, EntityTag};
use crate::http::two_hit_cache::TwoHitCache;
use crate::tasks;

use super::{Absence, Part, Selection};

/// The number of cached parts.
const SLOTS: usize = 2_048;
/// The size in bytes up to which a part is cached. The cache holds a copy, since a slice would keep
/// the whole document in memory.
const LARGEST: usize = 8 << 10;
/// The number of threads that search large documents at the same time.
const FINDERS: usize = 2;

/// The part of one document, or the reason why the document does not have it.
pub(in crate::http) type Selected = Result<Body, Arc<Absence>>;

/// The cached parts, and the bound on searches of large documents.
pub(in crate::http) struct Selections {
    known: TwoHitCache<PartKey, Remembered>,
    finders: Arc<Semaphore>,
}

/// The entity tag of a document, and the selection of a part.
#[derive(Clone, PartialEq, Eq, Hash)]
struct PartKey {
    document: EntityTag,
    selection: Arc<Selection>,
}

#[derive(Clone)]
struct Remembered {
    selected: Selected,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl Selections {
    /// Creates an empty cache.
    pub(in crate::http) fn new() -> Self {
        Self { known: TwoHitCache::with_slots(SLOTS), finders: Arc::new(Semaphore::new(FINDERS)) }
    }

    /// Returns the part of a document, if it is cached.
    pub(in crate::http) fn recall(
        &self,
        document: &Body,
        selection: &Arc<Selection>,
        now: Timestamp,
    ) -> Option<Selected> {
        let asked = PartKey { document: document.tag(), selection: Arc::clone(selection) };
        let known = self.known.recall(&asked, |known| known.holds(now))?;
        Some(known.selected)
    }

    /// Finds a part as [`Selections::find`] does, but on a blocking thread, so that no other
    /// request waits. Returns `None` if the thread fails.
    pub(in crate::http) async fn find_on_thread(
        self: &Arc<Self>,
        document: &Body,
        selection: &Arc<Selection>,
        now: Timestamp,
    ) -> Option<Selected> {
        let (selections, document) = (Arc::clone(self), document.clone());
        let selection = Arc::clone(selection);
        let find = move || selections.find(&document, &selection, now);
        tasks::blocking_within(&self.finders, find).await.ok()
    }

    /// Finds the part of a document. Caches a small part on its second request.
    pub(in crate::http) fn find(
        &self,
        document: &Body,
        selection: &Arc<Selection>,
        now: Timestamp,
    ) -> Selected {
        let found = Remembered::find(document, selection, now);
        if found.selected.as_ref().is_ok_and(|part| part.len() > LARGEST) {
            return found.selected;
        }
        let asked = PartKey { document: document.tag(), selection: Arc::clone(selection) };
        self.known.admit(&asked, || found.copied());
        found.selected
    }
}

impl Remembered {
    fn find(document: &Body, selection: &Selection, now: Timestamp) -> Self {
        let found = match str::from_utf8(document) {
            Ok(json) => selection.find(json, now),
            Err(_) => {
                Err(Absence { reason: "the document is not UTF-8 text".to_owned(), until: None })
            }
        };
        match found {
            Ok(Part { json, until }) => {
                let part = Body::from(document.bytes().slice_ref(json.as_bytes()));
                Self { selected: Ok(part), since: now, until }
            }
            Err(absence) => {
                Self { until: absence.until, selected: Err(Arc::new(absence)), since: now }
            }
        }
    }

    /// Returns a copy that shares no bytes with the document and has a gzip form.
    fn copied(&self) -> Self {
        let selected = self.selected.as_ref().map_err(Arc::clone).map(|part| {
            let part = Body::from(Bytes::copy_from_slice(part));
            part.make_gzip();
            part
        });
        Self { selected, ..*self }
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::selection::JsonPointer;

    const NOW: Timestamp = Timestamp::from_secs(1_768_003_200);

    fn pointer(text: &str) -> Arc<Selection> {
        Arc::new(Selection { min_age: None, pointer: JsonPointer::parse(text) })
    }

    fn document(text: &str) -> Body {
        Body::from(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn ask(selections: &Selections, document: &Body, selection: &Arc<Selection>) -> bool {
        let is_known = selections.recall(document, selection, NOW).is_some();
        let _part = selections.find(document, selection, NOW);
        is_known
    }

    #[test]
    fn a_part_is_remembered_when_it_is_asked_for_twice() {
        let selections = Selections::new();
        let (document, tag) = (document(r#"{"tag_name":"v1"}"#), pointer("/tag_name"));
        let known = [1, 2, 3].map(|_| ask(&selections, &document, &tag));
        assert_eq!(known, [false, false, true]);
        let part = selections.recall(&document, &tag, NOW).unwrap().unwrap();
        assert_eq!(part, Body::from(Bytes::from_static(b"\"v1\"")));
        let range = document.bytes().as_ptr_range();
        assert!(!range.contains(&part.bytes().as_ptr()), "it keeps no document");
    }

    #[test]
    fn an_absence_is_remembered_and_a_large_part_is_not() {
        let selections = Selections::new();
        let large = document(&format!(r#"{{"body":"{}"}}"#, "x".repeat(LARGEST)));
        let known = |text: &str| [1, 2, 3].map(|_| ask(&selections, &large, &pointer(text)));
        assert_eq!(known("/none"), [false, false, true]);
        assert_eq!(known("/body"), [false; 3]);
        let part = selections.find(&large, &pointer("/body"), NOW).unwrap();
        assert!(large.bytes().as_ptr_range().contains(&part.bytes().as_ptr()), "without a copy");
    }

    #[test]
    fn another_document_has_another_part() {
        let selections = Selections::new();
        for number in 0..3 {
            let document = document(&format!(r#"{{"id":{number}}}"#));
            for _ in 0..3 {
                let part = selections.find(&document, &pointer("/id"), NOW).unwrap();
                assert_eq!(&*part, number.to_string().as_bytes());
            }
        }
    }

    #[test]
    fn a_choice_by_age_is_made_again_in_its_time() {
        let selections = Selections::new();
        let list = document(
            r#"[{"id":2,"published_at":"2026-01-09T00:00:00Z"},{"id":1,"published_at":"2026-01-01T00:00:00Z"}]"#,
        );
        let day = Duration::from_secs(24 * 60 * 60);
        let week =
            Arc::new(Selection { min_age: Some(day * 7), pointer: JsonPointer::parse("/id") });
        for _ in 0..2 {
            assert_eq!(&*selections.find(&list, &week, NOW).unwrap(), b"1");
        }
        let recalled = |now| selections.recall(&list, &week, now).is_some();
        assert!(recalled(NOW + day * 5));
        assert!(!recalled(NOW + day * 6), "the younger one is old enough");
        assert!(!recalled(Timestamp::from_secs(NOW.as_secs() - 1)), "the clock was set back");
        assert_eq!(&*selections.find(&list, &week, NOW + day * 6).unwrap(), b"2");
    }

    #[test]
    fn a_million_pointers_do_not_grow_memory() {
        const POINTERS: std::ops::Range<usize> = 0..1_000_000;
        const FIRST: usize = 20 * SLOTS;
        let selections = Selections::new();
        let document = document("{}");
        let find = |number: usize| {
            let selection = pointer(&format!("/{number:07}"));
            // A second request caches the part.
            for _ in 0..1 + (number + 1) % 2 {
                let _absence = selections.find(&document, &selection, NOW);
            }
        };
        POINTERS.take(FIRST).for_each(find);
        assert_eq!(selections.known.remembered(), SLOTS);
        let grown = allocation_counter::measure(|| POINTERS.skip(FIRST).for_each(find));
        assert_eq!((selections.known.remembered(), grown.bytes_current), (SLOTS, 0));
    }
}
