//! The cost of a record in the file, and the part of the file for records.
//!
//! redb stores a value in a leaf page of 4 KiB together with others, or, if it is larger, in a run
//! of pages whose number is a power of two. A record in a segment costs the file its pointer, and
//! the segments its bytes. Nothing here is exact:
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

/// Returns the length that the file and the segments may have together.
pub(super) fn file_bytes(max_bytes: u64) -> u64 {
    max_bytes - journal_bytes(max_bytes)
}

/// The least bound of the file; the index of documents in use needs it.
const LEAST_FILE: u64 = 32 << 20;

/// The least number of segments for which a store has room; with less room it has none.
const LEAST_SEGMENTS: u64 = 4;

/// The parts of the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// The length of each journal.
    pub(super) journal: u64,
    /// The length of the file.
    pub(super) file: u64,
    /// The length of all segments together.
    pub(super) segments: u64,
}

impl Limits {
    /// Returns the limits of a store without files.
    #[cfg(test)]
    pub(super) const NONE: Self = Self { journal: 0, file: u64::MAX, segments: 0 };

    /// Divides a bound: a quarter is for the file, which leads to records in segments. A file that
    /// is longer, as an earlier version made it, takes room from the segments.
    pub(super) fn of(max_bytes: u64, file: u64, segments: u64) -> Self {
        let (journal, both) = (journal_bytes(max_bytes) / 2, file_bytes(max_bytes));
        if !Self::is_over(max_bytes, file, segments) {
            let file = file.max(usual_file_bytes(max_bytes));
            return Self { journal, file, segments: segment_bytes(max_bytes, file) };
        }
        // Both get less than they have.
        let least = if segments > 0 { LEAST_SEGMENTS * journal } else { 0 };
        let segments = segments.max(least).min(most_in_segments(max_bytes));
        Self { journal, file: both - segments, segments }
    }

    /// Returns true if a file and segments are longer than they may be.
    pub(super) fn is_over(max_bytes: u64, file: u64, segments: u64) -> bool {
        // A version without a journal let the file have all.
        file > max_bytes || segments > segment_bytes(max_bytes, file)
    }

    /// Returns the most bytes of live records in segments: both journals and a quarter of the rest,
    /// for dead records, are left free.
    pub(super) fn max_in_segments(self) -> u64 {
        self.comfortable_segments() / 4 * 3
    }

    /// Returns the length of all segments that leaves room for the journals that come next.
    pub(super) fn comfortable_segments(self) -> u64 {
        self.segments.saturating_sub(2 * self.journal)
    }
}

/// Returns the most bytes of a file, unless it is longer already.
pub(super) fn usual_file_bytes(max_bytes: u64) -> u64 {
    file_bytes(max_bytes) - most_in_segments(max_bytes)
}

/// Returns the most bytes of the segments beside a file.
fn segment_bytes(max_bytes: u64, file: u64) -> u64 {
    let file = file.max(usual_file_bytes(max_bytes));
    enough(max_bytes, file_bytes(max_bytes).saturating_sub(file))
}

fn most_in_segments(max_bytes: u64) -> u64 {
    let both = file_bytes(max_bytes);
    enough(max_bytes, both.saturating_sub((both / 4).max(LEAST_FILE)))
}

/// Returns the room for segments, or 0 if it is too small for segments.
fn enough(max_bytes: u64, segments: u64) -> u64 {
    let least = LEAST_SEGMENTS * (journal_bytes(max_bytes) / 2);
    if segments >= least { segments } else { 0 }
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
    use super::{Limits, of_record};

    #[test]
    fn a_record_costs_whole_runs_of_pages() {
        let pages = |len| of_record(len) / super::PAGE_BYTES;
        assert_eq!(of_record(100), 2 * 144 + 256);
        assert_eq!(pages(3_000), 1);
        assert_eq!(pages(5_000), 2);
        assert_eq!(pages(9_000), 4);
        assert_eq!(pages(1 << 20), 512);
    }

    #[test]
    fn the_limits_are_parts_of_the_bound() {
        const MIB: u64 = 1 << 20;
        for max_bytes in [MIB, 8 * MIB, 64 * MIB, 128 * MIB, 1 << 30, 1 << 40] {
            for file in [0, max_bytes / 8, max_bytes / 2, max_bytes] {
                let limits = Limits::of(max_bytes, file, 0);
                assert!(limits.file >= file && limits.file <= max_bytes.max(file));
                let both = 2 * limits.journal + limits.file.max(file) + limits.segments;
                assert!(both <= max_bytes || limits.segments == 0, "{max_bytes} {limits:?}");
            }
        }
        assert_eq!(Limits::of(16 * MIB, 0, 0).segments, 0);
        let limits = Limits::of(64 * MIB, 0, 0);
        assert_eq!((limits.journal, limits.file, limits.segments), (4 * MIB, 32 * MIB, 24 * MIB));
    }

    #[test]
    fn a_lower_bound_gives_file_and_segments_their_shares() {
        const MIB: u64 = 1 << 20;
        let limits = |file: u64, segments: u64| {
            assert!(Limits::is_over(64 * MIB, file * MIB, segments * MIB));
            let limits = Limits::of(64 * MIB, file * MIB, segments * MIB);
            (limits.file / MIB, limits.segments / MIB)
        };
        assert_eq!(limits(10, 100), (32, 24));
        assert_eq!(limits(100, 10), (40, 16));
        assert_eq!(limits(100, 0), (56, 0));
        assert!(!Limits::is_over(64 * MIB, 64 * MIB, 0));
        assert!(Limits::is_over(64 * MIB, 64 * MIB, 1));
    }
}
