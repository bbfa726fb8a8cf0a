//! The form of a value that leads to a record elsewhere.
//!
//! ```text
//! tag 4 bytes, the first 40 bytes of the record, number of its pack or segment u64, place in that
//! u32, length u32
//! ```
//!
//! All numbers are little-endian. No tag is the beginning of a record, so a version that does not
//! know a tag takes the value for no record: a miss, which the next change replaces.

type Tag = [u8; 4];

/// The tags of pointers to packs, and to segments.
pub(super) const PACK: &Tag = b"pack";
pub(super) const SEGMENT: &Tag = b"segm";

/// The bytes of a record that [`record::peek`](crate::store::record::peek) reads.
const HEAD: usize = 40;
const POINTER_BYTES: usize = size_of::<Tag>() + HEAD + 16;

/// The numbers in a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pointed {
    pub(super) number: u64,
    pub(super) at: u32,
    pub(super) bytes: u32,
}

/// Reads a value, if it has this tag.
pub(super) fn parse(tag: &Tag, value: &[u8]) -> Option<Pointed> {
    if value.len() != POINTER_BYTES || !value.starts_with(tag) {
        return None;
    }
    let (number, rest) = value[tag.len() + HEAD..].split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let bytes = rest.first_chunk()?;
    Some(Pointed {
        number: u64::from_le_bytes(*number),
        at: u32::from_le_bytes(*at),
        bytes: u32::from_le_bytes(*bytes),
    })
}

/// Returns the value that leads to a record.
pub(super) fn value(tag: &Tag, record: &[u8], pointed: Pointed) -> Vec<u8> {
    let mut value = Vec::with_capacity(POINTER_BYTES);
    value.extend_from_slice(tag);
    value.extend_from_slice(&record[..HEAD.min(record.len())]);
    value.resize(tag.len() + HEAD, 0);
    value.extend_from_slice(&pointed.number.to_le_bytes());
    value.extend_from_slice(&pointed.at.to_le_bytes());
    value.extend_from_slice(&pointed.bytes.to_le_bytes());
    value
}

/// Returns the beginning of the record that a value is or leads to.
pub(super) fn head(value: &[u8]) -> &[u8] {
    let is_pointer = [PACK, SEGMENT].iter().any(|tag| parse(tag, value).is_some());
    if is_pointer { &value[size_of::<Tag>()..size_of::<Tag>() + HEAD] } else { value }
}
