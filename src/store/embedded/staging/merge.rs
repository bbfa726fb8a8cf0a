//! The merge: the database takes in the changes of a journal, which may stay as a segment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;

use redb::Database;

use super::Staging;
use super::state::Staged;
use crate::clock::Timestamp;
use crate::store::embedded::KeyBytes;
use crate::store::embedded::fault::FileFault;
use crate::store::embedded::journal::Span;
use crate::store::embedded::pack_tables::Decided;
use crate::store::embedded::segment_tables::{self, Address};
use crate::store::embedded::tables::{self, Room};

/// The least bytes of a journal that becomes a segment, so that a quiet service collects no small
/// files.
pub(super) const LEAST_SEGMENT: u64 = 1 << 20;

/// The keys of the records that were damaged in the journal.
type Damaged = RefCell<Vec<KeyBytes>>;

/// The changes of the sealed journal.
struct Sealed {
    /// The journal among the two.
    journal: usize,
    changes: Vec<(KeyBytes, Staged)>,
    /// The segments whose remaining records are in this journal or an earlier one.
    emptied: Vec<u64>,
}

impl Staging {
    /// Merges the changes of the full journal into the database.
    pub(in crate::store::embedded) fn merge_sealed(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let mut collected = self.merging.lock();
        let (journal, changes) = self.state.read().sealed_changes();
        if changes.is_empty() {
            return Ok(());
        }
        let number = self.journals[journal].number();
        let emptied = collected.iter().filter(|it| it.journal <= number).map(|it| it.segment);
        let sealed = Sealed { journal, changes, emptied: emptied.collect() };
        let room = room.within(self.limits);
        match self.spare(database, &sealed)? {
            Some(spare) => self.keep_sealed(database, &sealed, spare, now, &room)?,
            None => self.copy_sealed(database, sealed, now, &room)?,
        }
        collected.retain(|it| it.journal > number);
        self.delete_unlisted(database)
    }

    /// Creates the journal that replaces the sealed one, if the sealed one becomes a segment.
    fn spare(&self, database: &Database, sealed: &Sealed) -> Result<Option<File>, FileFault> {
        let journal = &self.journals[sealed.journal];
        let spans = sealed.changes.iter().filter_map(|(_, staged)| staged.put);
        let live: u64 = spans.map(|(span, _)| span.framed_bytes()).sum();
        let bytes = journal.bytes();
        if bytes < LEAST_SEGMENT || live * 2 < bytes {
            return Ok(None);
        }
        let usage = segment_tables::usage(database)?;
        let before: u64 = usage.values().map(|it| it.bytes).sum();
        let emptied = sealed.emptied.iter().filter_map(|number| usage.get(number));
        let after = before + bytes - emptied.map(|it| it.bytes).sum::<u64>();
        // Segments over their bound may become fewer in steps.
        if after > self.limits.segments.max(before) {
            return Ok(None);
        }
        Ok(self.segments.spare(journal))
    }

    /// Adds pointers to the sealed journal, and keeps it as a segment.
    fn keep_sealed(
        &self,
        database: &Database,
        sealed: &Sealed,
        spare: File,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let journal = &self.journals[sealed.journal];
        let (number, damaged) = (journal.number(), RefCell::default());
        let mut values = Vec::with_capacity(sealed.changes.len());
        for (key, staged) in &sealed.changes {
            let Some((span, until)) = staged.put else {
                values.push((*key, None));
                continue;
            };
            if let Some(record) = self.read_sealed(sealed.journal, key, span, &damaged)? {
                let address = Address { segment: number, span };
                values.push((*key, Some((address.value(&record), until))));
            }
        }
        values.extend(removals(&damaged).map(|key| (key, None)));
        // Pointers lead to nothing that is not durable.
        journal.sync().map_err(FileFault::Io)?;
        let segment = (number, journal.bytes());
        tables::merge_segment(database, values, segment, &sealed.emptied, now, room)?;
        tell_damaged(&damaged);
        let located = self.segments.adopt(journal, spare).map_err(FileFault::Io)?;
        let filling = self.filling_number();
        let mut state = self.state.write();
        journal.go_on_in(located, filling);
        state.changes[sealed.journal] = HashMap::new();
        Ok(())
    }

    /// Returns the number of the journal to which changes are appended, which stays the same while
    /// the other one has changes. This waits for a sync of that journal, for which no read should
    /// have to wait, so the caller holds no lock of the state.
    fn filling_number(&self) -> u64 {
        let filling = self.state.read().filling;
        self.journals[filling].number()
    }

    /// Copies the records of the sealed journal, and empties it. A journal that was filled under a
    /// larger bound may be longer than the file, so the database takes it in in parts, and makes
    /// room after each. After a kill in between, the next process copies all parts again, which has
    /// no effect.
    fn copy_sealed(
        &self,
        database: &Database,
        sealed: Sealed,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let Sealed { journal, changes, emptied } = sealed;
        let mut rest = &changes[..];
        while !rest.is_empty() {
            let (part, others) = rest.split_at(part(rest, self.limits.journal));
            rest = others;
            // Each part may have records of these segments.
            let emptied = if rest.is_empty() { &emptied[..] } else { &[] };
            self.copy_part((journal, part), database, emptied, now, room)?;
        }
        let filling = self.filling_number();
        let mut state = self.state.write();
        self.journals[journal].empty(filling).map_err(FileFault::Io)?;
        state.changes[journal] = HashMap::new();
        Ok(())
    }

    /// Copies the records of some changes in a journal.
    fn copy_part(
        &self,
        (journal, changes): (usize, &[(KeyBytes, Staged)]),
        database: &Database,
        emptied: &[u64],
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let (small, others): (Vec<_>, Vec<_>) =
            changes.iter().copied().partition(|(_, staged)| staged.is_small());
        let damaged = RefCell::default();
        let kept = |(key, staged): (KeyBytes, Staged)| {
            let (span, until) = staged.put?;
            let record = self.read_sealed(journal, &key, span, &damaged).transpose()?;
            Some(record.map(|record| (key, (record, until))))
        };
        let small = small.into_iter().filter_map(kept);
        let others = others.into_iter().filter_map(|(key, staged)| match staged.put {
            None => Some(Ok((key, None))),
            Some(_) => kept((key, staged)).map(|kept| kept.map(decided)),
        });
        let others = others.chain(removals(&damaged).map(|key| Ok((key, None))));
        tables::merge(database, small, others, emptied, now, room)?;
        tell_damaged(&damaged);
        Ok(())
    }

    /// Returns the record of a key. If it is damaged, notes the key and returns `None`.
    fn read_sealed(
        &self,
        journal: usize,
        key: &KeyBytes,
        span: Span,
        damaged: &Damaged,
    ) -> Result<Option<Vec<u8>>, FileFault> {
        let record = self.journals[journal].read_whole(span).map_err(FileFault::Io)?;
        if record.is_none() {
            damaged.borrow_mut().push(*key);
        }
        Ok(record)
    }

    /// Deletes the files of segments that the database no longer lists.
    pub(super) fn delete_unlisted(&self, database: &Database) -> Result<(), FileFault> {
        self.segments.keep(&segment_tables::listed(database)?);
        Ok(())
    }
}

/// Returns the number of changes that the database takes in together, at least one: those with as
/// many bytes as a journal may have.
fn part(changes: &[(KeyBytes, Staged)], most: u64) -> usize {
    let mut bytes = 0;
    let is_over = |(_, staged): &(KeyBytes, Staged)| {
        bytes += staged.put.map_or(0, |(span, _)| span.framed_bytes());
        bytes > most
    };
    changes.iter().position(is_over).unwrap_or(changes.len()).max(1)
}

fn decided((key, kept): (KeyBytes, (Vec<u8>, Timestamp))) -> Decided {
    (key, Some(kept))
}

/// Returns the keys of damaged records, for their removal: otherwise the older records that they
/// have replaced would be visible again. The keys are read as they are needed, so that all records
/// before are known by then.
fn removals(damaged: &Damaged) -> impl Iterator<Item = KeyBytes> + '_ {
    (0..).map_while(|at| damaged.borrow().get(at).copied())
}

fn tell_damaged(damaged: &Damaged) {
    let records = damaged.borrow().len();
    if records > 0 {
        tracing::warn!(records, "dropping records that were damaged in the journal");
    }
}
