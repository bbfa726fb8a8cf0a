//! Eviction for lack of room: documents in use stay, however many others are written.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, ManualClock, Timestamp};
use crate::entry::{Check, Entry};
use crate::store::embedded::Embedded;
use crate::store::tests::laws::{NOW, at, entry, noise};
use crate::store::{Change, InUse, Store, Used, Uses};
use crate::target::Key;

/// Room for about 120 records.
const MAX_BYTES: u64 = 1 << 20;
const BODY_BYTES: usize = 1_000;
const BATCH: usize = 20;

/// The uses that memory knows, and the number of look-ups by the store.
#[derive(Default)]
struct Known {
    uses: Mutex<HashMap<Key, Used>>,
    asked: AtomicUsize,
}

impl Uses for Known {
    fn of(&self, key: Key) -> Option<Used> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.uses.lock().get(&key).copied()
    }
}

async fn open(dir: &Path) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes: MAX_BYTES };
    let clock = Clock::Manual(ManualClock::at(at(10)));
    Embedded::open(&config, &clock, Duration::ZERO).await.unwrap().store
}

fn documents(name: &str, count: usize) -> Vec<Arc<Entry>> {
    let body = noise(BODY_BYTES);
    (0..count).map(|number| entry(&format!("{name}/{number}"), 1, &body)).collect()
}

/// Writes the documents in batches and merges them into the database. Each expires a second after
/// the one before.
async fn write(store: &Embedded, documents: &[Arc<Entry>], first_until: u64) {
    let changes: Vec<_> = (first_until..)
        .zip(documents)
        .map(|(until, entry)| Change::Put { entry: Arc::clone(entry), keep_until: at(until) })
        .collect();
    for batch in changes.chunks(BATCH) {
        store.apply(batch.into(), at(10)).await.unwrap();
    }
    store.handle.run(|file| file.staging.merge_all(&file.database, at(10), &store.room)).unwrap();
}

async fn kept(store: &Embedded, documents: &[Arc<Entry>]) -> usize {
    let keys: Vec<_> = documents.iter().map(|entry| entry.key()).collect();
    let reads = store.read_many(keys.into()).await.unwrap();
    reads.into_iter().filter(|read| matches!(read, Ok(Some(_)))).count()
}

fn used_at(entry: &Entry, used_at: Timestamp) -> InUse {
    let check = Some(Check { at: NOW, fetched_at: NOW });
    InUse { key: entry.key(), used_at, check }
}

#[tokio::test]
async fn documents_used_again_outlast_a_scan() {
    let dir = tempfile::tempdir().unwrap();
    let (hot, scan) = (documents("hot", 40), documents("scan", 2_000));
    let store = open(dir.path()).await;
    write(&store, &hot, 10_000).await;
    let rows: Vec<_> = hot.iter().map(|entry| used_at(entry, at(60))).collect();
    store.remember(rows.into(), NOW).await.unwrap();
    for (number, part) in scan.chunks(100).enumerate() {
        write(&store, part, 20_000 + 100 * number as u64).await;
        // A single request is a use, too.
        let rows: Vec<_> = part.iter().map(|entry| used_at(entry, NOW)).collect();
        store.remember(rows.into(), NOW).await.unwrap();
    }
    assert_eq!(kept(&store, &hot).await, hot.len());
    assert!(kept(&store, &scan).await > 50);
}

#[tokio::test]
async fn memory_knows_of_uses_before_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let (hot, scan) = (documents("hot", 40), documents("scan", 2_000));
    let store = open(dir.path()).await;
    let known = Arc::new(Known::default());
    store.consult(Arc::<Known>::clone(&known));
    let note = |documents: &[Arc<Entry>], is_repeated| {
        let used = Used { at: at(1), is_repeated };
        known.uses.lock().extend(documents.iter().map(|entry| (entry.key(), used)));
    };
    note(&hot, true);
    note(&scan, false);
    write(&store, &hot, 10_000).await;
    write(&store, &scan, 20_000).await;
    assert_eq!(kept(&store, &hot).await, hot.len());
    // The store looks up a record once per round of the hand, not once per batch.
    let asked = known.asked.load(Ordering::Relaxed);
    assert!(asked < scan.len() + 2 * hot.len(), "{asked}");
}

#[tokio::test]
async fn when_all_are_in_use_the_least_recently_used_go() {
    let dir = tempfile::tempdir().unwrap();
    let [recent, long_ago] = [documents("recent", 60), documents("long ago", 60)];
    let more = documents("more", 60);
    let store = open(dir.path()).await;
    let parts = [(&recent, 100), (&long_ago, 50), (&more, 200)];
    for (number, (part, seconds)) in parts.into_iter().enumerate() {
        let rows: Vec<_> = part.iter().map(|entry| used_at(entry, at(seconds))).collect();
        store.remember(rows.into(), NOW).await.unwrap();
        write(&store, part, 10_000 * (1 + number as u64)).await;
    }
    assert_eq!(kept(&store, &recent).await, recent.len());
    assert_eq!(kept(&store, &more).await, more.len());
    assert!(kept(&store, &long_ago).await < long_ago.len());
}

#[tokio::test]
async fn a_document_behind_the_hand_goes_before_one_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let (hot, scan) = (documents("hot", 60), documents("scan", 100));
    let (sooner, late) = (documents("sooner", 30), documents("late", 30));
    let store = open(dir.path()).await;
    let remember = async |documents: &[Arc<Entry>]| {
        let rows: Vec<_> = documents.iter().map(|entry| used_at(entry, at(60))).collect();
        store.remember(rows.into(), NOW).await.unwrap();
    };
    remember(&hot).await;
    write(&store, &hot, 10_000).await;
    write(&store, &scan, 20_000).await;
    // The hand is among the documents of the scan now, and the next ones expire before all others.
    write(&store, &sooner, 5_000).await;
    remember(&scan).await;
    let before = kept(&store, &scan).await;
    remember(&late).await;
    write(&store, &late, 30_000).await;
    assert!(kept(&store, &sooner).await < 10);
    assert_eq!(kept(&store, &scan).await, before);
    assert_eq!(kept(&store, &hot).await, hot.len());
    assert_eq!(kept(&store, &late).await, late.len());
}
