//! The collection of segments: a segment with few live records gives its remaining ones up.
//!
//! svm appends the remaining records to the journal like any change, and the next merge writes
//! pointers to them there. The same merge takes the segment off the list, and then svm deletes its
//! file. If the process is killed before, the next one begins again, with the same records.

use redb::Database;

use super::{MOST_CHANGES, Staging};
use crate::clock::Timestamp;
use crate::store::embedded::fault::FileFault;
use crate::store::embedded::journal::{Frame, Framed, SealedJournal};
use crate::store::embedded::segment_tables::{self, Address, SegmentUse};
use crate::store::embedded::tables::{self, Room};
use crate::target::Key;

/// A segment whose remaining records are in a journal.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) segment: u64,
    /// The number of the last journal that has some of them.
    pub(super) journal: u64,
}

/// The result of moving the remaining records of a segment.
enum Move {
    /// Each record is in a journal or lost.
    Done,
    /// The journal has no room.
    NoRoom,
    /// The segment cannot be read now.
    Unreadable,
}

/// The most segments that give up their records at once. Each may have as many frames as a journal.
const MOST_AT_ONCE: usize = 4;

impl Staging {
    /// Moves the remaining records of segments to the journal: of segments that are less than half
    /// live, and of others if all together leave too little room for the next journals. Leaves room
    /// in the journal for other changes.
    pub(in crate::store::embedded) fn collect(&self, database: &Database) -> Result<(), FileFault> {
        let mut collected = self.merging.lock();
        let mut usage: Vec<(u64, SegmentUse)> =
            segment_tables::usage(database)?.into_iter().collect();
        usage.retain(|(number, _)| collected.iter().all(|it| it.segment != *number));
        usage.sort_unstable_by_key(|(_, it)| it.live.saturating_mul(1 << 10) / it.bytes.max(1));
        let mut bytes: u64 = usage.iter().map(|(_, it)| it.bytes).sum();
        let most = collected.len() + MOST_AT_ONCE;
        for (segment, it) in usage {
            let is_due = it.live * 2 < it.bytes || bytes > self.limits.comfortable_segments();
            if !is_due || collected.len() >= most {
                break;
            }
            match self.move_rest(database, segment)? {
                Move::Done => {}
                Move::NoRoom => break,
                Move::Unreadable => continue,
            }
            bytes -= it.bytes;
            let journal = self.journals[self.state.read().filling].number();
            collected.push(Collected { segment, journal });
        }
        Ok(())
    }

    /// Shrinks segments that exceed their bound, for example after it was lowered, with a bound on
    /// the work. Returns true if the segments became shorter and still exceed the bound.
    pub(in crate::store::embedded) fn shrink_segments(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<bool, FileFault> {
        let length = || -> Result<u64, FileFault> {
            Ok(segment_tables::usage(database)?.values().map(|it| it.bytes).sum())
        };
        let before = length()?;
        if before <= self.limits.segments {
            return Ok(false);
        }
        // The journal has room then.
        self.merge_all(database, now, room)?;
        self.collect(database)?;
        self.merge_all(database, now, room)?;
        let after = length()?;
        Ok(after < before && after > self.limits.segments)
    }

    /// Moves the remaining records of a segment to the journal.
    fn move_rest(&self, database: &Database, number: u64) -> Result<Move, FileFault> {
        let file = match self.segments.file(number) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Move::Done),
            Err(error) => {
                let is_lost = self.segments.note_missing(number, Some(&error));
                return Ok(if is_lost { Move::Done } else { Move::Unreadable });
            }
        };
        let segment = SealedJournal { file: &file, number };
        let mut at = None;
        loop {
            let (frames, next) = match segment.frames(at) {
                Ok((frames, next)) if !frames.is_empty() => (frames, next),
                Ok(_) => return Ok(Move::Done),
                // The records behind it are lost, and the segment is of no use.
                Err(error) if self.segments.note_unreadable(number, &error) => {
                    return Ok(Move::Done);
                }
                Err(_) => return Ok(Move::Unreadable),
            };
            let Some(rest) = self.rest(database, segment, frames)? else {
                return Ok(Move::Unreadable);
            };
            if !self.append_rest(rest)? {
                return Ok(Move::NoRoom);
            }
            at = Some(next);
        }
    }

    /// Returns the records of those frames to which a pointer leads, or `None` if svm cannot read
    /// one now.
    fn rest(
        &self,
        database: &Database,
        segment: SealedJournal<'_>,
        frames: Vec<Framed>,
    ) -> Result<Option<Vec<Frame>>, FileFault> {
        let keys = frames.iter().map(|it| Key::from(it.key));
        let addresses = tables::addresses(database, keys)?;
        let leads_here = |(framed, address): (Framed, Option<Address>)| {
            let here = Address { segment: segment.number, span: framed.span };
            (address == Some(here)).then_some(framed)
        };
        let mut rest = Vec::new();
        for Framed { key, as_of, span } in frames.into_iter().zip(addresses).filter_map(leads_here)
        {
            match segment.read_whole(span) {
                Ok(Some(record)) => rest.push(Frame { key, as_of, record }),
                // It is damaged.
                Ok(None) => {}
                Err(error) if self.segments.note_unreadable(segment.number, &error) => {}
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(rest))
    }

    /// Appends the records whose keys have no staged change. Returns false if the journal has no
    /// room.
    fn append_rest(&self, mut rest: Vec<Frame>) -> Result<bool, FileFault> {
        let _appending = self.appending.lock();
        {
            let state = self.state.read();
            rest.retain(|frame| state.find(&frame.key).is_none());
            let bytes: u64 = rest.iter().map(Frame::bytes).sum();
            let (filling, most) = (state.filling, self.limits.journal / 4 * 3);
            let changes = state.changes[filling].len() + rest.len();
            if self.journals[filling].bytes() + bytes > most || changes > MOST_CHANGES / 4 * 3 {
                return Ok(false);
            }
        }
        self.append_alone(&rest)?;
        Ok(true)
    }
}
