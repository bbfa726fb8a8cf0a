//! Opens the store file, and moves a damaged one out of the way.
//!
//! Nothing in a damaged file can hurt the start: an error of redb, a panic of redb and a file that never was a
//! database are one case. What was moved aside is kept for whoever wants to look at it, but only the last one:
//! each may be as large as the store itself.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::Database;

use super::bounded::{BoundedFile, Growth};
use super::eviction::Evictor;
use super::fault::{Fault, OpenFault};
use super::place::Place;
use super::{private, tables};
use crate::clock::Clock;
use crate::config::redacted::redacted_path;

const FILE_NAME: &str = "svm.redb";

/// redb keeps at most this much of the file in memory; the rest is left to the page cache of the system.
const CACHE_BYTES: usize = 4 << 20;

/// A folder of its own on a file system has this one in it.
const LOST_AND_FOUND: &str = "lost+found";

/// An open database, and where its file is.
pub(super) struct OpenFile {
    pub(super) database: Database,
    /// Nothing where that cannot be watched.
    pub(super) place: Option<Place>,
}

impl From<Database> for OpenFile {
    fn from(database: Database) -> Self {
        Self { database, place: None }
    }
}

/// Where the store lives, and how large it may get.
#[derive(Clone, Debug)]
pub(super) struct StoreFile {
    pub(super) dir: PathBuf,
    pub(super) max_bytes: u64,
    pub(super) clock: Clock,
}

impl StoreFile {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.join(FILE_NAME)
    }

    /// Opens the file, or makes it.
    pub(super) fn open(&self, growth: Growth) -> Result<OpenFile, OpenFault> {
        let file = self.open_file()?;
        let place = Place::of(self.path(), &file);
        let database = catch_unwind(AssertUnwindSafe(|| self.open_database(file, growth)))
            .unwrap_or_else(|payload| Err(OpenFault::of_panic(&*payload)))?;
        Ok(OpenFile { database, place })
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

    /// Opens the file, after making one fit that is over its bound, as when the bound was lowered.
    pub(super) fn open_to_fit(&self, max_live: u64) -> Result<OpenFile, OpenFault> {
        let bytes = fs::metadata(self.path()).map_or(0, |file| file.len());
        if bytes > self.max_bytes {
            tracing::info!(
                bytes,
                max_bytes = self.max_bytes,
                "making the store file fit its bound"
            );
            match self.shrink(max_live) {
                Err(OpenFault::Damaged(reason)) => self.set_aside(&reason)?,
                done => done?,
            }
        }
        self.open_or_renew(Growth::AsNeeded)
    }

    /// Even to remove takes room, and there is none below the bound: it does not hold while this works.
    fn shrink(&self, max_live: u64) -> Result<(), OpenFault> {
        let unbounded = Self { max_bytes: u64::MAX, ..self.clone() };
        let mut database = unbounded.open(Growth::AsNeeded)?.database;
        let (now, evictor) = (self.clock.now(), Evictor::default());
        catch_unwind(AssertUnwindSafe(move || -> Result<(), Fault> {
            tables::sweep(&database, now, tables::Room { max_live, evictor: &evictor })?;
            database.compact()?;
            Ok(())
        }))
        .unwrap_or_else(|payload| Err(Fault::of_panic(&*payload)))?;
        let bytes = fs::metadata(self.path()).map_err(OpenFault::Unwritable)?.len();
        if bytes <= self.max_bytes {
            return Ok(());
        }
        tracing::warn!(bytes, "the store file cannot be made to fit; starting a new one");
        fs::remove_file(self.path()).map_err(OpenFault::Unwritable)
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

    fn open_file(&self) -> Result<File, OpenFault> {
        private::folder(&self.dir, |name| name.starts_with(FILE_NAME) || name == LOST_AND_FOUND)
            .map_err(OpenFault::Unwritable)?;
        private::file(&self.path()).map_err(|error| match error.kind() {
            ErrorKind::IsADirectory | ErrorKind::InvalidInput => {
                OpenFault::Occupied(FILE_NAME, error)
            }
            _ => OpenFault::Unwritable(error),
        })
    }

    fn open_database(&self, file: File, growth: Growth) -> Result<Database, OpenFault> {
        let backend = BoundedFile::new(file, self.max_bytes, growth)?;
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        tables::prepare(&database)?;
        Ok(database)
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

fn is_damaged(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(FILE_NAME).is_some_and(|rest| rest.starts_with(".damaged-"))
}
