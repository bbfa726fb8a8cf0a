//! Faults that only a store in a file can have.

mod churn;
#[cfg(target_os = "linux")]
mod full_disk;
mod hot;
mod journaled;
mod packed;
mod recovery;
mod segmented;

use std::error::Error as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable};
use tokio::time::timeout;

use super::bounded::Growth;
use super::fault::{FileFault, OpenFault};
use super::file::{OpenFile, StoreFile};
use super::handle::Handle;
use super::journal::{Journal, Located};
use super::pack_tables::META;
use super::segment_tables::Address;
use super::segments::Segments;
use super::size::Limits;
use super::staging::Staging;
use super::write_tables::{RECORDS, live_bytes};
use super::{Embedded, Locked, Opened, Patience, READERS, open_when_free, packs, tables};
use crate::clock::{Clock, ManualClock, Stopwatch, Timestamp};
use crate::config;
use crate::entry::Entry;
use crate::store::tests::in_process::read_one;
use crate::store::tests::laws::{NOW, at, entry, noise, put};
use crate::store::{Error, InUse, Store};

const NO_WAIT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(10);

impl From<File> for Located {
    fn from(file: File) -> Self {
        Self { file, path: None, place: None }
    }
}

impl From<Database> for OpenFile {
    fn from(database: Database) -> Self {
        let journal = || Journal::open(tempfile::tempfile().unwrap().into()).unwrap();
        let without = (Segments::default(), Limits::NONE);
        let journals = [journal(), journal()];
        let staging = Staging::open(&database, journals, without, Timestamp::default()).unwrap();
        Self { database, staging, place: None, is_over_bound: false, _opened: Arc::default() }
    }
}

/// The contents of the file.
#[derive(Debug)]
#[expect(dead_code, reason = "a test prints it")]
struct Census {
    records: u64,
    record_bytes: u64,
    live_bytes: u64,
}

fn census(database: &Database) -> Result<Census, FileFault> {
    let transaction = database.begin_read()?;
    let live_bytes = live_bytes(&transaction.open_table(META)?)?;
    let mut census = Census { records: 0, record_bytes: 0, live_bytes };
    for row in transaction.open_table(RECORDS)?.iter()? {
        census.records += 1;
        let value = row?.1;
        let address = Address::of(value.value());
        let bytes = address.map_or(packs::length(value.value()), |it| it.span.len());
        census.record_bytes += bytes as u64;
    }
    Ok(census)
}

async fn open(dir: &Path, lock_wait: Duration) -> Result<Opened, Locked> {
    let config = config::Embedded { dir: dir.to_path_buf(), max_bytes: 32 << 20 };
    let clock = Clock::Manual(ManualClock::at(Timestamp::from_secs(77)));
    Embedded::open(&config, &clock, lock_wait).await
}

async fn fill(dir: &Path) {
    let store = open(dir, NO_WAIT).await.unwrap().store;
    let batch: Vec<_> =
        (0..50).map(|n| put(&entry(&format!("fill/{n}"), n, &noise(5_000)))).collect();
    store.apply(batch.into(), NOW).await.unwrap();
    store.close().await;
}

async fn assert_renewed(dir: &Path) {
    let damaged = fs::read(dir.join("svm.redb")).unwrap();
    let opened = open(dir, NO_WAIT).await.unwrap();
    let aside = fs::read(dir.join("svm.redb.damaged-77")).unwrap();
    assert!(aside == damaged, "{} bytes of {}", aside.len(), damaged.len());
    assert_works(&opened.store).await;
}

/// Asserts that no file was moved aside.
fn assert_not_renewed(dir: &Path) {
    let names = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["svm.redb", "svm.redb.journal", "svm.redb.journal2"]);
}

async fn assert_works(store: &Embedded) {
    let entry = entry("works", 1, "body");
    store.apply([put(&entry)].into(), NOW).await.unwrap();
    assert_eq!(read_one(store, entry.key()).await.unwrap(), Some(entry));
}

/// Asserts that the store works again after a short while.
async fn assert_heals(store: &Embedded) {
    let waited = Stopwatch::start();
    while let Err(error) = store.probe(LONG).await {
        assert!(waited.elapsed() < LONG, "{error:?}");
        tokio::task::yield_now().await;
    }
    assert_works(store).await;
}

#[tokio::test]
async fn a_second_opening_waits_and_then_says_who_is_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path(), NO_WAIT).await.unwrap();
    let error = open(dir.path(), Duration::from_millis(60)).await.unwrap_err();
    let path = dir.path().join("svm.redb");
    let expected = format!("another process is using {path:?} and has not released it within 60ms");
    assert_eq!(error.to_string(), expected.replace('"', ""));
}

#[tokio::test]
async fn a_second_opening_goes_on_when_the_first_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), NO_WAIT).await.unwrap();
    let (second, ()) = tokio::join!(open(dir.path(), LONG), async move {
        tokio::task::yield_now().await;
        drop(first);
    });
    assert_works(&second.unwrap().store).await;
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_keep_the_start() {
    let (hung, released) = std::sync::mpsc::sync_channel::<()>(0);
    let released = Arc::new(parking_lot::Mutex::new(released));
    let open = move || {
        let _ = released.lock().recv();
        Err(OpenFault::Locked)
    };
    let patience = Patience { lock: LONG, open: Duration::from_millis(10) };
    let opened = open_when_free("svm.redb".into(), patience, open).await;
    let why = opened.unwrap().err().unwrap();
    assert_eq!(why.to_string(), "opening the file takes too long");
    drop(hung);
}

#[tokio::test]
async fn a_disk_that_hangs_takes_a_few_threads_until_it_goes_on() {
    let (go_on, waits) = std::sync::mpsc::sync_channel::<()>(0);
    let waits = parking_lot::Mutex::new(waits);
    let open = move |_| {
        let _ = waits.lock().recv();
        let database = Database::builder().create_with_backend(InMemoryBackend::new())?;
        tables::prepare(&database)?;
        Ok(database.into())
    };
    let handle = Arc::new(Handle::new(None, Box::new(open), NO_WAIT));
    let store = Embedded::new(handle, u64::MAX, Clock::System);
    let key = entry("hangs", 1, "").key();
    for _ in 0..3 * READERS {
        let read = timeout(Duration::from_millis(1), read_one(&store, key)).await;
        assert!(read.is_err(), "{read:?}");
    }
    assert!(matches!(store.probe(NO_WAIT).await, Err(Error::TooSlow(_))));
    assert_eq!(store.readers.available_permits(), 0);
    drop(go_on);
    assert_heals(&store).await;
    let _all = store.readers.acquire_many(u32::try_from(READERS).unwrap()).await.unwrap();
}

#[tokio::test]
async fn closing_releases_the_file_and_refuses_further_work() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), NO_WAIT).await.unwrap().store;
    first.close().await;
    assert_works(&open(dir.path(), NO_WAIT).await.unwrap().store).await;
    assert!(matches!(first.probe(LONG).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_used_once_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let obstacle = dir.path().join("file");
    fs::write(&obstacle, "in the way").unwrap();
    let opened = open(&obstacle.join("folder"), NO_WAIT).await.unwrap();
    let shut = opened.shut.unwrap();
    let expected = format!("the folder {}/folder cannot be used for the store", obstacle.display());
    assert_eq!(shut.to_string(), expected);
    assert!(shut.source().is_some());
    assert!(matches!(opened.store.probe(LONG).await, Err(Error::Unavailable(_))));

    fs::remove_file(&obstacle).unwrap();
    assert_heals(&opened.store).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_used_once_it_can() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("svm.redb")).unwrap();
    let opened = open(dir.path(), NO_WAIT).await.unwrap();
    assert!(opened.shut.is_some());
    fs::remove_dir(dir.path().join("svm.redb")).unwrap();
    assert_heals(&opened.store).await;
}

#[tokio::test]
async fn an_empty_file_is_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("svm.redb"), "").unwrap();
    let opened = open(dir.path(), NO_WAIT).await.unwrap();
    assert_not_renewed(dir.path());
    assert_works(&opened.store).await;
}

#[tokio::test]
async fn a_file_that_never_was_a_store_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("svm.redb"), "hello".repeat(10_000)).unwrap();
    assert_renewed(dir.path()).await;
}

#[tokio::test]
async fn a_truncated_file_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    for length in [1, 100, 4_096, 8_192, 100_000] {
        fill(dir.path()).await;
        let file = File::options().write(true).open(dir.path().join("svm.redb")).unwrap();
        file.set_len(length).unwrap();
        assert_renewed(dir.path()).await;
    }
}

#[tokio::test]
async fn only_the_last_damaged_file_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("svm.redb.damaged-1"), "old").unwrap();
    fs::write(dir.path().join("svm.redb.damaged-2"), "old").unwrap();
    fs::write(dir.path().join("svm.redb"), "rubbish").unwrap();
    assert_renewed(dir.path()).await;
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[tokio::test]
async fn a_file_overwritten_anywhere_never_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    for page in 0..40 {
        fill(dir.path()).await;
        let path = dir.path().join("svm.redb");
        let mut bytes = fs::read(&path).unwrap();
        let start = page * 4_096;
        if start >= bytes.len() {
            break;
        }
        bytes[start..start + 4_096].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        let store = open(dir.path(), NO_WAIT).await.unwrap().store;
        for n in 0..50 {
            let wanted = entry(&format!("fill/{n}"), n, &noise(5_000));
            match read_one(&store, wanted.key()).await {
                Ok(None) | Err(_) => {}
                Ok(Some(read)) => assert_eq!(read.body, wanted.body),
            }
        }
        assert_works(&store).await;
    }
}

#[tokio::test]
async fn a_lower_bound_is_met_while_the_store_serves() {
    let dir = tempfile::tempdir().unwrap();
    let length = || fs::metadata(dir.path().join("svm.redb")).unwrap().len();
    let store = open(dir.path(), NO_WAIT).await.unwrap().store;
    let document = |n| entry(&format!("large/{n}"), n, &noise(500_000));
    let hot = [entry("hot/1", 1, &noise(5_000)), entry("hot/2", 1, &noise(5_000))];
    let in_use = |entry: &Arc<_>| InUse { key: Entry::key(entry), used_at: at(1), check: None };
    store.remember(hot.iter().map(in_use).collect(), NOW).await.unwrap();
    store.apply(hot.iter().map(put).collect(), NOW).await.unwrap();
    for n in 0..100 {
        store.apply([put(&document(n))].into(), NOW).await.unwrap();
    }
    store.close().await;
    let before = length();

    let max_bytes = 8 << 20;
    let config = config::Embedded { dir: dir.path().to_path_buf(), max_bytes };
    let clock = Clock::Manual(ManualClock::at(NOW));
    let store = Embedded::open(&config, &clock, NO_WAIT).await.unwrap().store;
    let waited = Stopwatch::start();
    while length() > max_bytes {
        match store.read_many([hot[0].key()].into()).await {
            Ok(reads) => assert_eq!(reads, [Ok(Some(Arc::clone(&hot[0])))]),
            Err(error) => assert!(format!("{error:?}").contains("Compacting"), "{error:?}"),
        }
        assert!(length() <= before, "{} after {before}", length());
        assert!(waited.elapsed() < LONG, "{}", length());
        tokio::task::yield_now().await;
    }
    assert_heals(&store).await;
    assert_not_renewed(dir.path());
    for entry in hot {
        assert_eq!(read_one(&store, entry.key()).await.unwrap(), Some(entry));
    }
    assert_works(&store).await;
}

#[test]
fn an_opening_that_goes_on_is_told_from_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = || StoreFile {
        dir: dir.path().to_path_buf(),
        max_bytes: 1 << 20,
        clock: Clock::System,
        opened: Arc::default(),
    };
    let (ours, others) = (file(), file());
    let opened = ours.open(Growth::AsNeeded).unwrap();
    assert!(matches!(ours.open(Growth::AsNeeded), Err(OpenFault::Busy)));
    assert!(matches!(others.open(Growth::AsNeeded), Err(OpenFault::Locked)));
    drop(opened);
    drop(ours.open(Growth::AsNeeded).unwrap());
}

#[test]
fn a_file_that_could_not_be_made_is_no_damaged_one() {
    let dir = tempfile::tempdir().unwrap();
    let damaged = dir.path().join("svm.redb.damaged-1");
    fs::write(&damaged, "of before").unwrap();
    let file = |max_bytes| StoreFile {
        dir: dir.path().to_path_buf(),
        max_bytes,
        clock: Clock::System,
        opened: Arc::default(),
    };
    // No room to create a database, as on a full disk.
    let without_room = file(16 << 10);
    for _ in 0..2 {
        let refused = without_room.open_or_renew(Growth::AsNeeded).err().unwrap();
        assert!(matches!(refused, OpenFault::Unwritable(_)), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(damaged).unwrap(), "of before");
    assert!(file(1 << 20).open_or_renew(Growth::AsNeeded).is_ok());
}

/// A copy of the files of a running store stands for the files of a killed process.
#[tokio::test]
async fn a_killed_store_opens_with_all_that_was_written() {
    let [running, killed] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let store = open(running.path(), NO_WAIT).await.unwrap().store;
    let entries: Vec<_> =
        (0..30).map(|n| entry(&format!("killed/{n}"), n, &noise(10_000))).collect();
    for entry in &entries {
        store.apply([put(entry)].into(), NOW).await.unwrap();
    }
    for name in ["svm.redb", "svm.redb.journal", "svm.redb.journal2"] {
        fs::copy(running.path().join(name), killed.path().join(name)).unwrap();
    }
    let opened = open(killed.path(), NO_WAIT).await.unwrap();
    assert_not_renewed(killed.path());
    for entry in entries {
        assert_eq!(read_one(&opened.store, entry.key()).await.unwrap(), Some(entry));
    }
    assert_works(&opened.store).await;
}
