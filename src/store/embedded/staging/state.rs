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
    /// The journal that changes are appended to. The other one is sealed: the database is to take
    /// in its changes, or it is empty.
    pub(super) filling: usize,
    pub(super) changes: [HashMap<KeyBytes, Staged>; 2],
}

/// A change of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged {
    as_of: Timestamp,
    /// Nothing for a removal.
    pub(super) put: Option<(Span, Timestamp)>,
}

impl From<Recorded> for Staged {
    fn from(change: Recorded) -> Self {
        Self { as_of: change.as_of, put: change.put }
    }
}

impl Staged {
    /// The same as [`record::gives_way`](crate::store::record::gives_way).
    pub(super) fn gives_way(self, as_of: Timestamp, now: Timestamp) -> bool {
        self.put.is_none() || record::is_no_newer(self.as_of, as_of, now)
    }

    /// Returns true for a record that goes into a pack.
    pub(super) fn is_small(self) -> bool {
        self.put.is_some_and(|(span, _)| span.len() <= packs::LARGEST)
    }
}

impl StagedChanges {
    /// Takes the changes of two journals, but for those that the database has newer records for.
    pub(super) fn recover(
        database: &Database,
        journals: &[Recovered; 2],
        now: Timestamp,
    ) -> Result<Self, FileFault> {
        let later = usize::from(journals[1].journal.number() > journals[0].journal.number());
        let mut state = Self { filling: later, changes: Default::default() };
        // The latest moment that a change of a key vouches for, also one that another follows.
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

    /// Returns the journal whose changes the database is to take in.
    pub(super) fn sealed(&self) -> usize {
        1 - self.filling
    }

    /// Returns the newest change of a key, and its journal.
    pub(super) fn find(&self, key: &KeyBytes) -> Option<(usize, Staged)> {
        let find = |journal: usize| Some((journal, *self.changes[journal].get(key)?));
        find(self.filling).or_else(|| find(self.sealed()))
    }

    /// Returns the changes of the sealed journal, in their order.
    pub(super) fn sealed_changes(&self) -> (usize, Vec<(KeyBytes, Staged)>) {
        let sealed = self.sealed();
        let changes = self.changes[sealed].iter().map(|(key, staged)| (*key, *staged));
        let mut changes: Vec<_> = changes.collect();
        // Documents that came together go together.
        changes.sort_unstable_by_key(|(_, staged)| staged.put.map(|(span, _)| span));
        (sealed, changes)
    }

    /// Makes removals of records that have expired. The journals keep them, and they expire again
    /// after a restart.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for staged in self.changes.iter_mut().flat_map(HashMap::values_mut) {
            staged.put = staged.put.filter(|(_, until)| *until > now);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.changes.iter().map(HashMap::len).sum()
    }
}
