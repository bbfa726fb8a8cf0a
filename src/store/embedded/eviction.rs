//! The choice of records to evict: documents in use stay.
//!
//! This is the CLOCK algorithm. A hand passes the records in the order of their expiry. It evicts a
//! document that no client has requested again since the fetch, and spares every other one. So the
//! documents of a scan make room for each other. If a whole round finds no document to evict, all
//! documents are in use, and the least recently used ones are evicted.
//!
//! The subtle thing is the cost: the hand stays in its place between two batches, so it passes a
//! record in use once per round, not once per batch.

use std::collections::BinaryHeap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::fault::FileFault;
use super::in_use::{ByKey, IndexState};
use super::write_tables::{ExpiryRow, Taken, WriteTables};
use crate::clock::Timestamp;
use crate::store::index::{InUse, Used, Uses};
use crate::target::Key;

/// The records that the hand reads together.
const STEP: usize = 64;

/// The most that one transaction evicts, in the cost of the records: more than a batch adds.
const PIECE_BYTES: u64 = 32 << 20;

/// The same of records in segments, by their bytes: more than a journal brings.
const SEGMENT_PIECE_BYTES: u64 = 64 << 20;

/// The most documents that a round remembers: the least recently used of those that it spared.
const LEAST_RECENT: usize = 4_096;

/// The hand of the clock, and the sources of uses.
#[derive(Default)]
pub(super) struct Evictor {
    hand: Mutex<Option<ExpiryRow>>,
    pub(super) index: Arc<IndexState>,
    uses: OnceLock<Arc<dyn Uses>>,
}

impl fmt::Debug for Evictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evictor").field("hand", &self.hand).finish_non_exhaustive()
    }
}

/// A round of the hand over all records.
#[derive(Default)]
struct Round {
    has_found: bool,
    /// The records that the hand spared. A full heap drops its largest element, the most recently
    /// used record.
    spared: BinaryHeap<(Timestamp, ExpiryRow)>,
}

impl Evictor {
    /// Makes memory the first source of uses. Memory knows of a use at once, the index later.
    pub(super) fn consult(&self, uses: Arc<dyn Uses>) {
        // The first source stays: there is one memory.
        let _ = self.uses.set(uses);
    }

    /// Removes records until the others take at most `most`, with a bound on the work.
    pub(super) fn make_room(
        &self,
        tables: &mut WriteTables<'_>,
        most: Taken,
    ) -> Result<(), FileFault> {
        let most = a_piece(tables.taken(), most);
        let mut hand = self.hand.lock();
        // `None` until the hand reaches the end: a whole round starts at the first record.
        let mut round: Option<Round> = None;
        let mut index = None;
        while tables.taken().is_over(most) {
            let rows = tables.rows_after(*hand, STEP)?;
            if rows.is_empty() {
                *hand = None;
                match round.replace(Round::default()) {
                    Some(round) if !round.has_found => {
                        if round.spared.is_empty() {
                            return Ok(());
                        }
                        take_least_recent(tables, round, most)?;
                    }
                    _ => {}
                }
            }
            for row in rows {
                if !tables.taken().is_over(most) {
                    return Ok(());
                }
                *hand = Some(row);
                match self.used(tables, &row, &mut index)? {
                    Some(Used { at, is_repeated: true }) => {
                        round.iter_mut().for_each(|round| round.spare(at, row));
                    }
                    _ => {
                        round.iter_mut().for_each(|round| round.has_found = true);
                        tables.take(row)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the use of a document. If memory does not know the document, reads the index, once
    /// for all documents.
    fn used(
        &self,
        tables: &WriteTables<'_>,
        (_, key): &ExpiryRow,
        index: &mut Option<ByKey>,
    ) -> Result<Option<Used>, FileFault> {
        let key = Key::from(*key);
        if let Some(used) = self.uses.get().and_then(|uses| uses.of(key)) {
            return Ok(Some(used));
        }
        let index = match index {
            Some(index) => index,
            None => index.insert(tables.in_use(&self.index)?),
        };
        Ok(index.of(key).map(InUse::used))
    }
}

impl Round {
    fn spare(&mut self, used_at: Timestamp, row: ExpiryRow) {
        self.spared.push((used_at, row));
        if self.spared.len() > LEAST_RECENT {
            self.spared.pop();
        }
    }
}

/// Returns the part of what is taken that one transaction leaves.
fn a_piece(taken: Taken, most: Taken) -> Taken {
    let in_segments = taken.in_segments.saturating_sub(SEGMENT_PIECE_BYTES);
    Taken {
        in_file: most.in_file.max(taken.in_file.saturating_sub(PIECE_BYTES)),
        in_segments: most.in_segments.max(in_segments),
    }
}

fn take_least_recent(
    tables: &mut WriteTables<'_>,
    round: Round,
    most: Taken,
) -> Result<(), FileFault> {
    for (_, row) in round.spared.into_sorted_vec() {
        if !tables.taken().is_over(most) {
            break;
        }
        tables.take(row)?;
    }
    Ok(())
}
