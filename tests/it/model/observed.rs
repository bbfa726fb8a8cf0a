//! The contents of the tiers, as the tests observe them, in the terms of the model.

use serde_json::Value;
use svm::clock::Timestamp;
use svm::entry::Entry;
use svm::target::Key;

use super::reference::{Copy, Held};
use super::scene::url;
use crate::support::faulty_store::FaultyStore;

/// Returns the copy in L2.
pub(super) async fn stored(store: &FaultyStore, document: usize) -> Option<Copy> {
    let entry = store.holds(Key::of(&url(document))).await?;
    Some(copy(&entry))
}

/// Returns the content of L1 in the terms of the model.
pub(super) fn held(entry: Option<&Entry>) -> Held {
    match entry {
        None => Held::Nothing,
        Some(entry) if entry.status == 200 => Held::Copy(copy(entry)),
        Some(entry) => {
            let [since, until] =
                [entry.times.checked_at, entry.times.expires_at].map(Timestamp::as_secs);
            match entry.status.as_u16() {
                404 | 410 => Held::Gone { since },
                status => Held::Refused { since, until, status },
            }
        }
    }
}

fn copy(entry: &Entry) -> Copy {
    let body: Value = serde_json::from_slice(&entry.body).expect("JSON");
    let times = entry.times;
    let copy = Copy {
        version: body["version"].as_u64().expect("a version"),
        fetched_at: times.fetched_at.as_secs(),
        checked_at: times.checked_at.as_secs(),
        persisted: entry.persisted.expiry().as_secs(),
    };
    assert_eq!(times.expires_at.as_secs(), copy.expires_at(), "{entry:?}");
    copy
}
