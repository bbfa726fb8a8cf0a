//! The laws of every store: the effects of its operations.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::in_process::{InProcess, read_one};
use crate::clock::{Clock, Timestamp};
use crate::entry::{Check, Entry, LARGEST_STORED_FORM, Persisted, Times};
use crate::store::embedded::Embedded;
use crate::store::{Change, Claim, Claimed, InUse, Store};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// Returns an entry of a path, checked this many seconds after [`NOW`].
pub(crate) fn entry(path: &str, checked: u64, body: &str) -> Arc<Entry> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let times = Times { fetched_at: NOW, ..Times::starting(at(checked), Duration::from_secs(60)) };
    let persisted = Persisted::until(times.expires_at);
    Arc::new(Entry {
        persisted,
        ..Entry::new(format!("https://api.github.com/{path}"), StatusCode::OK, body, times)
    })
}

/// Returns text that hardly compresses.
pub(crate) fn noise(length: usize) -> String {
    let mut random = fastrand::Rng::with_seed(length as u64);
    std::iter::repeat_with(|| char::from(random.u8(b'#'..=b'Z'))).take(length).collect()
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + seconds)
}

pub(crate) fn put(entry: &Arc<Entry>) -> Change {
    Change::Put { entry: Arc::clone(entry), keep_until: at(10_000) }
}

fn remove(entry: &Entry, as_of: Timestamp) -> Change {
    Change::Remove { key: entry.key(), as_of }
}

async fn apply(store: &dyn Store, batch: &[Change]) {
    store.apply(batch.into(), at(10)).await.unwrap();
}

async fn stored(store: &dyn Store, entry: &Entry) -> Option<Arc<Entry>> {
    read_one(store, entry.key()).await.unwrap()
}

async fn a_put_is_read_back(store: &dyn Store) {
    let entry = entry("back", 0, "body");
    assert_eq!(stored(store, &entry).await, None);
    apply(store, &[put(&entry)]).await;
    assert_eq!(stored(store, &entry).await, Some(entry));
}

async fn the_newest_wins(store: &dyn Store) {
    let [old, new] = [entry("newest", 1, "old"), entry("newest", 2, "new")];
    apply(store, &[put(&new)]).await;
    apply(store, &[put(&old)]).await;
    assert_eq!(stored(store, &new).await, Some(Arc::clone(&new)));
    apply(store, &[put(&old), put(&new), put(&old)]).await;
    assert_eq!(stored(store, &new).await, Some(new));
}

async fn an_equal_put_replaces(store: &dyn Store) {
    let [first, second] = [entry("equal", 1, "first"), entry("equal", 1, "second")];
    apply(store, &[put(&first)]).await;
    apply(store, &[put(&second)]).await;
    assert_eq!(stored(store, &first).await, Some(second));
}

async fn a_removal_takes_what_is_no_newer(store: &dyn Store) {
    let entry = entry("removal", 5, "body");
    apply(store, &[put(&entry), remove(&entry, at(4))]).await;
    assert_eq!(stored(store, &entry).await, Some(Arc::clone(&entry)));
    apply(store, &[remove(&entry, at(5))]).await;
    assert_eq!(stored(store, &entry).await, None);
    apply(store, &[remove(&entry, at(5))]).await;
    assert_eq!(stored(store, &entry).await, None);
}

async fn a_record_dated_in_the_future_gives_way(store: &dyn Store) {
    let [ahead, gone] =
        ["ahead", "gone"].map(|path| entry(path, 3_600, "from a clock that is ahead"));
    store.apply([put(&ahead), put(&gone)].into(), at(3_600)).await.unwrap();
    let right = entry("ahead", 5, "from the same clock, put right");
    store.apply([put(&right), remove(&gone, at(5))].into(), at(6)).await.unwrap();
    assert_eq!(stored(store, &ahead).await, Some(right));
    assert_eq!(stored(store, &gone).await, None);
}

/// A law of a store that several replicas write: their clocks differ.
pub(crate) async fn a_record_of_a_clock_slightly_ahead_stays(store: &dyn Store) {
    let now = at(10);
    let ahead = entry("slightly ahead", 15, "from a clock within the difference");
    let earlier = entry("slightly ahead", 9, "from the other clock");
    store.apply([put(&ahead)].into(), at(15)).await.unwrap();
    store.apply([put(&earlier), remove(&ahead, at(9))].into(), now).await.unwrap();
    assert_eq!(stored(store, &ahead).await, Some(ahead));
    let further = entry("slightly ahead", 16, "from a clock beyond it");
    store.apply([put(&further)].into(), at(16)).await.unwrap();
    store.apply([put(&earlier)].into(), now).await.unwrap();
    assert_eq!(stored(store, &earlier).await, Some(earlier));
}

async fn a_batch_applied_twice_is_a_batch_applied_once(store: &dyn Store) {
    let [kept, gone] = [entry("kept", 1, "kept"), entry("gone", 1, "gone")];
    let batch = [put(&kept), put(&gone), remove(&gone, at(1))];
    apply(store, &batch).await;
    apply(store, &batch).await;
    assert_eq!(stored(store, &kept).await, Some(kept));
    assert_eq!(stored(store, &gone).await, None);
}

async fn an_entry_too_large_to_store_is_removed(store: &dyn Store) {
    let older = entry("large", 1, "small as yet");
    let newer = entry("large", 2, &noise(2 * LARGEST_STORED_FORM));
    apply(store, &[put(&older)]).await;
    apply(store, &[put(&newer)]).await;
    assert_eq!(stored(store, &newer).await, None);
    let long = entry("long", 1, &"release ".repeat(LARGEST_STORED_FORM));
    apply(store, &[put(&long)]).await;
    assert_eq!(stored(store, &long).await, Some(long), "its gzip form is small");
}

async fn an_expired_record_is_swept(store: &dyn Store) {
    let [short, long] = [entry("short", 1, "short"), entry("long", 1, "long")];
    let briefly = Change::Put { entry: Arc::clone(&short), keep_until: at(100) };
    apply(store, &[briefly, put(&long)]).await;
    store.sweep(at(99)).await.unwrap();
    assert!(stored(store, &short).await.is_some());
    store.sweep(at(100)).await.unwrap();
    assert_eq!(stored(store, &short).await, None);
    assert_eq!(stored(store, &long).await, Some(long));
}

async fn keeping_on_moves_the_sweep(store: &dyn Store) {
    let [before, after] = [entry("kept on", 1, "body"), entry("kept on", 2, "body")];
    apply(store, &[Change::Put { entry: Arc::clone(&before), keep_until: at(100) }]).await;
    apply(store, &[put(&after)]).await;
    store.sweep(at(5_000)).await.unwrap();
    assert_eq!(stored(store, &after).await, Some(after));
    store.sweep(at(10_000)).await.unwrap();
    assert_eq!(stored(store, &before).await, None);
}

fn in_use(path: &str, used: u64, check: Option<Check>) -> InUse {
    InUse { key: entry(path, 0, "").key(), used_at: at(used), check }
}

/// Returns the index rows of these documents. A store may add rows of other documents by itself.
async fn rows_about(store: &dyn Store, documents: &[InUse], since: Timestamp) -> Vec<InUse> {
    let mut rows = store.in_use(since).await.unwrap();
    rows.retain(|row| documents.iter().any(|document| document.key == row.key));
    rows
}

async fn the_index_keeps_the_later_use_and_the_later_check(store: &dyn Store) {
    let [first, second] = [1, 2].map(|checked| Check { at: at(checked), fetched_at: NOW });
    let [used, checked] = [in_use("index", 9, Some(first)), in_use("index", 3, Some(second))];
    for rows in [[used], [checked], [in_use("index", 4, None)]] {
        store.remember(rows.into(), NOW).await.unwrap();
    }
    let merged = in_use("index", 9, Some(second));
    assert_eq!(rows_about(store, &[merged], NOW).await, [merged]);
}

async fn the_index_forgets_what_is_not_used(store: &dyn Store) {
    let rows = [("long ago", 10), ("lately", 20), ("just now", 30)];
    let rows = rows.map(|(path, used)| in_use(path, used, None));
    let [_, lately, just_now] = rows;
    store.remember(rows.into(), NOW).await.unwrap();
    assert_eq!(rows_about(store, &rows, at(20)).await, [just_now, lately]);
    store.remember([just_now].into(), at(20)).await.unwrap();
    assert_eq!(rows_about(store, &rows, NOW).await, [just_now, lately]);
}

async fn an_unclaimed_document_is_granted(store: &dyn Store) {
    let key = entry("claimed", 0, "").key();
    let lease = Duration::from_millis(1);
    let claim = Claim { key, lease, spacing: Duration::ZERO, patience: Duration::ZERO };
    let claimed = store.claim(claim).await.unwrap();
    assert_eq!(claimed, Claimed::Granted { wait: Duration::ZERO });
}

/// Checks the laws that do not depend on the clock that expires records: svm's or the server's.
pub(crate) async fn every_timeless_law(store: &dyn Store) {
    store.probe(Duration::from_secs(10)).await.unwrap();
    a_put_is_read_back(store).await;
    the_newest_wins(store).await;
    an_equal_put_replaces(store).await;
    an_entry_too_large_to_store_is_removed(store).await;
    a_removal_takes_what_is_no_newer(store).await;
    a_record_dated_in_the_future_gives_way(store).await;
    a_batch_applied_twice_is_a_batch_applied_once(store).await;
    the_index_keeps_the_later_use_and_the_later_check(store).await;
    the_index_forgets_what_is_not_used(store).await;
    an_unclaimed_document_is_granted(store).await;
}

async fn every_law(store: &dyn Store) {
    every_timeless_law(store).await;
    an_expired_record_is_swept(store).await;
    keeping_on_moves_the_sweep(store).await;
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_laws() {
    every_law(&InProcess::new(1 << 20)).await;
}

#[tokio::test]
async fn the_store_in_memory_is_bounded() {
    let store = InProcess::new(10_000);
    for number in 0..100 {
        let entry = entry(&format!("bounded/{number}"), 1, &"x".repeat(1_000));
        let keep_until = at(1_000 + number);
        apply(&store, &[Change::Put { entry, keep_until }]).await;
    }
    assert!(stored(&store, &entry("bounded/92", 1, "")).await.is_none());
    assert!(stored(&store, &entry("bounded/93", 1, "")).await.is_some());
}

#[tokio::test]
async fn the_embedded_store_keeps_the_laws() {
    let dir = tempfile::tempdir().unwrap();
    every_law(&embedded(dir.path()).await).await;
}

#[tokio::test]
async fn the_embedded_store_keeps_its_records_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let entry = entry("restart", 1, "body");
    apply(&embedded(dir.path()).await, &[put(&entry)]).await;
    assert_eq!(stored(&embedded(dir.path()).await, &entry).await, Some(entry));
}

async fn embedded(dir: &std::path::Path) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes: 64 << 20 };
    let wait = Duration::from_secs(5);
    Embedded::open(&config, &Clock::System, wait).await.unwrap().store
}
