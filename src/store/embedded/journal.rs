//! A journal: a file of appended changes, which the database takes in together.
//!
//! A commit of the database writes whole pages in many places, however small the change. An append
//! is one write at the end of a file. Each change is a frame with checksums, so a reader skips a
//! damaged frame and goes on after it. A frame whose record alone is damaged counts as a removal.
//!
//! ```text
//! 0   "svm:jrnl"       8 bytes
//! 8   frames, each:    mark 4 bytes, number of the journal u64, length of the record u32 (0 for a
//!                      removal), as of u64, key 32 bytes, checksum of the record 16 bytes of
//!                      SHA-256, checksum of all that 8 bytes of SHA-256; record
//! ```
//!
//! All numbers are little-endian. A journal gets another number each time it is emptied, so that
//! older frames are not read again. Nobody can guess the number. So a frame inside a body is not
//! read as a change, even if the frame around that body is damaged.

mod frame;
mod sealed;

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use parking_lot::{Mutex, RwLock};

pub(super) use self::frame::Frame;
use self::frame::{FRAME_BYTES, Head};
pub(super) use self::sealed::{Framed, SealedJournal};
use super::KeyBytes;
use super::fault::FileFault;
use super::place::Place;
use super::private;
use crate::clock::Timestamp;
use crate::store::record;

const MAGIC: &[u8; 8] = b"svm:jrnl";
const START: usize = MAGIC.len();

/// The largest length of a journal.
pub(super) const LARGEST: u64 = 48 << 20;

/// A file of changes, open to append.
#[derive(Debug)]
pub(super) struct Journal {
    located: RwLock<Located>,
    end: Mutex<End>,
}

/// A file, and the path that it was opened by.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) file: File,
    /// Nothing for a file without a name.
    pub(super) path: Option<PathBuf>,
    /// The place, if svm can watch it.
    pub(super) place: Option<Place>,
}

impl Located {
    /// Opens the file of a journal, or makes it.
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = private::file_itself(&path)?;
        Ok(Self::at(path, file))
    }

    /// Notes the path of a file.
    pub(super) fn at(path: PathBuf, file: File) -> Self {
        let place = Place::of(path.clone(), &file);
        Self { file, path: Some(path), place }
    }
}

#[derive(Clone, Copy, Debug)]
struct End {
    number: u64,
    bytes: u64,
    is_synced: bool,
}

/// The place of a record in its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    at: u64,
    bytes: u32,
}

impl Span {
    pub(super) fn new(at: u64, bytes: u32) -> Self {
        Self { at, bytes }
    }

    /// Returns the place of the record in its file.
    pub(super) fn at(self) -> u64 {
        self.at
    }

    /// Returns the length of the record.
    pub(super) fn len(self) -> usize {
        self.bytes as usize
    }

    /// Returns the size of the record in its file, with its frame.
    pub(super) fn framed_bytes(self) -> u64 {
        FRAME_BYTES as u64 + u64::from(self.bytes)
    }
}

/// A change in a journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) key: KeyBytes,
    /// The time in the frame.
    pub(super) as_of: Timestamp,
    /// The time in the record, or that in the frame if there is no record.
    pub(super) checked_at: Timestamp,
    /// The place of the record and the end of its keeping. `None` for a removal, and for a record
    /// that this version cannot read.
    pub(super) put: Option<(Span, Timestamp)>,
}

impl Recorded {
    pub(super) fn new(frame: &Frame, span: Span) -> Self {
        Self::of(frame.key, frame.as_of, span, &frame.record)
    }

    fn of(key: KeyBytes, as_of: Timestamp, span: Span, record: &[u8]) -> Self {
        let peek = record::peek(record).ok();
        let checked_at = peek.map_or(as_of, |peek| peek.checked_at);
        Self { key, as_of, checked_at, put: peek.map(|peek| (span, peek.keep_until)) }
    }

    /// Returns a removal in the place of a damaged record: otherwise the older record that it has
    /// replaced would be visible again.
    fn of_damaged(head: &Head) -> Self {
        Self { key: head.key, as_of: head.as_of, checked_at: head.as_of, put: None }
    }
}

/// A journal, with its contents at the opening.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) journal: Journal,
    /// The changes, in their order.
    pub(super) changes: Vec<Recorded>,
    /// The number of bytes outside of whole frames.
    pub(super) damaged: u64,
}

impl Journal {
    /// Opens a file as a journal and reads its changes. The error for another file is of the kind
    /// `InvalidData`, which no call of the system returns.
    pub(super) fn open(located: Located) -> Result<Recovered, Error> {
        let file = &located.file;
        let length = file.metadata()?.len();
        let mut bytes = vec![0; usize::try_from(length.min(LARGEST)).unwrap_or_default()];
        file.read_exact_at(&mut bytes, 0)?;
        let scan = Scan::of(&bytes);
        if scan.changes.is_empty() && !begins_as_journal(&bytes) {
            return Err(Error::new(ErrorKind::InvalidData, "it is no journal of svm"));
        }
        let number = scan.number.unwrap_or_else(unguessable);
        // A killed process may have left changes that only the system has.
        let end = End { number, bytes: scan.end as u64, is_synced: false };
        if !scan.changes.is_empty() && end.bytes < length {
            file.set_len(end.bytes)?;
        }
        let journal = Self { located: RwLock::new(located), end: Mutex::new(end) };
        if scan.changes.is_empty() {
            journal.empty(number)?;
        }
        let damaged = length.saturating_sub((START + scan.whole) as u64);
        Ok(Recovered { journal, changes: scan.changes, damaged })
    }

    /// Appends changes. They are durable once [`Journal::sync`] has returned. Returns the changes
    /// with the places of their records.
    ///
    /// # Errors
    ///
    /// [`FileFault::Refused`], if the journal is as it was before.
    pub(super) fn append(&self, frames: &[Frame]) -> Result<Vec<Recorded>, FileFault> {
        let mut end = self.end.lock();
        let mut buffer = Vec::with_capacity(frames.iter().map(|it| it.bytes() as usize).sum());
        let append = |frame: &Frame| {
            frame.write_to(&mut buffer, end.number);
            let bytes = frame.record.len();
            let at = end.bytes + (buffer.len() - bytes) as u64;
            let bytes = u32::try_from(bytes).expect("a record is far below 4 GiB");
            Recorded::new(frame, Span { at, bytes })
        };
        let appended = frames.iter().map(append).collect();
        let file = &self.located.read().file;
        if let Err(error) = file.write_all_at(&buffer, end.bytes) {
            // Otherwise whole frames of a part could follow those of the next append.
            let is_undone = file.set_len(end.bytes).is_ok();
            return Err(if is_undone { FileFault::Refused(error) } else { FileFault::Io(error) });
        }
        end.bytes += buffer.len() as u64;
        end.is_synced = false;
        Ok(appended)
    }

    /// Makes all changes durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let mut end = self.end.lock();
        if !end.is_synced {
            self.located.read().file.sync_data()?;
            end.is_synced = true;
        }
        Ok(())
    }

    /// Returns the record at a place, without verifying it.
    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>, Error> {
        let mut record = vec![0; span.bytes as usize];
        self.located.read().file.read_exact_at(&mut record, span.at)?;
        Ok(record)
    }

    /// Returns the record at a place, or `None` if it is damaged.
    pub(super) fn read_whole(&self, span: Span) -> Result<Option<Vec<u8>>, Error> {
        let number = self.number();
        SealedJournal { file: &self.located.read().file, number }.read_whole(span)
    }

    /// Returns the length of the journal.
    pub(super) fn bytes(&self) -> u64 {
        self.end.lock().bytes
    }

    /// Returns the number of the journal. Of two journals, the one with the higher number has the
    /// later changes.
    pub(super) fn number(&self) -> u64 {
        self.end.lock().number
    }

    /// Empties the journal, and gives it a number above `number`.
    pub(super) fn empty(&self, number: u64) -> Result<(), Error> {
        let mut end = self.end.lock();
        *end = End::of_empty(number);
        begin_again(&self.located.read().file)
    }

    /// Goes on in another file, which [`begin`] has made, with a number above `number`.
    pub(super) fn go_on_in(&self, located: Located, number: u64) {
        let mut end = self.end.lock();
        *self.located.write() = located;
        *end = End::of_empty(number);
    }

    /// Returns the path of the file, if it still leads there as far as svm can tell.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let located = self.located.read();
        let is_displaced = located.place.as_ref().is_some_and(|it| it.displacement().is_some());
        located.path.clone().filter(|_| !is_displaced)
    }

    /// Returns the place of the file, if svm watches it.
    pub(super) fn place(&self) -> Option<Place> {
        self.located.read().place.clone()
    }

    /// Watches the place of the file no longer: the file gets another name.
    pub(super) fn unwatch(&self) {
        self.located.write().place = None;
    }
}

impl End {
    fn of_empty(number: u64) -> Self {
        let number = number.wrapping_add(unguessable());
        Self { number, bytes: START as u64, is_synced: true }
    }
}

/// Makes an empty journal of an empty file.
pub(super) fn begin(file: &File) -> Result<(), Error> {
    file.write_all_at(MAGIC, 0)
}

/// Makes an empty journal of any file. Writes nothing to a file that begins as a journal: a full
/// disk would refuse it.
fn begin_again(file: &File) -> Result<(), Error> {
    let mut found = [0; START];
    if file.read_exact_at(&mut found, 0).is_err() || found != *MAGIC {
        file.set_len(0)?;
        return begin(file);
    }
    let is_empty = file.metadata()?.len() == START as u64;
    if is_empty { Ok(()) } else { file.set_len(START as u64) }
}

/// Returns a random number that the author of a body cannot know. It has 32 bits, so adding it to
/// the number of a journal does not overflow in practice.
fn unguessable() -> u64 {
    u64::from(fastrand::u32(1..))
}

/// Returns true if the bytes begin as a journal does, even if they end within its first bytes.
fn begins_as_journal(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || MAGIC.starts_with(bytes)
}

/// The frames with a whole head among some bytes.
struct Scan {
    /// A change for each frame, also for one with a damaged record.
    changes: Vec<Recorded>,
    /// The number of the journal, if a frame shows it.
    number: Option<u64>,
    /// The end of the last frame.
    end: usize,
    /// The total size of the whole frames.
    whole: usize,
}

impl Scan {
    fn of(bytes: &[u8]) -> Self {
        let mut scan = Self { changes: Vec::new(), number: None, end: START, whole: 0 };
        let mut at = START;
        while let Some((start, head)) = Head::next(bytes, at, scan.number) {
            scan.number = Some(head.number);
            let end = start + FRAME_BYTES + head.length as usize;
            let Some(record) = bytes.get(start + FRAME_BYTES..end) else { break };
            if head.matches(record) {
                let span = Span { at: (start + FRAME_BYTES) as u64, bytes: head.length };
                scan.changes.push(Recorded::of(head.key, head.as_of, span, record));
                scan.whole += end - start;
            } else {
                scan.changes.push(Recorded::of_damaged(&head));
            }
            // A damaged record stays in the file, so that the next start finds its head again.
            scan.end = end;
            at = end;
        }
        scan
    }
}
