//! Changes that are in the journal and not yet in the database, which takes in many of them at
//! once.
//!
//! A record goes into a page of its own, for the order of the keys is random; but a commit also
//! writes all pages above, and the state of the allocator. So commits are few and large. Reads look
//! here first. The subtle thing is the order in a merge: the database commits, and then the changes
//! are forgotten here, so a read finds a record in one place or in both. A process killed in
//! between merges again, which changes nothing.

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::RwLock;
use redb::Database;

use super::KeyBytes;
use super::fault::Fault;
use super::journal::{Frame, Journal, Span};
use super::tables::{self, Room};
use crate::clock::Timestamp;
use crate::store::{Change, record};
use crate::target::Key;

/// How many changes may be staged: what is known of them is in memory, some 100 bytes each.
const MOST_CHANGES: usize = 16_384;

/// The changes that take the database a fraction of a second, also on a slow disk.
const FEW_CHANGES: usize = 4_096;

/// The bodies that are encoded together, which are in memory twice for a moment.
const PART_BYTES: usize = 1 << 20;

/// The staged changes of a database.
#[derive(Debug)]
pub(super) struct Staging {
    journal: Journal,
    /// How long the journal may be.
    max_bytes: u64,
    changes: RwLock<HashMap<KeyBytes, Staged>>,
}

/// The newest change of a key.
#[derive(Clone, Copy, Debug)]
struct Staged {
    as_of: Timestamp,
    /// Nothing for a removal.
    put: Option<(Span, Timestamp)>,
}

impl Staged {
    fn new(frame: &Frame, span: Span) -> Self {
        let until = record::peek(&frame.record).ok().map(|peek| peek.keep_until);
        Self { as_of: frame.as_of, put: until.map(|until| (span, until)) }
    }

    /// The same as [`record::gives_way`].
    fn gives_way(self, as_of: Timestamp, now: Timestamp) -> bool {
        self.put.is_none() || self.as_of <= as_of || self.as_of > now
    }

    fn has_expired(self, now: Timestamp) -> bool {
        self.put.is_some_and(|(_, until)| until <= now)
    }
}

impl Staging {
    /// The changes in a journal.
    pub(super) fn open(file: std::fs::File, max_bytes: u64) -> Result<Self, std::io::Error> {
        let mut changes = HashMap::new();
        let journal = Journal::open(file, |frame, span| {
            changes.insert(frame.key, Staged::new(&frame, span));
        })?;
        Ok(Self { journal, max_bytes, changes: RwLock::new(changes) })
    }

    /// Copies of the records of these keys, in their order.
    pub(super) fn read(
        &self,
        database: &Database,
        keys: &[Key],
    ) -> Result<Vec<Option<Bytes>>, Fault> {
        let staged = self.read_staged(keys)?;
        let others: Vec<_> =
            keys.iter().zip(&staged).filter(|(_, it)| it.is_none()).map(|(key, _)| *key).collect();
        let mut others = tables::read(database, &others)?.into_iter();
        Ok(staged.into_iter().map(|it| it.or_else(|| others.next()).flatten()).collect())
    }

    fn read_staged(&self, keys: &[Key]) -> Result<Vec<Option<Option<Bytes>>>, Fault> {
        // Held while the journal is read: until then it is not begun anew.
        let changes = self.changes.read();
        let read = |key: &Key| match changes.get(key.as_bytes()) {
            None => Ok(None),
            Some(Staged { put: None, .. }) => Ok(Some(None)),
            Some(Staged { put: Some((span, _)), .. }) => {
                Ok(Some(Some(self.journal.read(*span).map_err(Fault::Io)?.into())))
            }
        };
        keys.iter().map(read).collect()
    }

    /// Applies a batch. There is one writer.
    pub(super) fn apply(
        &self,
        database: &Database,
        batch: &[Change],
        now: Timestamp,
        room: Room<'_>,
    ) -> Result<(), Fault> {
        let mut rest = batch;
        while !rest.is_empty() {
            let (part, others) = rest.split_at(part(rest));
            rest = others;
            self.apply_part(database, part, now, room)?;
        }
        self.journal.sync().map_err(Fault::Io)
    }

    fn apply_part(
        &self,
        database: &Database,
        part: &[Change],
        now: Timestamp,
        room: Room<'_>,
    ) -> Result<(), Fault> {
        let frames = self.frames(database, part, now)?;
        if frames.is_empty() {
            return Ok(());
        }
        let bytes: u64 = frames.iter().map(Frame::bytes).sum();
        let is_full = self.journal.bytes() + bytes > self.max_bytes
            || self.changes.read().len() + frames.len() > MOST_CHANGES;
        if is_full {
            self.merge(database, now, room)?;
        }
        if self.journal.bytes() + bytes > self.max_bytes {
            // A journal so short is no use.
            return tables::apply(database, part, now, room);
        }
        let spans = self.journal.append(&frames).map_err(Fault::Io)?;
        let staged = frames.iter().zip(spans);
        let staged = staged.map(|(frame, span)| (frame.key, Staged::new(frame, span)));
        self.changes.write().extend(staged);
        Ok(())
    }

    /// Returns the frames of a batch, without the changes that are older than a stored one.
    fn frames(
        &self,
        database: &Database,
        batch: &[Change],
        now: Timestamp,
    ) -> Result<Vec<Frame>, Fault> {
        let mut newest: HashMap<KeyBytes, Timestamp> = HashMap::new();
        let mut frames = Vec::with_capacity(batch.len());
        let stored = tables::checked(database, batch.iter().map(Change::key))?;
        for (change, stored) in batch.iter().zip(stored) {
            let (key, as_of) = (*change.key().as_bytes(), change.as_of());
            let staged = self.changes.read().get(&key).copied();
            let gives_way = match (newest.get(&key), staged) {
                (Some(before), _) => *before <= as_of || *before > now,
                (None, Some(staged)) => staged.gives_way(as_of, now),
                (None, None) => stored.is_none_or(|stored| stored <= as_of || stored > now),
            };
            if !gives_way {
                continue;
            }
            let record = match change {
                Change::Put { entry, keep_until } => record::encode(entry, *keep_until),
                Change::Remove { .. } => Vec::new(),
            };
            match change {
                Change::Put { .. } => newest.insert(key, as_of),
                // Anything may follow a removal.
                Change::Remove { .. } => newest.insert(key, Timestamp::default()),
            };
            frames.push(Frame { key, as_of, record });
        }
        Ok(frames)
    }

    /// Removes some of what has expired, and makes room.
    pub(super) fn sweep(
        &self,
        database: &Database,
        now: Timestamp,
        room: Room<'_>,
    ) -> Result<(), Fault> {
        // The journal keeps them, and they expire again after a restart.
        for staged in self.changes.write().values_mut() {
            if staged.has_expired(now) {
                staged.put = None;
            }
        }
        tables::sweep(database, now, room)
    }

    /// The same as [`Staging::merge`] where that is quick: at the end nobody waits for long, and a
    /// journal is read quickly as well.
    pub(super) fn merge_if_few(
        &self,
        database: &Database,
        now: Timestamp,
        room: Room<'_>,
    ) -> Result<(), Fault> {
        let is_few = self.changes.read().len() <= FEW_CHANGES;
        if is_few { self.merge(database, now, room) } else { Ok(()) }
    }

    /// Has the database take in all that is staged.
    pub(super) fn merge(
        &self,
        database: &Database,
        now: Timestamp,
        room: Room<'_>,
    ) -> Result<(), Fault> {
        let mut staged: Vec<_> =
            self.changes.read().iter().map(|(key, staged)| (*key, *staged)).collect();
        if staged.is_empty() {
            return Ok(());
        }
        // Documents that came together go together.
        staged.sort_unstable_by_key(|(_, staged)| staged.put.map(|(span, _)| span));
        let changes = staged.into_iter().map(|(key, staged)| {
            let record = match staged.put {
                Some((span, until)) => Some((self.journal.read(span).map_err(Fault::Io)?, until)),
                None => None,
            };
            Ok((key, record))
        });
        tables::merge(database, changes, now, room)?;
        let mut changes = self.changes.write();
        self.journal.reset().map_err(Fault::Io)?;
        *changes = HashMap::new();
        Ok(())
    }
}

/// How many changes of a batch are encoded together; one at least.
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
