//! The opening of the store file, which moves a damaged file aside.
//!
//! No damage prevents the start: svm treats an error of redb, a panic of redb and a file that never
//! was a database in the same way. svm keeps the last file that it moved aside, so that an operator
//! can inspect it. It removes older ones, since each may be as large as the store itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;

use super::bounded::{BoundedFile, Growth};
use super::fault::OpenFault;
use super::journal::{Journal, Located, Recovered};
use super::place::Place;
use super::segments::Segments;
use super::size::Limits;
use super::staging::Staging;
use super::{private, segment_tables, segments, size, tables};
use crate::clock::Clock;
use crate::config::redacted::redacted_path;

const FILE_NAME: &str = "svm.redb";

/// The names of the journals; each begins with the name of the store file.
const JOURNAL_NAMES: [&str; 2] = ["svm.redb.journal", "svm.redb.journal2"];

/// The most bytes of the file that redb keeps in memory. The page cache of the system keeps the
/// rest.
const CACHE_BYTES: usize = 4 << 20;

/// The text between the old name of a file that svm moved aside and the time of the move in
/// seconds.
const ASIDE: &str = ".damaged-";

/// A folder that the root of a file system may contain.
const LOST_AND_FOUND: &str = "lost+found";

/// The room by which a file over its bound may grow while svm shrinks it: a removal may need new
/// pages, although it rarely does.
const ROOM_TO_SHRINK: u64 = 4 << 20;

/// An open database with its journals, and the places of their files.
pub(super) struct OpenFile {
    pub(super) database: Database,
    /// The changes that are not yet in the database.
    pub(super) staging: Staging,
    /// The place of the file, if svm can watch it.
    pub(super) place: Option<Place>,
    /// True if the file exceeds its bound, for example after the bound was lowered.
    pub(super) is_over_bound: bool,
    /// Shows that this process has the file open. The last field, since it must be dropped after
    /// the database.
    pub(super) _opened: Arc<()>,
}

impl OpenFile {
    /// Returns the places of the file and its journals that svm can watch.
    pub(super) fn places(&self) -> Vec<Place> {
        self.place.iter().cloned().chain(self.staging.places()).collect()
    }
}

/// The location of the store, and its bound.
#[derive(Debug)]
pub(super) struct StoreFile {
    pub(super) dir: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) clock: Clock,
    /// Each open file and each attempt to open it holds a clone.
    pub(super) opened: Arc<()>,
}

impl StoreFile {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(FILE_NAME)
    }

    /// Opens or creates the file.
    pub(super) fn open(&self, growth: Growth) -> Result<OpenFile, OpenFault> {
        let opened = Arc::clone(&self.opened);
        let file = self.open_file()?;
        let place = Place::of(self.path(), &file);
        let bytes = file.metadata().map_err(OpenFault::Unwritable)?.len();
        let max_bytes = if bytes > self.max_bytes {
            bytes + ROOM_TO_SHRINK
        } else {
            bytes.max(size::usual_file_bytes(self.max_bytes))
        };
        let half_made = (bytes == 0).then(|| file.try_clone()).transpose();
        let half_made = half_made.map_err(OpenFault::Unwritable)?;
        let open = || open_database(file, max_bytes, growth);
        let database = catch_unwind(AssertUnwindSafe(open))
            .unwrap_or_else(|payload| Err(OpenFault::of_panic(&*payload)))
            .map_err(|fault| self.holder(fault))
            .map_err(|fault| undo(half_made, fault))?;
        // The lock on the database protects the journals and the segments too.
        let listed = segment_tables::listed(&database)?;
        let [first, second] = JOURNAL_NAMES;
        let journals = [self.open_journal(first, &listed)?, self.open_journal(second, &listed)?];
        let (segments, in_segments) = Segments::open(self.dir.clone(), &database)?;
        let limits = Limits::of(self.max_bytes, bytes, in_segments);
        let is_over_bound = Limits::is_over(self.max_bytes, bytes, in_segments);
        let staging = Staging::open(&database, journals, (segments, limits), self.clock.now())?;
        Ok(OpenFile { database, staging, place, is_over_bound, _opened: opened })
    }

    /// Opens a journal. If the database lists it as a segment, as after a kill, renames it first
    /// and begins a new one.
    fn open_journal(
        &self,
        name: &'static str,
        listed: &BTreeSet<u64>,
    ) -> Result<Recovered, OpenFault> {
        let recovered = self.open_any_journal(name)?;
        let number = recovered.journal.number();
        if recovered.changes.is_empty() || !listed.contains(&number) {
            return Ok(recovered);
        }
        segments::adopt(&self.dir, &self.dir.join(name), number)
            .map_err(|error| OpenFault::Occupied(name, error))?;
        self.open_any_journal(name)
    }

    /// Opens or creates a journal. Moves another file of its name aside first.
    fn open_any_journal(&self, name: &'static str) -> Result<Recovered, OpenFault> {
        let cannot_use = |error| OpenFault::Occupied(name, error);
        let path = self.dir.join(name);
        if let Some(reason) = private::find_stranger(&path).map_err(cannot_use)? {
            self.set_aside_journal(name, reason)?;
        }
        let opened = match take_over(&path) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.set_aside_journal(name, &error.to_string())?;
                take_over(&path)
            }
            opened => opened,
        };
        let recovered = opened.map_err(cannot_use)?;
        let bytes = recovered.damaged;
        if bytes > 0 {
            let path = redacted_path(&path);
            tracing::warn!(path, bytes, "passing over damaged changes in the journal of the store");
        }
        Ok(recovered)
    }

    /// Returns the fault, or [`OpenFault::Busy`] if this process itself holds the lock.
    fn holder(&self, fault: OpenFault) -> OpenFault {
        // One clone is in `self`, and one belongs to this attempt.
        let is_ours = Arc::strong_count(&self.opened) > 2;
        if is_ours && matches!(fault, OpenFault::Locked) { OpenFault::Busy } else { fault }
    }

    /// Opens the file. Moves a damaged file aside and starts a new one.
    pub(super) fn open_or_renew(&self, growth: Growth) -> Result<OpenFile, OpenFault> {
        match self.open(growth) {
            Err(OpenFault::Damaged(reason)) => {
                self.set_aside_store(&reason)?;
                self.open(Growth::AsNeeded)
            }
            opened => opened,
        }
    }

    /// Moves the damaged store file aside.
    pub(super) fn set_aside_store(&self, reason: &str) -> Result<(), OpenFault> {
        let moved_to = self.set_aside(FILE_NAME)?;
        tracing::warn!(reason, moved_to, "the store file is damaged; starting a new one");
        Ok(())
    }

    fn set_aside_journal(&self, name: &'static str, reason: &str) -> Result<(), OpenFault> {
        let moved_to = self.set_aside(name)?;
        tracing::warn!(name, reason, moved_to, "a journal cannot be used; starting a new one");
        Ok(())
    }

    /// Moves a file aside; returns its new path.
    fn set_aside(&self, name: &'static str) -> Result<String, OpenFault> {
        let seconds = self.clock.now().as_secs();
        let aside = self.dir.join(format!("{name}{ASIDE}{seconds}"));
        self.remove_damaged(name);
        let moved = fs::rename(self.dir.join(name), &aside);
        moved.map_err(|error| OpenFault::Occupied(name, error))?;
        Ok(redacted_path(&aside))
    }

    fn open_file(&self) -> Result<File, OpenFault> {
        private::folder(&self.dir, |name| name.starts_with(FILE_NAME) || name == LOST_AND_FOUND)
            .map_err(OpenFault::Unwritable)?;
        private::file(&self.path()).map_err(|error| match error.kind() {
            // The reason lies in the folder, not in the file.
            ErrorKind::NotFound | ErrorKind::NotADirectory => OpenFault::Unwritable(error),
            _ => OpenFault::Occupied(FILE_NAME, error),
        })
    }

    /// Removes the files that were moved aside before. Logs a failure and goes on.
    fn remove_damaged(&self, name: &str) {
        let Ok(files) = fs::read_dir(&self.dir) else { return };
        let damaged = files.flatten().map(|file| file.path()).filter(|path| is_aside(path, name));
        for path in damaged {
            if let Err(error) = fs::remove_file(&path) {
                let path = redacted_path(&path);
                tracing::warn!(path, %error, "cannot remove an old damaged store file");
            }
        }
    }
}

/// Opens or creates the file of a journal.
fn take_over(path: &Path) -> Result<Recovered, Error> {
    Journal::open(Located::open(path.to_path_buf())?)
}

/// Returns true for the path of a journal.
pub(super) fn is_journal(path: &Path) -> bool {
    JOURNAL_NAMES.iter().any(|name| path.ends_with(name))
}

fn open_database(file: File, max_bytes: u64, growth: Growth) -> Result<Database, OpenFault> {
    let backend = BoundedFile::new(file, max_bytes, growth)?;
    let database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
    tables::prepare(&database)?;
    Ok(database)
}

/// Empties a file that was empty before svm began to create a database in it. Otherwise the next
/// attempt would take the incomplete database for a damaged file.
fn undo(half_made: Option<File>, fault: OpenFault) -> OpenFault {
    let Some(file) = half_made else { return fault };
    if matches!(fault, OpenFault::Locked | OpenFault::Busy) {
        return fault;
    }
    let emptied = file.set_len(0);
    match (fault, emptied) {
        (OpenFault::Damaged(reason), Ok(())) => OpenFault::Unwritable(Error::other(reason)),
        (fault, _) => fault,
    }
}

fn is_aside(path: &Path, name: &str) -> bool {
    let found = path.file_name().and_then(|found| found.to_str()).unwrap_or_default();
    found.strip_prefix(name).is_some_and(|rest| rest.starts_with(ASIDE))
}
