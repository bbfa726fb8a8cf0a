//! The staged changes: they are in a journal and not yet in the database, which takes in many of
//! them at once.
//!
//! The order of the keys is random, so each change of a key writes a page, and a commit also writes
//! all pages above and the state of the allocator. So commits are few and large. There are two
//! journals: while the database takes in the changes of one, svm appends changes to the other.
//! Reads look at the staged changes first. The subtle thing is the order in a merge: first the
//! database commits, and then the staged changes are dropped, so a read finds a record in one place
//! or in both. If the process is killed in between, the next one merges the same changes again,
//! which has no effect.

mod collect;
mod merge;
mod state;

use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use redb::Database;

use self::collect::Collected;
use self::state::{Staged, StagedChanges};
use super::KeyBytes;
use super::fault::FileFault;
use super::journal::{Frame, Journal, Recovered};
use super::place::Place;
use super::segment_tables::Address;
use super::segments::Segments;
use super::size::Limits;
use super::tables::{self, Room};
use crate::clock::Timestamp;
use crate::store::{Change, record};
use crate::target::Key;

/// The most changes that are staged in one journal. They fill a hash table of 32,768 places, which
/// takes 2.4 MB.
const MOST_CHANGES: usize = 28_672;

/// The changes that the database takes in within a fraction of a second, even on a slow disk.
const FEW_CHANGES: usize = 4_096;

/// The bytes of bodies that are encoded together. They are in memory twice for a moment.
const PART_BYTES: usize = 1 << 20;

/// The staged changes of a database.
#[derive(Debug)]
pub(super) struct Staging {
    journals: [Journal; 2],
    segments: Segments,
    limits: Limits,
    state: RwLock<StagedChanges>,
    /// Locked from an append until the state has its changes, and while the journals change their
    /// roles.
    appending: Mutex<()>,
    /// Locked during a merge, a collection and a sweep.
    merging: Mutex<Vec<Collected>>,
}

/// A record that svm did not find at the place to which its pointer leads.
struct MissingRecord {
    pointer: Bytes,
    segment: u64,
    error: Option<io::Error>,
}

impl Staging {
    /// Stages the changes of two journals, except changes for which the database has newer records:
    /// a version of svm without journals may have written those.
    pub(super) fn open(
        database: &Database,
        journals: [Recovered; 2],
        (segments, limits): (Segments, Limits),
        now: Timestamp,
    ) -> Result<Self, FileFault> {
        let state = StagedChanges::recover(database, &journals, now)?;
        let [filling, sealed] = [state.filling, state.sealed()];
        let journals = journals.map(|recovered| recovered.journal);
        let last_segment = segments.last();
        if state.changes[filling].is_empty() && journals[filling].number() <= last_segment {
            // No journal has the number of a segment.
            journals[filling].empty(last_segment).map_err(FileFault::Io)?;
        }
        if state.changes[sealed].is_empty() {
            let number = journals[filling].number().max(last_segment);
            journals[sealed].empty(number).map_err(FileFault::Io)?;
        }
        let state = RwLock::new(state);
        Ok(Self {
            journals,
            segments,
            limits,
            state,
            appending: Mutex::default(),
            merging: Mutex::default(),
        })
    }

    /// Returns copies of the records of these keys, in their order.
    pub(super) fn read(
        &self,
        database: &Database,
        keys: &[Key],
    ) -> Result<Vec<Option<Bytes>>, FileFault> {
        let read = |(key, record): (&Key, Result<_, MissingRecord>)| match record {
            Ok(record) => Ok(record),
            // A merge has moved it meanwhile.
            Err(_) => self.read_again(database, *key),
        };
        keys.iter().zip(self.look_up(database, keys)?).map(read).collect()
    }

    /// Reads a record a second time. If its segment cannot be read, returns the pointer, which
    /// cannot be decoded, so that nobody takes the record for removed.
    fn read_again(&self, database: &Database, key: Key) -> Result<Option<Bytes>, FileFault> {
        match self.look_up(database, &[key])?.pop() {
            Some(Err(MissingRecord { pointer, segment, error })) => {
                let is_lost = self.segments.note_missing(segment, error.as_ref());
                Ok((!is_lost).then_some(pointer))
            }
            Some(Ok(record)) => Ok(record),
            None => Ok(None),
        }
    }

    fn look_up(
        &self,
        database: &Database,
        keys: &[Key],
    ) -> Result<Vec<Result<Option<Bytes>, MissingRecord>>, FileFault> {
        let staged = self.read_staged(keys)?;
        let others: Vec<_> =
            keys.iter().zip(&staged).filter(|(_, it)| it.is_none()).map(|(key, _)| *key).collect();
        let mut others = tables::read(database, &others)?.into_iter();
        let read = |(key, staged): (&Key, Option<Option<Bytes>>)| match staged {
            Some(staged) => Ok(staged),
            None => self.follow(key, others.next().flatten()),
        };
        Ok(keys.iter().zip(staged).map(read).collect())
    }

    /// Returns the record that a stored value is or leads to.
    fn follow(&self, key: &Key, value: Option<Bytes>) -> Result<Option<Bytes>, MissingRecord> {
        let Some(value) = value else { return Ok(None) };
        let Some(address) = Address::of(&value) else { return Ok(Some(value)) };
        let missing = |error| MissingRecord { pointer: value, segment: address.segment, error };
        match self.segments.read(key.as_bytes(), address) {
            Ok(Some(record)) => Ok(Some(record.into())),
            Ok(None) => Err(missing(None)),
            Err(error) => Err(missing(Some(error))),
        }
    }

    fn read_staged(&self, keys: &[Key]) -> Result<Vec<Option<Option<Bytes>>>, FileFault> {
        // Locked while the journals are read, so that none of them is emptied.
        let state = self.state.read();
        let read = |key: &Key| match state.find(key.as_bytes()) {
            None => Ok(None),
            Some((_, Staged { put: None, .. })) => Ok(Some(None)),
            Some((journal, Staged { put: Some((span, _)), .. })) => {
                let record = self.journals[journal].read(span).map_err(FileFault::Io)?;
                Ok(Some(Some(record.into())))
            }
        };
        keys.iter().map(read).collect()
    }

    /// Applies a batch. Only one call at a time may write to the journals.
    pub(super) fn apply(
        &self,
        database: &Database,
        batch: &[Change],
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let mut rest = batch;
        while !rest.is_empty() {
            let (part, others) = rest.split_at(part(rest));
            rest = others;
            self.apply_part(database, part, now, room)?;
        }
        self.journals.iter().try_for_each(Journal::sync).map_err(FileFault::Io)
    }

    fn apply_part(
        &self,
        database: &Database,
        part: &[Change],
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let frames = self.frames(database, part, now)?;
        if frames.is_empty() {
            return Ok(());
        }
        let bytes: u64 = frames.iter().map(Frame::bytes).sum();
        if bytes >= self.limits.journal {
            // The changes do not fit into a journal, so the database takes them in at once.
            self.merge_all(database, now, room)?;
            return tables::apply(database, part, now, &room.within(self.limits));
        }
        if self.is_full_with(bytes, frames.len()) {
            // The changes wait here only if the merge of the other journal has not kept up.
            self.merge_sealed(database, now, room)?;
            self.seal()?;
        }
        self.append(&frames)
    }

    fn is_full_with(&self, bytes: u64, changes: usize) -> bool {
        let state = self.state.read();
        let filling = state.filling;
        self.journals[filling].bytes() + bytes > self.limits.journal
            || state.changes[filling].len() + changes > MOST_CHANGES
    }

    fn append(&self, frames: &[Frame]) -> Result<(), FileFault> {
        let _appending = self.appending.lock();
        self.append_alone(frames)
    }

    /// Appends changes. The caller holds the lock for appends.
    fn append_alone(&self, frames: &[Frame]) -> Result<(), FileFault> {
        let filling = self.state.read().filling;
        let appended = self.journals[filling].append(frames)?;
        let staged = appended.into_iter().map(|change| (change.key, Staged::from(change)));
        self.state.write().changes[filling].extend(staged);
        Ok(())
    }

    /// Returns the frames of a batch, without changes that are older than the stored record.
    fn frames(
        &self,
        database: &Database,
        batch: &[Change],
        now: Timestamp,
    ) -> Result<Vec<Frame>, FileFault> {
        let mut newest: HashMap<KeyBytes, Timestamp> = HashMap::new();
        let mut frames = Vec::with_capacity(batch.len());
        // The staged changes first: a merge in between moves a change from here to the database.
        let staged = self.staged(batch);
        let stored = tables::checked(database, batch.iter().map(Change::key))?;
        for ((change, staged), stored) in batch.iter().zip(staged).zip(stored) {
            let (key, as_of) = (*change.key().as_bytes(), change.as_of());
            let before = newest.get(&key).copied();
            let is_applied = match (before, staged) {
                (Some(before), _) => record::is_no_newer(before, as_of, now),
                (None, Some(staged)) => staged.gives_way(as_of, now),
                (None, None) => stored.is_none_or(|stored| record::is_no_newer(stored, as_of, now)),
            };
            if !is_applied {
                continue;
            }
            let (record, newest_as_of) = match change.record() {
                Some((record, _)) => (record, as_of),
                // Any change may follow a removal.
                None => (Vec::new(), Timestamp::default()),
            };
            newest.insert(key, newest_as_of);
            // A time that is in the future now may be in the past at the next start, which would
            // take the replaced record for a newer one.
            let replaced = [before, staged.map(|staged| staged.as_of), stored];
            let as_of = replaced.into_iter().flatten().fold(as_of, Timestamp::max);
            frames.push(Frame { key, as_of, record });
        }
        Ok(frames)
    }

    fn staged(&self, batch: &[Change]) -> Vec<Option<Staged>> {
        let state = self.state.read();
        let staged = |change: &Change| Some(state.find(change.key().as_bytes())?.1);
        batch.iter().map(staged).collect()
    }

    /// Removes some of the expired records, and makes room.
    pub(super) fn sweep(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        self.state.write().expire(now);
        let _merging = self.merging.lock();
        tables::sweep(database, now, &room.within(self.limits))?;
        self.delete_unlisted(database)
    }

    /// Makes some room. Returns true if there is more to make.
    pub(super) fn evict(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<bool, FileFault> {
        let before = tables::taken(database)?;
        self.sweep(database, now, room)?;
        let taken = tables::taken(database)?;
        Ok(taken != before && taken.is_over(room.within(self.limits).most()))
    }

    /// Returns the places of the journals that svm can watch.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.journals.iter().filter_map(Journal::place)
    }

    #[cfg(test)]
    pub(super) fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Returns how many segments were found to have lost records since the last call.
    pub(super) fn take_lost(&self) -> u64 {
        self.segments.take_lost()
    }

    /// Returns true if there is a full journal whose changes the database must take in.
    pub(super) fn has_sealed(&self) -> bool {
        let state = self.state.read();
        !state.changes[state.sealed()].is_empty()
    }

    /// Merges all changes into the database if they are few. Many changes would delay the shutdown,
    /// and the next start reads them quickly from the journals.
    pub(super) fn merge_if_few(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        let is_few = self.state.read().len() <= FEW_CHANGES;
        if is_few { self.merge_all(database, now, room) } else { Ok(()) }
    }

    /// Merges all changes into the database.
    pub(super) fn merge_all(
        &self,
        database: &Database,
        now: Timestamp,
        room: &Room,
    ) -> Result<(), FileFault> {
        for _ in &self.journals {
            self.seal()?;
            self.merge_sealed(database, now, room)?;
        }
        Ok(())
    }

    /// Directs later changes to the other journal, if that is empty. An empty journal goes on
    /// instead: the other one has the higher number, so it must only get later changes.
    pub(super) fn seal(&self) -> Result<(), FileFault> {
        let _appending = self.appending.lock();
        let filling = self.state.read().filling;
        self.journals[filling].sync().map_err(FileFault::Io)?;
        let mut state = self.state.write();
        let sealed = state.sealed();
        if state.changes[sealed].is_empty() && !state.changes[filling].is_empty() {
            state.filling = sealed;
        }
        Ok(())
    }
}

/// Returns the number of changes of a batch that are encoded together, at least one.
fn part(batch: &[Change]) -> usize {
    let mut bytes = 0;
    let is_over = |change: &Change| {
        bytes += match change {
            Change::Put { entry, .. } => entry.body.len(),
            Change::Remove { .. } => 0,
        };
        bytes > PART_BYTES
    };
    batch.iter().position(is_over).unwrap_or(batch.len()).max(1)
}
