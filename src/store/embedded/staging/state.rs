//! The newest staged change of each key in each journal.

use std::collections::HashMap;

use redb::Database;

use crate::clock::Timestamp;
use crate::store::embedded::KeyBytes;
use crate::store::embedded::fault::FileFault;
use crate::store::embedded::journal::{Recorded, Recovered, Span};
use crate::store::embedded::{packs, tables};
use crate::store::record;
use crate::target::Key;

/// The staged changes of two journals.
#[derive(Debug)]
pub(super) struct StagedChanges {
    /// The journal to which changes are appended. The other one is sealed: it is empty, or the
    /// database must take in its changes.
    pub(super) filling: usize,
    pub(super) changes: [HashMap<KeyBytes, Staged>; 2],
}

/// The newest change of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged {
    pub(super) as_of: Timestamp,
    /// The place of the record and the end of its keeping; `None` for a removal.
    pub(super) put: Option<(Span, Timestamp)>,
}

impl From<Recorded> for Staged {
    fn from(change: Recorded) -> Self {
        Self { as_of: change.checked_at, put: change.put }
    }
}

impl Staged {
    /// Returns true as [`record::gives_way`](crate::store::record::gives_way) does, for a staged
    /// change.
    pub(super) fn gives_way(self, as_of: Timestamp, now: Timestamp) -> bool {
        self.put.is_none() || record::is_no_newer(self.as_of, as_of, now)
    }

    /// Returns true for a record that goes into a pack.
    pub(super) fn is_small(self) -> bool {
        self.put.is_some_and(|(span, _)| span.len() <= packs::LARGEST)
    }
}

impl StagedChanges {
    /// Returns the changes of two journals, except changes for which the database has newer
    /// records.
    pub(super) fn recover(
        database: &Database,
        journals: &[Recovered; 2],
        now: Timestamp,
    ) -> Result<Self, FileFault> {
        let later = usize::from(journals[1].journal.number() > journals[0].journal.number());
        let mut state = Self { filling: later, changes: Default::default() };
        // The latest time of each key, even if a change with an earlier one follows in the journal.
        let mut vouched: HashMap<KeyBytes, Timestamp> = HashMap::new();
        for journal in [1 - later, later] {
            for change in &journals[journal].changes {
                let known = vouched.entry(change.key).or_default();
                *known = change.as_of.max(*known);
                state.changes[journal].insert(change.key, Staged::from(*change));
            }
            state.drop_outdated(database, journal, &vouched, now)?;
        }
        if state.changes[later].is_empty() {
            let is_filled = |journal: &usize| !state.changes[*journal].is_empty();
            state.filling = [0, 1].into_iter().find(is_filled).unwrap_or(0);
        }
        Ok(state)
    }

    fn drop_outdated(
        &mut self,
        database: &Database,
        journal: usize,
        vouched: &HashMap<KeyBytes, Timestamp>,
        now: Timestamp,
    ) -> Result<(), FileFault> {
        let keys: Vec<KeyBytes> = self.changes[journal].keys().copied().collect();
        let stored = tables::checked(database, keys.iter().map(|key| Key::from(*key)))?;
        for (key, stored) in keys.iter().zip(stored) {
            let vouched = vouched.get(key).copied().unwrap_or_default();
            if stored.is_some_and(|stored| !record::is_no_newer(stored, vouched, now)) {
                self.changes[journal].remove(key);
            }
        }
        Ok(())
    }

    /// Returns the journal whose changes the database must take in.
    pub(super) fn sealed(&self) -> usize {
        1 - self.filling
    }

    /// Returns the newest change of a key, and its journal.
    pub(super) fn find(&self, key: &KeyBytes) -> Option<(usize, Staged)> {
        let find = |journal: usize| Some((journal, *self.changes[journal].get(key)?));
        find(self.filling).or_else(|| find(self.sealed()))
    }

    /// Returns the sealed journal, and its changes in their order.
    pub(super) fn sealed_changes(&self) -> (usize, Vec<(KeyBytes, Staged)>) {
        let sealed = self.sealed();
        let changes = self.changes[sealed].iter().map(|(key, staged)| (*key, *staged));
        let mut changes: Vec<_> = changes.collect();
        // So documents that arrived together lie together in packs.
        changes.sort_unstable_by_key(|(_, staged)| staged.put.map(|(span, _)| span));
        (sealed, changes)
    }

    /// Turns expired records into removals. The journals still contain the records, which expire
    /// again after a restart.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for staged in self.changes.iter_mut().flat_map(HashMap::values_mut) {
            staged.put = staged.put.filter(|(_, until)| *until > now);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.changes.iter().map(HashMap::len).sum()
    }
}
