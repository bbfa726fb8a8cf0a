//! The tables in the file, and what one transaction does to them.
//!
//! Three tables change together: the records by key, an index of them by the end of their keeping,
//! and the sum of what they cost. The subtle thing is that a record may be damaged: then the index
//! row it once got cannot be told from it, so a row is only believed if the record it leads to
//! agrees with it.

use std::ops::Bound;

use bytes::Bytes;
use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::eviction::Evictor;
use super::fault::Fault;
use super::pack_tables::{self, PackTables, Values};
use super::packs::head;
use super::{KeyBytes, in_use, packs, size};
use crate::clock::Timestamp;
use crate::store::{Change, InUse, record};
use crate::target::Key;

pub(super) const RECORDS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("records");
const BY_EXPIRY: TableDefinition<'_, (u64, &[u8; 32]), ()> = TableDefinition::new("by_expiry");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const LAYOUT: &str = "layout";
const LAYOUT_VERSION: u64 = 1;
const LIVE_BYTES: &str = "live_bytes";

/// How many expired records one transaction takes along.
const EXPIRED_PER_CALL: usize = 1024;

/// A row of the index by expiry: the end of the keeping in milliseconds, and the key.
pub(super) type Row = (u64, KeyBytes);

/// The bytes that records may cost, and the choice of those that go.
#[derive(Clone, Copy)]
pub(super) struct Room<'a> {
    pub(super) max_live: u64,
    pub(super) evictor: &'a Evictor,
}

/// Makes the tables in a new file.
///
/// # Errors
///
/// [`Fault::Damaged`] if the tables are those of another version of this program.
pub(super) fn prepare(database: &Database) -> Result<(), Fault> {
    match layout(database)? {
        Some(LAYOUT_VERSION) => Ok(()),
        Some(other) => Err(Fault::Damaged(format!("the tables have layout {other}"))),
        None => in_transaction(database, |shelf| {
            shelf.meta.insert(LAYOUT, LAYOUT_VERSION)?;
            Ok(())
        }),
    }
}

fn layout(database: &Database) -> Result<Option<u64>, Fault> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    Ok(meta.get(LAYOUT)?.map(|version| version.value()))
}

/// A cheap read through every layer.
pub(super) fn probe(database: &Database) -> Result<(), Fault> {
    layout(database).map(|_| ())
}

/// Copies of the records of these keys, in their order.
pub(super) fn read(database: &Database, keys: &[Key]) -> Result<Vec<Option<Bytes>>, Fault> {
    let transaction = database.begin_read()?;
    let records = transaction.open_table(RECORDS)?;
    let read = |key: &Key| {
        let value = records.get(key.as_bytes())?;
        let record = value.map(|value| pack_tables::resolve(&transaction, value.value()));
        Ok(record.transpose()?.map(Bytes::from))
    };
    keys.iter().map(read).collect()
}

/// When each record was checked, as far as there are records that this version can serve.
pub(super) fn checked(
    database: &Database,
    keys: impl Iterator<Item = Key>,
) -> Result<Vec<Option<Timestamp>>, Fault> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    keys.map(|key| {
        let stored = records.get(key.as_bytes())?;
        Ok(stored.and_then(|stored| Some(record::peek(head(stored.value())).ok()?.checked_at)))
    })
    .collect()
}

/// A change that was decided on before: a value and the end of its keeping, or none.
pub(super) type Decided = (KeyBytes, Option<(Vec<u8>, Timestamp)>);

/// Takes in changes, removes some of what has expired, and makes room. Small records are packed in
/// the order of the changes.
pub(super) fn merge(
    database: &Database,
    changes: impl Iterator<Item = Result<Decided, Fault>>,
    now: Timestamp,
    room: Room<'_>,
) -> Result<(), Fault> {
    in_transaction(database, |shelf| {
        let mut packing = shelf.packs.begin()?;
        let mut values: Vec<Decided> = Vec::new();
        for change in changes {
            match change? {
                (key, Some((record, until))) if record.len() <= packs::LARGEST => {
                    if !packing.has_room(record.len()) {
                        shelf.packs.add(packing.take())?;
                    }
                    values.push((key, Some((packing.add(&key, &record), until))));
                }
                (key, None) => values.push((key, None)),
                (key, record) => shelf.replace(&key, record)?,
            }
        }
        shelf.packs.add(packing.take())?;
        // In the order of the keys: a page that takes in several values is written once.
        values.sort_unstable_by_key(|(key, _)| *key);
        values.into_iter().try_for_each(|(key, value)| shelf.replace(&key, value))?;
        shelf.sweep(now, room)
    })
}

/// Applies a batch, removes some of what has expired, and makes room.
pub(super) fn apply(
    database: &Database,
    batch: &[Change],
    now: Timestamp,
    room: Room<'_>,
) -> Result<(), Fault> {
    in_transaction(database, |shelf| {
        batch.iter().try_for_each(|change| shelf.apply(change, now))?;
        shelf.sweep(now, room)
    })
}

/// Removes some of what has expired, and makes room.
pub(super) fn sweep(database: &Database, now: Timestamp, room: Room<'_>) -> Result<(), Fault> {
    if !needs_sweep(database, now, room.max_live)? {
        return Ok(());
    }
    in_transaction(database, |shelf| shelf.sweep(now, room))
}

/// Whether the records cost more than that.
pub(super) fn is_over(database: &Database, max_live: u64) -> Result<bool, Fault> {
    Ok(live_bytes(&database.begin_read()?.open_table(META)?)? > max_live)
}

/// The contents of the file.
#[cfg(test)]
#[derive(Debug)]
#[expect(dead_code, reason = "a test prints it")]
pub(super) struct Census {
    pub(super) records: u64,
    pub(super) record_bytes: u64,
    pub(super) live_bytes: u64,
}

#[cfg(test)]
pub(super) fn census(database: &Database) -> Result<Census, Fault> {
    let transaction = database.begin_read()?;
    let live_bytes = live_bytes(&transaction.open_table(META)?)?;
    let mut census = Census { records: 0, record_bytes: 0, live_bytes };
    for row in transaction.open_table(RECORDS)?.iter()? {
        census.records += 1;
        census.record_bytes += packs::length(row?.1.value()) as u64;
    }
    Ok(census)
}

/// Saves an idle store the two syncs of an empty commit.
fn needs_sweep(database: &Database, now: Timestamp, max_live: u64) -> Result<bool, Fault> {
    let transaction = database.begin_read()?;
    let rows = transaction.open_table(BY_EXPIRY)?;
    let expired = rows.first()?.is_some_and(|(row, _)| row.value().0 <= now.as_millis());
    Ok(expired || live_bytes(&transaction.open_table(META)?)? > max_live)
}

fn live_bytes(meta: &impl ReadableTable<&'static str, u64>) -> Result<u64, Fault> {
    Ok(meta.get(LIVE_BYTES)?.map_or(0, |bytes| bytes.value()))
}

fn in_transaction(
    database: &Database,
    work: impl FnOnce(&mut Shelf<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut transaction = database.begin_write()?;
    // The state of the allocator is saved with each commit: a killed process reopens at once,
    // whatever the size.
    transaction.set_quick_repair(true);
    let mut shelf = Shelf::open(&transaction)?;
    work(&mut shelf)?;
    shelf.close()?;
    transaction.commit()?;
    Ok(())
}

/// The open tables of one write transaction.
pub(super) struct Shelf<'t> {
    transaction: &'t WriteTransaction,
    records: Values<'t>,
    packs: PackTables<'t>,
    by_expiry: Table<'t, (u64, &'static [u8; 32]), ()>,
    meta: Table<'t, &'static str, u64>,
    live_bytes: u64,
}

impl<'t> Shelf<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(META)?;
        Ok(Self {
            transaction,
            records: transaction.open_table(RECORDS)?,
            packs: PackTables::open(transaction)?,
            by_expiry: transaction.open_table(BY_EXPIRY)?,
            live_bytes: live_bytes(&meta)?,
            meta,
        })
    }

    fn close(mut self) -> Result<(), Fault> {
        self.packs.settle(&mut self.records)?;
        self.meta.insert(LIVE_BYTES, self.live_bytes)?;
        Ok(())
    }

    fn apply(&mut self, change: &Change, now: Timestamp) -> Result<(), Fault> {
        let key = change.key();
        let stored = self.records.get(key.as_bytes())?;
        let gives_way = |stored: &[u8]| record::gives_way(head(stored), change.as_of(), now);
        if stored.is_some_and(|stored| !gives_way(stored.value())) {
            return Ok(());
        }
        let record = match change {
            Change::Put { entry, keep_until } => {
                Some((record::encode(entry, *keep_until), *keep_until))
            }
            Change::Remove { .. } => None,
        };
        self.replace(key.as_bytes(), record)
    }

    fn replace(
        &mut self,
        key: &KeyBytes,
        value: Option<(Vec<u8>, Timestamp)>,
    ) -> Result<(), Fault> {
        self.remove(key)?;
        match value {
            Some((value, until)) => self.insert(key, &value, until),
            None => Ok(()),
        }
    }

    fn insert(&mut self, key: &KeyBytes, value: &[u8], until: Timestamp) -> Result<(), Fault> {
        self.records.insert(key, value)?;
        self.packs.inserted(value)?;
        self.by_expiry.insert((until.as_millis(), key), ())?;
        let cost = size::of_record(packs::length(value));
        self.live_bytes = self.live_bytes.saturating_add(cost);
        Ok(())
    }

    fn remove(&mut self, key: &[u8; 32]) -> Result<(), Fault> {
        let Some(stored) = self.records.remove(key)? else { return Ok(()) };
        let cost = size::of_record(packs::length(stored.value()));
        self.live_bytes = self.live_bytes.saturating_sub(cost);
        self.packs.removed(stored.value())?;
        if let Ok(peek) = record::peek(head(stored.value())) {
            self.by_expiry.remove((peek.keep_until.as_millis(), key))?;
        }
        Ok(())
    }

    /// Removes what has expired, a bounded number of them, and makes room.
    fn sweep(&mut self, now: Timestamp, room: Room<'_>) -> Result<(), Fault> {
        for _ in 0..EXPIRED_PER_CALL {
            let soonest = self.soonest()?.filter(|(until, _)| *until <= now.as_millis());
            let Some(row) = soonest else { break };
            self.take(row)?;
        }
        room.evictor.make_room(self, room.max_live)
    }

    /// Removes a row of the index by expiry, and the record that it leads to.
    pub(super) fn take(&mut self, (until, key): Row) -> Result<(), Fault> {
        self.by_expiry.remove((until, &key))?;
        if self.is_kept_until(&key, until)? {
            self.remove(&key)?;
        }
        Ok(())
    }

    /// The next rows of the index by expiry.
    pub(super) fn rows_after(&self, row: Option<Row>, most: usize) -> Result<Vec<Row>, Fault> {
        let start =
            row.as_ref().map_or(Bound::Unbounded, |(until, key)| Bound::Excluded((*until, key)));
        let rows = self.by_expiry.range::<(u64, &[u8; 32])>((start, Bound::Unbounded))?;
        rows.take(most)
            .map(|row| {
                let (row, _) = row?;
                let (until, key) = row.value();
                Ok((until, *key))
            })
            .collect()
    }

    /// Returns the row of a key in the index of documents in use.
    pub(super) fn in_use(&self, key: Key) -> Result<Option<InUse>, Fault> {
        in_use::row(self.transaction, key)
    }

    /// Returns the cost of all records.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    fn soonest(&self) -> Result<Option<Row>, Fault> {
        let first = self.by_expiry.first()?;
        Ok(first.map(|(row, _)| (row.value().0, *row.value().1)))
    }

    fn is_kept_until(&self, key: &[u8; 32], until: u64) -> Result<bool, Fault> {
        let stored = self.records.get(key)?;
        Ok(stored.is_some_and(|stored| {
            record::peek(head(stored.value()))
                .map_or(true, |peek| peek.keep_until.as_millis() == until)
        }))
    }
}
