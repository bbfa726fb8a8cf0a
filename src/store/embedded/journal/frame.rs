//! A frame of the journal: one change, with checksums.

use memchr::memmem;
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::store::embedded::KeyBytes;

/// The first bytes of a frame. The very first one never occurs in UTF-8 text.
const MARK: [u8; 4] = *b"\xf5svm";

const RECORD_SUM: usize = 16;
const HEAD_SUM: usize = 8;
const SUMMED: usize = MARK.len() + 8 + 4 + 8 + 32 + RECORD_SUM;

/// The size of a frame without its record.
pub(super) const FRAME_BYTES: usize = SUMMED + HEAD_SUM;

/// A change: a record to keep, or no record.
#[derive(Debug)]
pub(in crate::store::embedded) struct Frame {
    pub(in crate::store::embedded) key: KeyBytes,
    /// The time of the check behind the change, or the later time of a record that it replaces: a
    /// clock that was ahead dated that one.
    pub(in crate::store::embedded) as_of: Timestamp,
    /// Empty for a removal.
    pub(in crate::store::embedded) record: Vec<u8>,
}

impl Frame {
    /// Returns the size of the frame in the file.
    pub(in crate::store::embedded) fn bytes(&self) -> u64 {
        (FRAME_BYTES + self.record.len()) as u64
    }

    pub(super) fn write_to(&self, buffer: &mut Vec<u8>, number: u64) {
        let start = buffer.len();
        let length = u32::try_from(self.record.len()).expect("a record is far below 4 GiB");
        buffer.extend_from_slice(&MARK);
        buffer.extend_from_slice(&number.to_le_bytes());
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&self.as_of.as_millis().to_le_bytes());
        buffer.extend_from_slice(&self.key);
        buffer.extend_from_slice(&checksum::<RECORD_SUM>(&self.record));
        let sum = checksum::<HEAD_SUM>(&buffer[start..]);
        buffer.extend_from_slice(&sum);
        buffer.extend_from_slice(&self.record);
    }
}

/// The part of a frame before its record.
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) length: u32,
    pub(super) as_of: Timestamp,
    pub(super) key: KeyBytes,
    record_sum: [u8; RECORD_SUM],
}

impl Head {
    /// Returns the first whole head at or after `at`, and its place. If the number of the journal
    /// is known, only a head with this number counts.
    pub(super) fn next(bytes: &[u8], at: usize, number: Option<u64>) -> Option<(usize, Self)> {
        let rest = bytes.get(at..)?;
        memmem::find_iter(rest, &MARK).find_map(|offset| {
            let head = Self::parse(&rest[offset..])?;
            let is_ours = number.is_none_or(|number| head.number == number);
            is_ours.then_some((at + offset, head))
        })
    }

    /// Returns the head at the beginning of some bytes, if it is whole.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, _) = bytes.split_first_chunk::<FRAME_BYTES>()?;
        let (summed, sum) = head.split_at(SUMMED);
        let (mark, rest) = summed.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (as_of, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let is_whole = *mark == MARK && checksum::<HEAD_SUM>(summed) == sum;
        is_whole.then_some(Self {
            number: u64::from_le_bytes(*number),
            length: u32::from_le_bytes(*length),
            as_of: Timestamp::from_millis(u64::from_le_bytes(*as_of)),
            key: *key,
            record_sum: rest.try_into().ok()?,
        })
    }

    /// Returns true if this is the record of the frame, undamaged.
    pub(super) fn matches(&self, record: &[u8]) -> bool {
        record.len() == self.length as usize && checksum(record) == self.record_sum
    }
}

/// Returns the first bytes of the SHA-256 of some bytes.
fn checksum<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let mut sum = [0; N];
    sum.copy_from_slice(&digest[..N]);
    sum
}
