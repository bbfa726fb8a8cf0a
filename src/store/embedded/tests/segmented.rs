//! Segments: journals that stay are found, outlive a kill at each step, and go with their records.

mod lost;
mod moved;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::{ReadableDatabase, ReadableTable};

use crate::clock::{Clock, ManualClock};
use crate::entry::Entry;
use crate::store::embedded::file::OpenFile;
use crate::store::embedded::pack_tables::META;
use crate::store::embedded::segment_tables::{self, Address, SegmentUse};
use crate::store::embedded::tables;
use crate::store::embedded::write_tables::RECORDS;
use crate::store::embedded::{Embedded, packs, pointer};
use crate::store::tests::in_process::read_one;
use crate::store::tests::laws::{NOW, at, entry, noise, put};
use crate::store::{Change, Store, record};

const JOURNALS: [&str; 2] = ["svm.redb.journal", "svm.redb.journal2"];
const SPARE: &str = "svm.redb.journal-new";
const MIB: u64 = 1 << 20;

async fn open(dir: &Path) -> Embedded {
    open_within(dir, 64 * MIB).await
}

async fn open_within(dir: &Path, max_bytes: u64) -> Embedded {
    let config = crate::config::Embedded { dir: dir.to_path_buf(), max_bytes };
    let clock = Clock::Manual(ManualClock::at(at(10)));
    Embedded::open(&config, &clock, Duration::ZERO).await.unwrap().store
}

/// Enough for a journal that stays.
fn documents(name: &str, checked: u64) -> Vec<Arc<Entry>> {
    let body = noise(20_000);
    (0..100).map(|n| entry(&format!("{name}/{n}"), checked, &format!("{n} {body}"))).collect()
}

async fn write(store: &Embedded, entries: &[Arc<Entry>]) {
    store.apply(entries.iter().map(put).collect(), at(10)).await.unwrap();
}

async fn remove(store: &Embedded, entries: &[Arc<Entry>]) {
    let remove = |entry: &Arc<Entry>| Change::Remove { key: entry.key(), as_of: at(5) };
    store.apply(entries.iter().map(remove).collect(), at(10)).await.unwrap();
}

fn run<T>(store: &Embedded, work: impl Fn(&OpenFile) -> T) -> T {
    store.handle.run(|file| Ok(work(file))).unwrap()
}

fn merge(store: &Embedded) {
    let merge = |file: &OpenFile| file.staging.merge_all(&file.database, at(10), &store.room);
    store.handle.run(merge).unwrap();
}

fn collect(store: &Embedded) {
    store.handle.run(|file| file.staging.collect(&file.database)).unwrap();
}

fn usage(store: &Embedded) -> BTreeMap<u64, SegmentUse> {
    run(store, |file| segment_tables::usage(&file.database).unwrap())
}

/// Returns the number of pointers to segments, after a check of the table against them.
fn in_segments(store: &Embedded) -> usize {
    let usage = usage(store);
    run(store, |file| {
        let mut live: BTreeMap<u64, u64> = usage.keys().map(|number| (*number, 0)).collect();
        let records = file.database.begin_read().unwrap().open_table(RECORDS).unwrap();
        let mut count = 0;
        for row in records.iter().unwrap() {
            let Some(address) = Address::of(row.unwrap().1.value()) else { continue };
            count += 1;
            *live.get_mut(&address.segment).expect("a listed segment") +=
                address.span.framed_bytes();
        }
        assert_eq!(live, usage.iter().map(|(number, it)| (*number, it.live)).collect());
        count
    })
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let is_segment = |name: &String| name.starts_with("svm.redb.segment-");
    names(dir).into_iter().filter(is_segment).map(|name| dir.join(name)).collect()
}

/// The only segment, and its number.
fn segment(dir: &Path) -> (PathBuf, u64) {
    let [path] = &segments(dir)[..] else { panic!("{:?}", names(dir)) };
    (path.clone(), number(path))
}

fn number(path: &Path) -> u64 {
    let (_, number) = path.to_str().unwrap().rsplit_once('-').unwrap();
    number.parse().unwrap()
}

fn length(path: PathBuf) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// The length of all files; one may go meanwhile.
fn all_bytes(dir: &Path) -> u64 {
    let length = |name| fs::metadata(dir.join(name)).map_or(0, |found| found.len());
    names(dir).into_iter().map(length).sum()
}

/// A copy of the files that a process leaves behind if it is killed now.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in names(dir) {
        fs::copy(dir.join(&name), copy.path().join(name)).unwrap();
    }
    copy
}

async fn assert_reads(store: &Embedded, entries: &[Arc<Entry>]) {
    for entry in entries {
        let read = read_one(store, entry.key()).await.unwrap();
        assert!(read.is_some_and(|read| read == *entry), "{}", entry.url);
    }
}

async fn assert_lacks(store: &Embedded, entries: &[Arc<Entry>]) {
    for entry in entries {
        assert_eq!(read_one(store, entry.key()).await.unwrap(), None);
    }
}

/// Whatever happened before, the store takes and keeps records.
async fn assert_works(dir: &Path, store: Embedded) {
    let later = documents("works", 2);
    write(&store, &later).await;
    merge(&store);
    assert_reads(&store, &later).await;
    store.close().await;
    assert_reads(&open(dir).await, &later).await;
    assert!(!names(dir).contains(&SPARE.to_owned()), "{:?}", names(dir));
}

fn has(path: PathBuf, text: &[u8]) -> bool {
    memchr::memmem::find(&fs::read(path).unwrap(), text).is_some()
}

#[tokio::test]
async fn a_record_of_a_large_merge_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("once", 1);
    write(&store, &entries).await;
    merge(&store);
    let (path, number) = segment(dir.path());
    assert_eq!(in_segments(&store), 100);
    assert_eq!(usage(&store)[&number].bytes, length(path.clone()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(JOURNALS.map(|name| length(dir.path().join(name))), [8, 8]);
    let Change::Put { entry, .. } = put(&entries[7]) else { unreachable!() };
    let record = record::encode(&entry, at(10_000));
    let part = &record[1_000..1_100];
    assert!(has(path, part) && !has(dir.path().join("svm.redb"), part));
    assert_reads(&store, &entries).await;
    store.close().await;
    assert_reads(&open(dir.path()).await, &entries).await;
}

#[tokio::test]
async fn a_small_merge_and_a_small_store_have_no_segments() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, &documents("few", 1)[..40]).await;
    merge(&store);
    assert_eq!((in_segments(&store), segments(dir.path()).len()), (0, 0));
    let dir = tempfile::tempdir().unwrap();
    let store = open_within(dir.path(), 32 * MIB).await;
    write(&store, &documents("small", 1)).await;
    merge(&store);
    assert_eq!((in_segments(&store), segments(dir.path()).len()), (0, 0));
}

#[tokio::test]
async fn versions_of_a_journal_that_are_outdated_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, &documents("again", 1)).await;
    write(&store, &documents("again", 2)).await;
    let newest = documents("again", 3);
    write(&store, &newest[..80]).await;
    remove(&store, &newest[80..]).await;
    merge(&store);
    assert_eq!((in_segments(&store), segments(dir.path()).len()), (0, 0));
    assert_reads(&store, &newest[..80]).await;
    assert_lacks(&store, &newest[80..]).await;
}

#[tokio::test]
async fn a_kill_at_each_step_of_a_merge_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("step", 1);
    write(&store, &entries).await;
    let before = killed(dir.path());
    merge(&store);
    let after = killed(dir.path());
    let (path, _) = segment(after.path());
    // The commit is not there, the new journal is.
    fs::write(before.path().join(SPARE), "svm:jrnl").unwrap();
    let journal =
        JOURNALS.map(|name| length(before.path().join(name))).iter().position(|it| *it > 8);
    let journal = JOURNALS[journal.unwrap()];
    // The journal has its old name.
    let not_renamed = killed(after.path());
    fs::copy(&path, not_renamed.path().join(journal)).unwrap();
    fs::remove_file(segment(not_renamed.path()).0).unwrap();
    fs::write(not_renamed.path().join(SPARE), "svm:jrnl").unwrap();
    // The new journal has its old name.
    let renamed = killed(after.path());
    fs::rename(renamed.path().join(journal), renamed.path().join(SPARE)).unwrap();
    for copy in [before, not_renamed, renamed, after] {
        let store = open(copy.path()).await;
        assert_reads(&store, &entries).await;
        merge(&store);
        assert_reads(&store, &entries).await;
        assert_eq!((in_segments(&store), segments(copy.path()).len()), (100, 1));
        assert_works(copy.path(), store).await;
    }
}

#[tokio::test]
async fn a_store_of_before_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    // A store without segments writes what versions before did.
    let store = open_within(dir.path(), 32 * MIB).await;
    let (packed, journaled) = (documents("packed", 1), documents("journaled", 1));
    write(&store, &packed).await;
    merge(&store);
    write(&store, &journaled[..50]).await;
    let copy = killed(dir.path());
    let store = open(copy.path()).await;
    assert_reads(&store, &packed).await;
    assert_reads(&store, &journaled[..50]).await;
    write(&store, &journaled[50..]).await;
    merge(&store);
    assert_eq!(in_segments(&store), 100);
    assert_reads(&store, &packed).await;
    assert_reads(&store, &journaled).await;
    assert_works(copy.path(), store).await;
}

#[test]
fn a_version_of_before_finds_no_record_in_a_pointer() {
    let entry = entry("before", 1, "body");
    let record = record::encode(&entry, at(9));
    let span = crate::store::embedded::journal::Span::new(88, 1_500);
    let value = Address { segment: 7, span }.value(&record);
    assert_eq!(Address::of(&value), Some(Address { segment: 7, span }));
    assert_eq!(record::peek(pointer::head(&value)), record::peek(&record));
    // Such a version knows pointers to packs only.
    assert_eq!(packs::Pointer::of(&value), None);
    assert_eq!(record::peek(&value), Err(record::Error::NotARecord));
    let decoded = record::decode(entry.key(), &value.clone().into());
    assert_eq!(decoded.err(), Some(record::Error::NotARecord));
    assert!(record::gives_way(&value, at(0), NOW));
}

#[tokio::test]
async fn changes_by_a_version_of_before_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entries = documents("counted", 1);
    write(&store, &entries).await;
    merge(&store);
    run(&store, |file| {
        let transaction = file.database.begin_write().unwrap();
        let mut records = transaction.open_table(RECORDS).unwrap();
        for entry in &entries[..30] {
            records.remove(entry.key().as_bytes()).unwrap();
        }
        let mut meta = transaction.open_table(META).unwrap();
        let cost = meta.get("live_bytes").unwrap().unwrap().value();
        meta.insert("live_bytes", cost - 30).unwrap();
        drop((records, meta));
        transaction.commit().unwrap();
    });
    store.close().await;
    let store = open(dir.path()).await;
    assert_eq!(in_segments(&store), 70);
    assert_reads(&store, &entries[30..]).await;
}

#[tokio::test]
async fn an_empty_journal_goes_on_so_that_changes_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let change = |checked| vec![entry("order", checked, &format!("{checked}"))];
    let seal = || store.handle.run(|file| file.staging.seal()).unwrap();
    seal();
    write(&store, &change(1)).await;
    seal();
    write(&store, &change(2)).await;
    let after_kill = killed(dir.path());
    assert_reads(&open(after_kill.path()).await, &change(2)).await;
}
