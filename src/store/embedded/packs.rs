//! Packs of records, and the pointers to the records in them.
//!
//! A record with a value of its own takes a page, since the order of the keys is random. So records
//! that the database takes in together lie in packs, in the order of their arrival, and the value
//! of a key is a pointer into a pack. When less than half of a pack is live, svm removes it, and
//! its remaining records get values of their own.
//!
//! ```text
//! records, each: key 32 bytes, length u32, record
//! ```
//!
//! All numbers are little-endian.

use super::KeyBytes;
use super::pointer::{self, Pointed};

/// The most bytes of a pack. With the head of its leaf, it fills a run of four pages.
pub(super) const PACK_BYTES: usize = 4 * 4_096 - 64;

/// The largest record in a pack. A larger one gets a value of its own, which fills its pages well.
pub(super) const LARGEST: usize = PACK_BYTES / 4;

const FRAME_HEAD: usize = 36;

/// The place of a record in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) pack: u64,
    at: u32,
    bytes: u32,
}

impl Pointer {
    /// Reads a stored value, if it leads to a pack.
    pub(super) fn of(value: &[u8]) -> Option<Self> {
        let Pointed { number: pack, at, bytes } = pointer::parse(pointer::PACK, value)?;
        Some(Self { pack, at, bytes })
    }

    /// Returns the value with this pointer to a record.
    fn value(self, record: &[u8]) -> Vec<u8> {
        let Self { pack: number, at, bytes } = self;
        pointer::value(pointer::PACK, record, Pointed { number, at, bytes })
    }

    /// Returns the record in its pack, or `None` if the pack is too short.
    pub(super) fn record(self, pack: &[u8]) -> Option<&[u8]> {
        pack.get(self.at as usize..)?.get(..self.bytes as usize)
    }

    /// Returns the size of the record in its pack.
    pub(super) fn bytes_in_pack(self) -> u64 {
        FRAME_HEAD as u64 + u64::from(self.bytes)
    }
}

/// Returns the length of the record that a value is, or leads to in a pack: the bytes that are in
/// the tables for it.
pub(super) fn length(value: &[u8]) -> usize {
    Pointer::of(value).map_or(value.len(), |pointer| pointer.bytes as usize)
}

/// A pack that is being filled.
#[derive(Debug)]
pub(super) struct Packing {
    number: u64,
    bytes: Vec<u8>,
}

impl Packing {
    pub(super) fn new(number: u64) -> Self {
        Self { number, bytes: Vec::with_capacity(PACK_BYTES) }
    }

    /// Returns true if a record of this length fits in.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.bytes.len() + FRAME_HEAD + length <= PACK_BYTES
    }

    /// Adds a record. Returns the value that leads to it.
    pub(super) fn add(&mut self, key: &KeyBytes, record: &[u8]) -> Vec<u8> {
        let number = |length: usize| u32::try_from(length).expect("a pack is far below 4 GiB");
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(&number(record.len()).to_le_bytes());
        let at = number(self.bytes.len());
        self.bytes.extend_from_slice(record);
        Pointer { pack: self.number, at, bytes: number(record.len()) }.value(record)
    }

    /// Returns the contents of the pack.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Returns the whole records in a pack, each with its key and pointer.
pub(super) fn records(number: u64, pack: &[u8]) -> impl Iterator<Item = (KeyBytes, Pointer)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let (key, rest) = pack.get(start..)?.split_first_chunk()?;
        let bytes = u32::from_le_bytes(*rest.first_chunk()?);
        let at = start + FRAME_HEAD;
        start = at + bytes as usize;
        let pointer = Pointer { pack: number, at: u32::try_from(at).ok()?, bytes };
        pointer.record(pack).map(|_| (*key, pointer))
    })
}
