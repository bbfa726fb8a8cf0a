//! Segments: journals that stay as the place of their records.
//!
//! A merge writes pointers to the records of a journal into the database, and gives the file
//! another name. So svm writes a record once. A table ([`segment_tables`](super::segment_tables))
//! lists the segments, each with the bytes of its live records. If few of them are left, svm moves
//! these to the journal ([`Staging::collect`](super::staging::Staging::collect)). svm deletes a
//! file that the table no longer lists.
//!
//! The subtle thing is that the name of a file proves nothing: another store may have left it
//! behind. So a read compares the frame with the pointer: each frame has its key and the number of
//! its journal, which nobody can guess.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use redb::Database;

use super::fault::FileFault;
use super::journal::{self, Journal, Located, SealedJournal};
use super::segment_tables::{self, Address};
use super::{KeyBytes, private, tables};
use crate::config::redacted::redacted_path;

/// The beginning of the names of segments; a number follows.
const NAME: &str = "svm.redb.segment-";

/// The name of a new journal until the sealed one has left its place.
const SPARE: &str = "svm.redb.journal-new";

/// The most segments that stay open. svm opens another one for each read.
const MOST_OPEN: usize = 64;

/// The failed collections of a segment after which the records that cannot be read count as lost.
const MOST_FAILURES: u32 = 3;

/// The files of segments in a folder.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// `None` for a store without a folder, which has no segments.
    dir: Option<PathBuf>,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    listed: BTreeSet<u64>,
    open: HashMap<u64, Arc<File>>,
    /// The failures of collections to read a segment.
    failures: HashMap<u64, u32>,
    /// Segments whose missing records the log has reported, and whether they are lost.
    told: BTreeSet<(u64, bool)>,
    /// The segments with lost records since the last call of `take_lost`.
    lost: u64,
}

impl Segments {
    /// Takes over the segments that the database lists, and returns their total length. The records
    /// of a segment without a file are lost. svm deletes files that the database does not list.
    pub(super) fn open(dir: PathBuf, database: &Database) -> Result<(Self, u64), FileFault> {
        if_not_full(tables::recount_segments(database))?;
        let mut usage = segment_tables::usage(database)?;
        let is_missing = |number: &u64| {
            let found = fs::symlink_metadata(path(&dir, *number));
            found.map_or_else(|error| error.kind() == ErrorKind::NotFound, |it| !it.is_file())
        };
        let missing: Vec<u64> = usage.keys().copied().filter(is_missing).collect();
        if !missing.is_empty() {
            let segments = missing.len();
            tracing::warn!(segments, "segments of the store are missing, and the records in them");
            if_not_full(tables::forget_segments(database, &missing))?;
            usage.retain(|number, _| !missing.contains(number));
        }
        let bytes = usage.values().map(|it| it.bytes).sum();
        let listed = usage.into_keys().collect();
        delete_unlisted(&dir, &listed);
        let files = Files { listed, lost: missing.len() as u64, ..Files::default() };
        Ok((Self { dir: Some(dir), files: Mutex::new(files) }, bytes))
    }

    /// Returns the largest number of a segment.
    pub(super) fn last(&self) -> u64 {
        self.files.lock().listed.last().copied().unwrap_or_default()
    }

    /// Returns the record of a key, or `None` if it is not at its address.
    pub(super) fn read(&self, key: &KeyBytes, address: Address) -> Result<Option<Vec<u8>>, Error> {
        let Some(file) = self.file(address.segment)? else { return Ok(None) };
        SealedJournal { file: &file, number: address.segment }.read(key, address.span)
    }

    /// Returns the open file of a segment, if it is listed.
    pub(super) fn file(&self, number: u64) -> Result<Option<Arc<File>>, Error> {
        let Some(dir) = &self.dir else { return Ok(None) };
        {
            let files = self.files.lock();
            if !files.listed.contains(&number) {
                return Ok(None);
            }
            if let Some(file) = files.open.get(&number) {
                return Ok(Some(Arc::clone(file)));
            }
        }
        let file = Arc::new(private::existing(&path(dir, number))?);
        let mut files = self.files.lock();
        if files.listed.contains(&number) {
            let other = files.open.keys().next().copied();
            if let Some(other) = other.filter(|_| files.open.len() >= MOST_OPEN) {
                files.open.remove(&other);
            }
            files.open.insert(number, Arc::clone(&file));
        }
        Ok(Some(file))
    }

    /// Notes that svm did not find a record at its address. Returns true if the record is lost:
    /// most errors pass, such as too many open files.
    pub(super) fn note_missing(&self, number: u64, error: Option<&Error>) -> bool {
        let is_lost = error.is_none_or(|error| error.kind() == ErrorKind::NotFound);
        self.tell(number, error, is_lost);
        is_lost
    }

    /// Notes that a collection could not read a segment. Returns true if svm takes what it cannot
    /// read for lost: most errors pass, but the segment must not stay for ever.
    pub(super) fn note_unreadable(&self, number: u64, error: &Error) -> bool {
        let is_lost = {
            let mut files = self.files.lock();
            let failures = files.failures.entry(number).or_default();
            *failures += 1;
            *failures >= MOST_FAILURES
        };
        self.tell(number, Some(error), is_lost);
        is_lost
    }

    /// Reads a segment from another file from now on.
    #[cfg(test)]
    pub(super) fn replace(&self, number: u64, file: File) {
        self.files.lock().open.insert(number, Arc::new(file));
    }

    /// Logs that records are missing, once for each segment, and counts segments with a loss.
    fn tell(&self, number: u64, error: Option<&Error>, is_lost: bool) {
        let Some(dir) = &self.dir else { return };
        let mut files = self.files.lock();
        // Those that are not listed were told before, and pointers may still lead there.
        if !files.listed.contains(&number) || !files.told.insert((number, is_lost)) {
            return;
        }
        files.lost += u64::from(is_lost);
        let (path, error) = (redacted_path(&path(dir, number)), error.map(ToString::to_string));
        tracing::warn!(path, error, "records in a segment of the store cannot be read");
    }

    /// Returns the number of segments that were found since the last call to have lost records.
    pub(super) fn take_lost(&self) -> u64 {
        std::mem::take(&mut self.files.lock().lost)
    }

    /// Creates the journal that replaces one that becomes a segment. Returns `None` if that fails,
    /// or if the journal is not in its place.
    pub(super) fn spare(&self, journal: &Journal) -> Option<File> {
        let (Some(dir), Some(_)) = (&self.dir, journal.path()) else { return None };
        let path = dir.join(SPARE);
        let make = || {
            remove(&path)?;
            let spare = private::new_file(&path)?;
            journal::begin(&spare)?;
            Ok(spare)
        };
        let made: Result<File, Error> = make();
        let tell = |error: &Error| {
            tracing::warn!(path = redacted_path(&path), %error, "cannot make a journal; copying one");
        };
        made.inspect_err(tell).ok()
    }

    /// Renames a journal that the database lists as a segment. Returns the spare file, in which the
    /// journal continues.
    pub(super) fn adopt(&self, journal: &Journal, spare: File) -> Result<Located, Error> {
        let displaced = || Error::new(ErrorKind::NotFound, "the journal is not in its place");
        let (Some(dir), Some(name)) = (&self.dir, journal.path()) else { return Err(displaced()) };
        let number = journal.number();
        // The watch would miss the file at its old place.
        journal.unwatch();
        adopt(dir, &name, number)?;
        fs::rename(dir.join(SPARE), &name)?;
        // Some file systems know no such thing.
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
        self.files.lock().listed.insert(number);
        Ok(Located::at(name, spare))
    }

    /// Deletes the files of segments that the database no longer lists.
    pub(super) fn keep(&self, listed: &BTreeSet<u64>) {
        let mut files = self.files.lock();
        let gone: Vec<u64> = files.listed.difference(listed).copied().collect();
        files.listed.retain(|number| listed.contains(number));
        files.open.retain(|number, _| listed.contains(number));
        files.failures.retain(|number, _| listed.contains(number));
        drop(files);
        for (number, dir) in gone.iter().zip(self.dir.iter().cycle()) {
            delete(&path(dir, *number));
        }
    }
}

/// Ignores a full disk, since the store must open nevertheless.
fn if_not_full(written: Result<(), FileFault>) -> Result<(), FileFault> {
    if matches!(written, Err(FileFault::Full)) { Ok(()) } else { written }
}

/// Gives the file of a journal the name of a segment.
pub(super) fn adopt(dir: &Path, journal: &Path, number: u64) -> Result<(), Error> {
    fs::rename(journal, path(dir, number))
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{NAME}{number}"))
}

fn delete_unlisted(dir: &Path, listed: &BTreeSet<u64>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse().ok());
        if number.is_some_and(|number: u64| !listed.contains(&number)) || name == SPARE {
            delete(&entry.path());
        }
    }
}

/// Deletes a file. A failure is logged: the next start tries again.
fn delete(path: &Path) {
    if let Err(error) = remove(path) {
        let path = redacted_path(path);
        tracing::warn!(path, %error, "cannot delete a file that the store needs no longer");
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
