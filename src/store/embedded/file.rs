//! The opening of the store file, which moves a damaged one out of the way.
//!
//! Nothing in a damaged file can hurt the start: an error of redb, a panic of redb and a file that
//! never was a database are one case. svm keeps a file that it moved aside for an operator to
//! look at, but only the last one: each may be as large as the store itself.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;

use super::bounded::{BoundedFile, Growth};
use super::fault::OpenFault;
use super::place::Place;
use super::staging::Staging;
use super::{private, size, tables};
use crate::clock::Clock;
use crate::config::redacted::redacted_path;

const FILE_NAME: &str = "svm.redb";

/// Beside the file; a name that begins as its does.
const JOURNAL_NAME: &str = "svm.redb.journal";

/// redb keeps at most this much of the file in memory; the rest is left to the page cache of the
/// system.
const CACHE_BYTES: usize = 4 << 20;

/// A folder of its own on a file system has this one in it.
const LOST_AND_FOUND: &str = "lost+found";

/// How far a file may grow that is over its bound, while it is made to fit. Even to remove takes
/// room, and hardly ever there is none in the file.
const ROOM_TO_SHRINK: u64 = 4 << 20;

/// An open database, and where its file is.
pub(super) struct OpenFile {
    pub(super) database: Database,
    /// The changes that are not yet in the database.
    pub(super) staging: Staging,
    /// Those of the file and its journal, as far as they can be watched.
    pub(super) places: Vec<Place>,
    /// Whether the file is longer than it may be, as when the bound was lowered.
    pub(super) is_over_bound: bool,
    /// Shows that this process has the file; to be dropped after the database.
    _opened: Arc<()>,
}

#[cfg(test)]
impl From<Database> for OpenFile {
    fn from(database: Database) -> Self {
        let journal = tempfile::tempfile().unwrap();
        let staging = Staging::open(journal, 0).unwrap();
        Self { database, staging, places: vec![], is_over_bound: false, _opened: Arc::default() }
    }
}

/// Where the store lives, and how large it may get.
#[derive(Debug)]
pub(super) struct StoreFile {
    pub(super) dir: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) clock: Clock,
    /// Clones are with all that have the file open, or open it.
    pub(super) opened: Arc<()>,
}

impl StoreFile {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(FILE_NAME)
    }

    /// Opens the file, or makes it.
    pub(super) fn open(&self, growth: Growth) -> Result<OpenFile, OpenFault> {
        let opened = Arc::clone(&self.opened);
        let file = self.open_file(FILE_NAME)?;
        let place = Place::of(self.path(), &file);
        let bytes = file.metadata().map_err(OpenFault::Unwritable)?.len();
        let is_over_bound = bytes > self.max_bytes;
        let max_bytes = if is_over_bound {
            bytes + ROOM_TO_SHRINK
        } else {
            // A version without a journal let the file have all.
            bytes.max(size::file_bytes(self.max_bytes))
        };
        let open = || open_database(file, max_bytes, growth);
        let database = catch_unwind(AssertUnwindSafe(open))
            .unwrap_or_else(|payload| Err(OpenFault::of_panic(&*payload)))
            .map_err(|fault| self.holder(fault))?;
        // The process that has the database has the journal.
        let journal = self.open_file(JOURNAL_NAME)?;
        let journal_place = Place::of(self.dir.join(JOURNAL_NAME), &journal);
        let staging = Staging::open(journal, size::journal_bytes(self.max_bytes))
            .map_err(OpenFault::Unwritable)?;
        let places = [place, journal_place].into_iter().flatten().collect();
        Ok(OpenFile { database, staging, places, is_over_bound, _opened: opened })
    }

    /// Tells this process from others where the file is in use.
    fn holder(&self, fault: OpenFault) -> OpenFault {
        // One clone is the attempt's own.
        let is_ours = Arc::strong_count(&self.opened) > 2;
        if is_ours && matches!(fault, OpenFault::Locked) { OpenFault::Busy } else { fault }
    }

    /// Opens the file; a damaged one is moved aside first.
    pub(super) fn open_or_renew(&self, growth: Growth) -> Result<OpenFile, OpenFault> {
        match self.open(growth) {
            Err(OpenFault::Damaged(reason)) => {
                self.set_aside(&reason)?;
                self.open(Growth::AsNeeded)
            }
            opened => opened,
        }
    }

    /// Moves the file aside, so that a new one can be started.
    pub(super) fn set_aside(&self, reason: &str) -> Result<(), OpenFault> {
        let seconds = self.clock.now().as_secs();
        let aside = self.dir.join(format!("{FILE_NAME}.damaged-{seconds}"));
        self.remove_damaged();
        fs::rename(self.path(), &aside).map_err(OpenFault::Unwritable)?;
        let moved_to = redacted_path(&aside);
        tracing::warn!(reason, moved_to, "the store file is damaged; starting a new one");
        Ok(())
    }

    fn open_file(&self, name: &'static str) -> Result<File, OpenFault> {
        private::folder(&self.dir, |name| name.starts_with(FILE_NAME) || name == LOST_AND_FOUND)
            .map_err(OpenFault::Unwritable)?;
        private::file(&self.dir.join(name)).map_err(|error| match error.kind() {
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => OpenFault::Occupied(name, error),
            _ => OpenFault::Unwritable(error),
        })
    }

    /// Failing to clean up is no reason not to start.
    fn remove_damaged(&self) {
        let Ok(files) = fs::read_dir(&self.dir) else { return };
        let damaged = files.flatten().map(|file| file.path()).filter(|path| is_damaged(path));
        for path in damaged {
            if let Err(error) = fs::remove_file(&path) {
                let path = redacted_path(&path);
                tracing::warn!(path, %error, "cannot remove an old damaged store file");
            }
        }
    }
}

fn open_database(file: File, max_bytes: u64, growth: Growth) -> Result<Database, OpenFault> {
    let backend = BoundedFile::new(file, max_bytes, growth)?;
    let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
    tables::prepare(&database)?;
    Ok(database)
}

fn is_damaged(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(FILE_NAME).is_some_and(|rest| rest.starts_with(".damaged-"))
}
