//! Changes in the journal: they are found and outlive a kill, whatever was cut short.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::Embedded;
use super::tables;
use crate::clock::{Clock, ManualClock};
use crate::entry::Entry;
use crate::store::laws::{NOW, at, entry, noise, put};
use crate::store::{Change, Store};

const JOURNAL: &str = "svm.redb.journal";
const FILES: [&str; 2] = ["svm.redb", JOURNAL];

async fn open(dir: &Path) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes: 4 << 20 };
    let clock = Clock::Manual(ManualClock::at(NOW));
    Embedded::open(&config, &clock, Duration::ZERO).await.unwrap().store
}

async fn write(store: &Embedded, entry: &Arc<Entry>) {
    store.apply([put(entry)].into(), NOW).await.unwrap();
}

async fn read(store: &Embedded, entry: &Entry) -> Option<Arc<Entry>> {
    store.read(entry.key()).await.unwrap()
}

/// A copy of the files that a process leaves behind if it is killed now.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(dir.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn in_database(store: &Embedded) -> u64 {
    store.handle.run(|file| tables::census(&file.database)).unwrap().records
}

fn journal_bytes(dir: &Path) -> u64 {
    fs::metadata(dir.join(JOURNAL)).unwrap().len()
}

#[tokio::test]
async fn a_few_changes_cost_no_commit_and_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let database = fs::read(dir.path().join("svm.redb")).unwrap();
    let entries: Vec<_> = (0..20).map(|n| entry(&format!("few/{n}"), 1, &noise(2_000))).collect();
    for entry in &entries {
        write(&store, entry).await;
        assert_eq!(read(&store, entry).await.as_ref(), Some(entry));
    }
    assert!(fs::read(dir.path().join("svm.redb")).unwrap() == database);
    let killed = killed(dir.path());
    let store = open(killed.path()).await;
    for entry in &entries {
        assert_eq!(read(&store, entry).await.as_ref(), Some(entry));
    }
}

#[tokio::test]
async fn a_removal_in_the_journal_hides_a_record_also_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let [gone, back] = [entry("gone", 5, "body"), entry("back", 3, "an older body")];
    let store = open(dir.path()).await;
    write(&store, &gone).await;
    write(&store, &entry("back", 5, "body")).await;
    store.close().await;
    let store = open(dir.path()).await;
    assert_eq!(in_database(&store), 2);
    for entry in [&gone, &back] {
        let removal = Change::Remove { key: entry.key(), as_of: at(5) };
        store.apply([removal].into(), at(10)).await.unwrap();
        assert_eq!(read(&store, entry).await, None);
    }
    // Whatever follows a removal is kept, also past a merge.
    store.apply([put(&back)].into(), at(10)).await.unwrap();
    let store = open(killed(dir.path()).path()).await;
    assert_eq!(read(&store, &gone).await, None);
    assert_eq!(read(&store, &back).await, Some(Arc::clone(&back)));
    store.close().await;
}

#[tokio::test]
async fn a_journal_that_is_full_goes_into_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..60).map(|n| entry(&format!("full/{n}"), 1, &noise(20_000))).collect();
    for entry in &entries {
        write(&store, entry).await;
        assert!(journal_bytes(dir.path()) <= 512 << 10);
    }
    assert!(in_database(&store) > 20);
    for entry in &entries {
        assert_eq!(read(&store, entry).await.as_ref(), Some(entry));
    }
    store.close().await;
    let store = open(dir.path()).await;
    assert_eq!((in_database(&store), journal_bytes(dir.path())), (60, 12));
}

#[tokio::test]
async fn a_damaged_journal_loses_no_more_than_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..4).map(|n| entry(&format!("cut/{n}"), 1, "body")).collect();
    let mut ends = Vec::new();
    for entry in &entries {
        write(&store, entry).await;
        ends.push(journal_bytes(dir.path()));
    }
    let whole = fs::read(dir.path().join(JOURNAL)).unwrap();
    for at in (0..whole.len()).step_by(7) {
        for damaged in [false, true] {
            let copy = killed(dir.path());
            let mut bytes = whole.clone();
            if damaged {
                bytes[at] ^= 0x55;
            } else {
                bytes.truncate(at);
            }
            fs::write(copy.path().join(JOURNAL), bytes).unwrap();
            let store = open(copy.path()).await;
            for (entry, end) in entries.iter().zip(&ends) {
                let found = read(&store, entry).await;
                let is_before = *end <= at as u64;
                assert!(found.as_ref() == is_before.then_some(entry), "{at} {damaged}");
            }
            let late = entry("cut/late", 1, "body");
            write(&store, &late).await;
            assert_eq!(read(&store, &late).await, Some(late));
        }
    }
}

#[tokio::test]
async fn what_was_merged_before_a_reset_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, &entry("again", 1, "older")).await;
    let stale = fs::read(dir.path().join(JOURNAL)).unwrap();
    store.close().await;
    // The frame of another number lies behind a whole one, as on a disk that lost the reset.
    let store = open(dir.path()).await;
    let newer = entry("again", 2, "newer");
    write(&store, &newer).await;
    let copy = killed(dir.path());
    let mut bytes = fs::read(dir.path().join(JOURNAL)).unwrap();
    bytes.extend_from_slice(&stale[12..]);
    fs::write(copy.path().join(JOURNAL), bytes).unwrap();
    assert_eq!(read(&open(copy.path()).await, &newer).await, Some(newer));
}
