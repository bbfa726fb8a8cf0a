//! Changes in the journal: reads find them, and they survive a kill and damage to other changes.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::census;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::entry::Entry;
use crate::store::embedded::tables::{self, Room};
use crate::store::embedded::{Embedded, OpenFile};
use crate::store::tests::in_process::read_one;
use crate::store::tests::laws::{NOW, at, entry, noise, put};
use crate::store::{Change, Store};

const JOURNAL: &str = "svm.redb.journal";
const OTHER_JOURNAL: &str = "svm.redb.journal2";
const FILES: [&str; 3] = ["svm.redb", JOURNAL, OTHER_JOURNAL];

async fn open(dir: &Path) -> Embedded {
    open_at(dir, at(10)).await
}

async fn open_at(dir: &Path, now: Timestamp) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes: 4 << 20 };
    let clock = Clock::Manual(ManualClock::at(now));
    Embedded::open(&config, &clock, Duration::ZERO).await.unwrap().store
}

async fn write(store: &Embedded, entry: &Arc<Entry>) {
    store.apply([put(entry)].into(), NOW).await.unwrap();
}

async fn read(store: &Embedded, entry: &Entry) -> Option<Arc<Entry>> {
    read_one(store, entry.key()).await.unwrap()
}

/// Returns a copy of the files that a process leaves behind if it is killed now.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(dir.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn in_database(store: &Embedded) -> u64 {
    store.handle.run(|file| census(&file.database)).unwrap().records
}

fn journal_bytes(dir: &Path) -> u64 {
    [JOURNAL, OTHER_JOURNAL].iter().map(|name| fs::metadata(dir.join(name)).unwrap().len()).sum()
}

async fn probe(store: &Embedded) {
    store.probe(Duration::from_secs(10)).await.unwrap();
}

/// Returns the names of the files that were moved aside in a folder.
fn aside(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".damaged-")).collect()
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
    // A change that follows a removal is kept, also after a merge.
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
    assert_eq!((in_database(&store), journal_bytes(dir.path())), (60, 16));
}

#[tokio::test]
async fn changes_are_durable_while_a_journal_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    // The database takes in nothing while another transaction writes.
    let handle = Arc::clone(&store.handle);
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let (leave, left) = std::sync::mpsc::sync_channel(1);
    let entered = parking_lot::Mutex::new(Some(entered));
    let left = parking_lot::Mutex::new(left);
    let holder = crate::tasks::thread("holder", move || {
        let hold = |file: &OpenFile| {
            let _transaction = file.database.begin_write()?;
            entered.lock().take().unwrap().send(()).unwrap();
            left.lock().recv().unwrap();
            Ok(())
        };
        handle.run(hold).unwrap();
    });
    has_entered.await.unwrap();
    let entries: Vec<_> = (0..20).map(|n| entry(&format!("late/{n}"), 1, &noise(20_000))).collect();
    for entry in &entries {
        write(&store, entry).await;
    }
    assert!(journal_bytes(dir.path()) > 256 << 10, "both journals have changes");
    let copy = killed(dir.path());
    leave.send(()).unwrap();
    holder.unwrap().join().unwrap();
    let after_kill = open(copy.path()).await;
    for entry in &entries {
        assert_eq!(read(&store, entry).await.as_ref(), Some(entry));
        assert_eq!(read(&after_kill, entry).await.as_ref(), Some(entry));
    }
}

#[tokio::test]
async fn damage_in_a_journal_costs_the_damaged_change_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..4).map(|n| entry(&format!("cut/{n}"), 1, "body")).collect();
    let mut ends = vec![8];
    for entry in &entries {
        write(&store, entry).await;
        ends.push(fs::metadata(dir.path().join(JOURNAL)).unwrap().len());
    }
    let whole = fs::read(dir.path().join(JOURNAL)).unwrap();
    for at in (0..whole.len()).step_by(7) {
        for is_cut in [false, true] {
            let copy = killed(dir.path());
            let mut bytes = whole.clone();
            if is_cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 0x55;
            }
            fs::write(copy.path().join(JOURNAL), bytes).unwrap();
            let store = open(copy.path()).await;
            let late = entry("cut/late", 1, "body");
            write(&store, &late).await;
            let store = open(killed(copy.path()).path()).await;
            for (entry, place) in entries.iter().zip(ends.windows(2)) {
                let at = at as u64;
                let is_lost =
                    if is_cut { at < place[1] } else { (place[0]..place[1]).contains(&at) };
                let found = read(&store, entry).await;
                assert!(found.as_ref() == (!is_lost).then_some(entry), "{at} {is_cut}");
            }
            assert_eq!(read(&store, &late).await, Some(late));
        }
    }
}

#[tokio::test]
async fn damage_while_the_store_is_open_costs_the_damaged_change_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries: Vec<_> = (0..3).map(|n| entry(&format!("live/{n}"), 1, "body")).collect();
    write(&store, &entries[0]).await;
    let journal = fs::OpenOptions::new().write(true).open(dir.path().join(JOURNAL)).unwrap();
    journal.write_all_at(b"damage", 100).unwrap();
    write(&store, &entries[1]).await;
    write(&store, &entries[2]).await;
    let after_kill = open(killed(dir.path()).path()).await;
    store.close().await;
    let after_merge = open(dir.path()).await;
    for store in [after_kill, after_merge] {
        assert_eq!(read(&store, &entries[0]).await, None);
        assert_eq!(read(&store, &entries[1]).await.as_ref(), Some(&entries[1]));
        assert_eq!(read(&store, &entries[2]).await.as_ref(), Some(&entries[2]));
    }
}

#[tokio::test]
async fn merged_changes_are_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, &entry("again", 1, "older")).await;
    let stale = fs::read(dir.path().join(JOURNAL)).unwrap();
    store.close().await;
    // A frame with another number follows a whole one, as on a disk that lost the emptying of the
    // journal.
    let store = open(dir.path()).await;
    let newer = entry("again", 2, "newer");
    write(&store, &newer).await;
    let copy = killed(dir.path());
    let mut bytes = fs::read(dir.path().join(JOURNAL)).unwrap();
    bytes.extend_from_slice(&stale[8..]);
    fs::write(copy.path().join(JOURNAL), bytes).unwrap();
    assert_eq!(read(&open(copy.path()).await, &newer).await, Some(newer));
}

#[tokio::test]
async fn a_journal_gives_way_to_a_newer_record_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let [newer, newest] = [entry("forth", 5, "newer"), entry("back", 9, "newest")];
    write(&store, &entry("forth", 1, "older")).await;
    write(&store, &entry("back", 6, "older")).await;
    let removal = Change::Remove { key: newest.key(), as_of: at(8) };
    store.apply([removal].into(), at(10)).await.unwrap();
    // A version of svm without journals writes into the database.
    store
        .handle
        .run(|file| {
            let room = Room::new(u64::MAX);
            tables::apply(&file.database, &[put(&newer), put(&newest)], at(10), &room)
        })
        .unwrap();
    let store = open(killed(dir.path()).path()).await;
    for _ in 0..2 {
        assert_eq!(read(&store, &newer).await.as_ref(), Some(&newer));
        assert_eq!(read(&store, &newest).await.as_ref(), Some(&newest));
        store
            .handle
            .run(|file| {
                let room = Room::new(u64::MAX);
                file.staging.merge_all(&file.database, at(10), &room)
            })
            .unwrap();
    }
}

#[tokio::test]
async fn a_record_from_a_clock_ahead_does_not_come_back() {
    let [older, newer, latest] = [(50, "older"), (10, "newer"), (30, "latest")]
        .map(|(checked, body)| entry("ahead", checked, body));
    let removal = Change::Remove { key: newer.key(), as_of: at(10) };
    for (change, is_merged) in
        [(put(&newer), true), (put(&newer), false), (removal.clone(), true), (removal, false)]
    {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let merge = || {
            let room = Room::new(u64::MAX);
            let merge = |file: &OpenFile| file.staging.merge_sealed(&file.database, at(10), &room);
            store.handle.run(merge).unwrap();
        };
        store.apply([put(&older)].into(), at(10)).await.unwrap();
        store.handle.run(|file| file.staging.seal()).unwrap();
        if is_merged {
            merge();
        }
        store.apply([change.clone()].into(), at(10)).await.unwrap();
        merge();
        assert_eq!(in_database(&store), 1);
        let copy = killed(dir.path());
        let store = open_at(copy.path(), at(60)).await;
        let want = matches!(change, Change::Put { .. }).then_some(&newer);
        assert_eq!(read(&store, &newer).await.as_ref(), want, "{is_merged}");
        // Later changes are compared with the record, not with the one that it replaced.
        store.apply([put(&latest)].into(), at(60)).await.unwrap();
        assert_eq!(read(&store, &latest).await.as_ref(), Some(&latest));
    }
}

#[tokio::test]
async fn a_journal_that_another_takes_the_place_of_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(JOURNAL);
    let store = open(dir.path()).await;
    let [one, other] = [entry("gone/one", 1, "body"), entry("gone/other", 1, "body")];
    write(&store, &one).await;
    fs::remove_file(&path).unwrap();
    probe(&store).await;
    assert_eq!(read(&store, &one).await.as_ref(), Some(&one));
    write(&store, &other).await;
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    fs::write(&path, "another file").unwrap();
    probe(&store).await;
    for entry in [&one, &other] {
        assert_eq!(read(&store, entry).await.as_ref(), Some(entry));
    }
}

#[tokio::test]
async fn files_of_others_in_the_place_of_a_journal_stay_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    let entry = entry("kept", 1, "body");
    let store = open(dir.path()).await;
    write(&store, &entry).await;
    store.close().await;
    let database = dir.path().join("svm.redb");
    let journal = dir.path().join(JOURNAL);
    let make: [&dyn Fn() -> std::io::Result<()>; 5] = [
        &|| symlink(&target, &journal),
        &|| fs::hard_link(&target, &journal),
        &|| symlink(&database, &journal),
        &|| fs::hard_link(&database, &journal),
        &|| fs::copy(&target, &journal).map(|_| ()),
    ];
    for make in make {
        fs::write(&target, "precious").unwrap();
        fs::remove_file(&journal).unwrap();
        make().unwrap();
        let store = open(dir.path()).await;
        assert_eq!(read(&store, &entry).await.as_ref(), Some(&entry));
        write(&store, &entry).await;
        store.close().await;
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        let aside = aside(dir.path());
        assert!(aside.len() == 1 && aside[0].starts_with(JOURNAL), "{aside:?}");
    }
    assert_eq!(fs::read_to_string(dir.path().join(&aside(dir.path())[0])).unwrap(), "precious");
}

#[tokio::test]
async fn a_journal_longer_than_any_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entry = entry("long", 1, "body");
    write(&store, &entry).await;
    let copy = killed(dir.path());
    let path = copy.path().join(JOURNAL);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(5 << 30).unwrap();
    let store = open(copy.path()).await;
    assert_eq!(read(&store, &entry).await, Some(entry));
    assert!(journal_bytes(copy.path()) < 1_000);
}
