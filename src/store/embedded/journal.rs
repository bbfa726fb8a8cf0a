//! The file that changes go to first, one after the other, before the database takes them in
//! together.
//!
//! A commit of the database writes whole pages in many places, whatever the change; here it is one
//! write at the end of a file. A change is a frame with a checksum, and a frame cut short ends the
//! journal: it belongs to a write that did not come to its end. The checksum covers the number of
//! the journal too, so that nothing from before a reset is read.
//!
//! ```text
//! 0   "svmj"           4 bytes
//! 4   number           u64, one more with each reset
//! 12  frames, each:    length of the record u32 (0 for a removal), as of u64, key 32 bytes,
//!                      checksum 16 bytes of SHA-256 over number, all that and the record; record
//! ```
//!
//! All numbers are little-endian.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::KeyBytes;
use crate::clock::Timestamp;

const MAGIC: &[u8; 4] = b"svmj";
const START: u64 = 12;
const FRAME_HEAD: usize = 4 + 8 + 32;
const CHECKSUM_BYTES: usize = 16;
/// The size of a frame beside its record.
const FRAME_BYTES: usize = FRAME_HEAD + CHECKSUM_BYTES;

/// A place for changes at the end of a file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    end: Mutex<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    number: u64,
    bytes: u64,
    is_synced: bool,
}

/// The place of a record in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    at: u64,
    bytes: u32,
}

/// A change: a record to keep, or no record.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) key: KeyBytes,
    /// The moment that the change vouches for.
    pub(super) as_of: Timestamp,
    /// Empty for a removal.
    pub(super) record: Vec<u8>,
}

impl Frame {
    /// The size of the frame in the file.
    pub(super) fn bytes(&self) -> u64 {
        (FRAME_BYTES + self.record.len()) as u64
    }

    fn write_to(&self, buffer: &mut Vec<u8>, number: u64) {
        let start = buffer.len();
        let length = u32::try_from(self.record.len()).expect("a record is far below 4 GiB");
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&self.as_of.as_millis().to_le_bytes());
        buffer.extend_from_slice(&self.key);
        let sum = checksum(number, &buffer[start..], &self.record);
        buffer.extend_from_slice(&sum);
        buffer.extend_from_slice(&self.record);
    }
}

impl Journal {
    /// Takes a file over, and hands each change in it to `found`, in their order.
    pub(super) fn open(file: File, mut found: impl FnMut(Frame, Span)) -> Result<Self, Error> {
        let length = file.metadata()?.len();
        let number = number(&file, length)?;
        let mut end = End { number: number.unwrap_or(0), bytes: START, is_synced: true };
        while let Some((frame, span)) = number.and(frame_at(&file, end, length)?) {
            end.bytes += frame.bytes();
            found(frame, span);
        }
        let journal = Self { file, end: Mutex::new(end) };
        if end.bytes == START {
            journal.reset()?;
        } else if end.bytes < length {
            journal.file.set_len(end.bytes)?;
        }
        Ok(journal)
    }

    /// Appends changes, which last once [`Journal::sync`] has returned; returns the places of their
    /// records.
    pub(super) fn append(&self, frames: &[Frame]) -> Result<Vec<Span>, Error> {
        let mut end = self.end.lock();
        let mut buffer = Vec::with_capacity(frames.iter().map(|it| it.bytes() as usize).sum());
        let spans = frames.iter().map(|frame| {
            frame.write_to(&mut buffer, end.number);
            let bytes = frame.record.len();
            let at = end.bytes + (buffer.len() - bytes) as u64;
            Span { at, bytes: u32::try_from(bytes).expect("a record is far below 4 GiB") }
        });
        let spans = spans.collect();
        self.file.write_all_at(&buffer, end.bytes)?;
        end.bytes += buffer.len() as u64;
        end.is_synced = false;
        Ok(spans)
    }

    /// Makes all changes durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let mut end = self.end.lock();
        if !end.is_synced {
            self.file.sync_data()?;
            end.is_synced = true;
        }
        Ok(())
    }

    /// The record at a place.
    pub(super) fn read(&self, span: Span) -> Result<Vec<u8>, Error> {
        let mut record = vec![0; span.bytes as usize];
        self.file.read_exact_at(&mut record, span.at)?;
        Ok(record)
    }

    /// How long the journal is.
    pub(super) fn bytes(&self) -> u64 {
        self.end.lock().bytes
    }

    /// Begins anew: the database has all changes.
    pub(super) fn reset(&self) -> Result<(), Error> {
        let mut end = self.end.lock();
        *end = End { number: end.number.wrapping_add(1), bytes: START, is_synced: true };
        self.file.set_len(0)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&end.number.to_le_bytes());
        self.file.write_all_at(&head, 0)
    }
}

/// The number of the journal in a file, if one is in it.
fn number(file: &File, length: u64) -> Result<Option<u64>, Error> {
    if length < START {
        return Ok(None);
    }
    let mut head = [0; START as usize];
    file.read_exact_at(&mut head, 0)?;
    let (magic, number) = head.split_at(MAGIC.len());
    let number = number.try_into().map(u64::from_le_bytes).map_err(|_| ErrorKind::InvalidData)?;
    Ok((magic == MAGIC).then_some(number))
}

/// The frame at the end of those before it, if it is whole.
fn frame_at(file: &File, end: End, length: u64) -> Result<Option<(Frame, Span)>, Error> {
    let room = length.saturating_sub(end.bytes + FRAME_BYTES as u64);
    if end.bytes + FRAME_BYTES as u64 > length {
        return Ok(None);
    }
    let mut head = [0; FRAME_BYTES];
    file.read_exact_at(&mut head, end.bytes)?;
    let (head, sum) = head.split_at(FRAME_HEAD);
    let (bytes, rest) = head.split_at(4);
    let (as_of, key) = rest.split_at(8);
    let bytes = bytes.try_into().map(u32::from_le_bytes).map_err(|_| ErrorKind::InvalidData)?;
    let as_of = as_of.try_into().map(u64::from_le_bytes).map_err(|_| ErrorKind::InvalidData)?;
    let key = key.try_into().map_err(|_| ErrorKind::InvalidData)?;
    if u64::from(bytes) > room {
        return Ok(None);
    }
    let span = Span { at: end.bytes + FRAME_BYTES as u64, bytes };
    let mut record = vec![0; bytes as usize];
    file.read_exact_at(&mut record, span.at)?;
    let is_whole = checksum(end.number, head, &record) == sum;
    let frame = Frame { key, as_of: Timestamp::from_millis(as_of), record };
    Ok(is_whole.then_some((frame, span)))
}

fn checksum(number: u64, head: &[u8], record: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let sum = Sha256::new().chain_update(number.to_le_bytes()).chain_update(head);
    let digest: [u8; 32] = sum.chain_update(record).finalize().into();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}
