//! The cost of a record in the file, and the part of the file for records.
//!
//! redb stores a value in a leaf page of 4 KiB together with others, or, if it is larger, in a run
//! of pages whose number is a power of two. Nothing here is exact:
//! [`BoundedFile`](super::bounded::BoundedFile) enforces the bound of the file, and these sizes
//! keep the store below that bound.

use super::bounded::PAGE_BYTES;
use super::journal;

/// The bytes of a record in its leaf beside the value: the key, its place, a share of the head.
const LEAF_BYTES: u64 = 44;

/// The row in the index by expiry, and the share in the branches above both.
const INDEX_BYTES: u64 = 256;

/// Returns the cost of a record of `len` bytes in the file.
pub(super) fn of_record(len: usize) -> u64 {
    let in_leaf = len as u64 + LEAF_BYTES;
    let pages = in_leaf.div_ceil(PAGE_BYTES).next_power_of_two();
    // Several small records share a leaf that is about two thirds full, and at worst half full.
    let leaf = (in_leaf * 2).min(pages * PAGE_BYTES);
    leaf + INDEX_BYTES
}

/// Returns the most bytes of both journals together: an eighth of the bound of the store, up to a
/// limit.
pub(super) fn journal_bytes(max_bytes: u64) -> u64 {
    (max_bytes / 8).min(2 * journal::LARGEST)
}

/// Returns the most bytes of the database file.
pub(super) fn file_bytes(max_bytes: u64) -> u64 {
    max_bytes - journal_bytes(max_bytes)
}

/// The cost of the largest batch while the records that it replaces are still there.
const BATCH_BYTES: u64 = 32 << 20;

/// Returns the most that records may cost in a file of `max_bytes`. This leaves room for a batch,
/// and a quarter of the rest for the gaps between runs of pages.
pub(super) fn max_live(max_bytes: u64) -> u64 {
    (max_bytes - BATCH_BYTES.min(max_bytes / 2)) / 4 * 3
}

#[cfg(test)]
mod tests {
    use super::of_record;

    #[test]
    fn a_record_costs_whole_runs_of_pages() {
        let pages = |len| of_record(len) / super::PAGE_BYTES;
        assert_eq!(of_record(100), 2 * 144 + 256);
        assert_eq!(pages(3_000), 1);
        assert_eq!(pages(5_000), 2);
        assert_eq!(pages(9_000), 4);
        assert_eq!(pages(1 << 20), 512);
    }
}
