//! The store after a fault of the disk, on a backend that fails on demand.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{Database, StorageBackend};

use crate::store::embedded::fault::{FileFault, OpenFault};
use crate::store::embedded::file::OpenFile;
use crate::store::embedded::handle::{Handle, Remedy};
use crate::store::embedded::tables::{self, Room};
use crate::store::tests::laws::{NOW, entry, put};

/// A disk that outlives the database on it. Clones share the disk.
#[derive(Clone, Debug)]
struct Disk {
    content: Arc<InMemoryBackend>,
    fails: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

impl Disk {
    fn new() -> Self {
        Self {
            content: Arc::new(InMemoryBackend::new()),
            fails: Arc::default(),
            panics: Arc::default(),
        }
    }

    fn check(&self) -> io::Result<()> {
        assert!(!self.panics.load(Ordering::SeqCst), "as told");
        if self.fails.load(Ordering::SeqCst) { Err(io::Error::other("as told")) } else { Ok(()) }
    }

    fn open(&self) -> Result<Database, OpenFault> {
        let database = Database::builder().set_cache_size(0).create_with_backend(self.clone())?;
        tables::prepare(&database)?;
        Ok(database)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.check()?;
        self.content.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.check()?;
        self.content.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        self.content.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.content.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.content.write(offset, data)
    }
}

/// Returns a handle on a disk, with the numbers of its reopenings and renewals.
fn handle(disk: &Disk) -> (Handle, Arc<[AtomicUsize; 2]>) {
    handle_that_pauses(disk, Duration::ZERO)
}

fn handle_that_pauses(disk: &Disk, pause: Duration) -> (Handle, Arc<[AtomicUsize; 2]>) {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let (disk, counted) = (disk.clone(), Arc::clone(&counts));
    let file = disk.open().ok().map(OpenFile::from);
    let open = move |remedy| match remedy {
        Remedy::Reopen(_) => {
            counted[0].fetch_add(1, Ordering::SeqCst);
            disk.open().map(OpenFile::from)
        }
        Remedy::Renew(_) => {
            counted[1].fetch_add(1, Ordering::SeqCst);
            disk.panics.store(false, Ordering::SeqCst);
            Disk::new().open().map(OpenFile::from)
        }
    };
    (Handle::new(file, Box::new(open), pause), counts)
}

fn write(handle: &Handle, path: &str) -> Result<(), FileFault> {
    let room = Room::new(u64::MAX);
    handle.run(|file| tables::apply(&file.database, &[put(&entry(path, 1, "body"))], NOW, &room))
}

fn holds(handle: &Handle, path: &str) -> bool {
    let key = entry(path, 1, "body").key();
    handle.run(|file| tables::read(&file.database, &[key])).unwrap()[0].is_some()
}

fn counts(counts: &[AtomicUsize; 2]) -> [usize; 2] {
    [0, 1].map(|which| counts[which].load(Ordering::SeqCst))
}

#[test]
fn after_a_disk_fault_all_committed_records_are_there() {
    let disk = Disk::new();
    let (handle, opened) = handle(&disk);
    write(&handle, "before").unwrap();
    disk.fails.store(true, Ordering::SeqCst);
    assert!(matches!(write(&handle, "during"), Err(FileFault::Shut(OpenFault::Unwritable(_)))));
    assert!(matches!(handle.run(|file| tables::probe(&file.database)), Err(FileFault::Shut(_))));
    disk.fails.store(false, Ordering::SeqCst);
    write(&handle, "after").unwrap();
    assert!(holds(&handle, "before") && holds(&handle, "after") && !holds(&handle, "during"));
    assert_eq!(counts(&opened), [3, 0]);
}

#[test]
fn a_disk_that_failed_for_a_moment_costs_the_caller_nothing() {
    let disk = Disk::new();
    let (handle, opened) = handle(&disk);
    write(&handle, "before").unwrap();
    // redb remembers the error and refuses all work, although the disk works again.
    disk.fails.store(true, Ordering::SeqCst);
    let latched = handle.run(|file| {
        let result = file.database.begin_write().map_err(FileFault::from).map(|transaction| {
            let _ = transaction.commit();
        });
        disk.fails.store(false, Ordering::SeqCst);
        result
    });
    latched.unwrap();
    write(&handle, "after").unwrap();
    assert!(holds(&handle, "before") && holds(&handle, "after"));
    assert_eq!(counts(&opened), [1, 0]);
}

#[test]
fn a_panic_in_redb_starts_a_new_file() {
    let disk = Disk::new();
    let (handle, opened) = handle(&disk);
    write(&handle, "before").unwrap();
    disk.panics.store(true, Ordering::SeqCst);
    write(&handle, "after").unwrap();
    assert!(holds(&handle, "after") && !holds(&handle, "before"));
    assert_eq!(counts(&opened), [0, 1]);
}

#[test]
fn a_closed_store_stays_closed() {
    let disk = Disk::new();
    let (handle, opened) = handle(&disk);
    handle.close();
    assert!(matches!(write(&handle, "after"), Err(FileFault::Closed)));
    assert_eq!(counts(&opened), [0, 0]);
    drop(disk.open().unwrap());
}

#[test]
fn a_store_without_a_database_gets_one_when_the_disk_works() {
    let disk = Disk::new();
    disk.fails.store(true, Ordering::SeqCst);
    let (handle, opened) = handle(&disk);
    assert!(matches!(write(&handle, "before"), Err(FileFault::Shut(OpenFault::Unwritable(_)))));
    disk.fails.store(false, Ordering::SeqCst);
    write(&handle, "after").unwrap();
    assert!(holds(&handle, "after") && !holds(&handle, "before"));
    assert_eq!(counts(&opened), [2, 0]);
}

#[test]
fn a_disk_that_does_not_work_is_tried_once_a_pause() {
    let disk = Disk::new();
    let (handle, opened) = handle_that_pauses(&disk, Duration::from_secs(3600));
    disk.fails.store(true, Ordering::SeqCst);
    assert!(matches!(write(&handle, "first"), Err(FileFault::Shut(_))));
    for _ in 0..100 {
        assert!(matches!(write(&handle, "more"), Err(FileFault::NotOpen)));
    }
    assert_eq!(counts(&opened), [1, 0]);
}
