//! A disk without room for the journals, which the seals of files in memory stand for.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redb::Database;
use redb::backends::InMemoryBackend;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::entry::Entry;
use crate::store::embedded::fault::OpenFault;
use crate::store::embedded::file::OpenFile;
use crate::store::embedded::handle::Handle;
use crate::store::embedded::journal::{self, Journal, Recovered};
use crate::store::embedded::segments::Segments;
use crate::store::embedded::size::Limits;
use crate::store::embedded::staging::Staging;
use crate::store::embedded::tables::{self, Room};
use crate::store::tests::laws::{NOW, entry, noise, put};

fn new_database() -> Result<Database, OpenFault> {
    let database = Database::builder().create_with_backend(InMemoryBackend::new())?;
    tables::prepare(&database)?;
    Ok(database)
}

/// Returns an empty journal in memory, whose length the system can be told to keep.
fn new_journal() -> File {
    let file = File::from(memfd_create("journal", MemfdFlags::ALLOW_SEALING).unwrap());
    journal::begin(&file).unwrap();
    file
}

fn open_journal(file: &File) -> Recovered {
    Journal::open(file.try_clone().unwrap().into()).unwrap()
}

fn length(file: &File) -> u64 {
    file.metadata().unwrap().len()
}

#[test]
fn an_append_without_room_leaves_the_files_open() {
    let opened = Arc::new(AtomicUsize::new(0));
    let (database, counted) = (new_database().unwrap(), Arc::clone(&opened));
    let files = [new_journal(), new_journal()];
    let limits = Limits { journal: 1 << 20, ..Limits::NONE };
    let without = (Segments::default(), limits);
    let journals = files.each_ref().map(open_journal);
    let staging = Staging::open(&database, journals, without, NOW).unwrap();
    let file = OpenFile { staging, ..OpenFile::from(database) };
    let open = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        new_database().map(OpenFile::from)
    };
    let handle = Handle::new(Some(file), Box::new(open), Duration::ZERO);
    let [before, during] = [entry("before", 1, "body"), entry("during", 1, &noise(50_000))];
    let write = |entry: &Arc<Entry>| {
        let room = Room::new(u64::MAX);
        handle.run(|file| file.staging.apply(&file.database, &[put(entry)], NOW, &room))
    };
    write(&before).unwrap();
    let filling = files.iter().max_by_key(|file| length(file)).unwrap();
    let bytes = length(filling);
    // There is room for a part of the frame.
    filling.set_len(bytes + 10_000).unwrap();
    fcntl_add_seals(filling, SealFlags::GROW).unwrap();
    for _ in 0..3 {
        write(&during).unwrap_err();
        let keys = [before.key(), during.key()];
        let read = handle.run(|file| file.staging.read(&file.database, &keys)).unwrap();
        assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    }
    assert_eq!((opened.load(Ordering::SeqCst), length(filling)), (0, bytes));
    assert_eq!(open_journal(filling).changes.len(), 1);
}

#[test]
fn an_empty_journal_needs_no_room() {
    let file = new_journal();
    fcntl_add_seals(&file, SealFlags::WRITE).unwrap();
    assert_eq!(open_journal(&file).changes.len(), 0);
    let file = new_journal();
    file.set_len(5_000).unwrap();
    fcntl_add_seals(&file, SealFlags::GROW).unwrap();
    assert_eq!(open_journal(&file).changes.len(), 0);
    assert_eq!(length(&file), 8);
}
