//! Reads of the tables in the file, and its write transactions.

use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableError};

use super::eviction::Evictor;
use super::fault::FileFault;
use super::pack_tables::{self, Decided, Kept, META};
use super::packs::head;
use super::write_tables::{BY_EXPIRY, RECORDS, WriteTables, live_bytes};
use crate::clock::Timestamp;
use crate::store::{Change, record};
use crate::target::Key;

const LAYOUT: &str = "layout";
const LAYOUT_VERSION: u64 = 1;

/// The most expired records that one transaction removes.
const EXPIRED_PER_CALL: usize = 1024;

/// The bytes that records may cost, and the evictor that chooses records to remove.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) max_live: u64,
    pub(super) evictor: Arc<Evictor>,
}

impl Room {
    /// Returns the same evictor with another bound.
    pub(super) fn with(&self, max_live: u64) -> Self {
        Self { max_live, evictor: Arc::clone(&self.evictor) }
    }
}

/// Creates the tables in a new file, and checks the layout of existing ones.
///
/// # Errors
///
/// [`FileFault::Damaged`] if the tables have the layout of another version of svm.
pub(super) fn prepare(database: &Database) -> Result<(), FileFault> {
    match layout(database)? {
        Some(LAYOUT_VERSION) => Ok(()),
        Some(other) => Err(FileFault::Damaged(format!("the tables have layout {other}"))),
        None => in_transaction(database, |tables| {
            tables.meta.insert(LAYOUT, LAYOUT_VERSION)?;
            Ok(())
        }),
    }
}

fn layout(database: &Database) -> Result<Option<u64>, FileFault> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    Ok(meta.get(LAYOUT)?.map(|version| version.value()))
}

/// Reads one small value, through every layer.
pub(super) fn probe(database: &Database) -> Result<(), FileFault> {
    layout(database).map(|_| ())
}

/// Returns copies of the records of these keys, in their order.
pub(super) fn read(database: &Database, keys: &[Key]) -> Result<Vec<Option<Bytes>>, FileFault> {
    let transaction = database.begin_read()?;
    let records = transaction.open_table(RECORDS)?;
    let read = |key: &Key| {
        let value = records.get(key.as_bytes())?;
        let record = value.map(|value| pack_tables::resolve(&transaction, value.value()));
        Ok(record.transpose()?.map(Bytes::from))
    };
    keys.iter().map(read).collect()
}

/// Returns the time of the last check of each record, or `None` if there is no record that this
/// version can read.
pub(super) fn checked(
    database: &Database,
    keys: impl Iterator<Item = Key>,
) -> Result<Vec<Option<Timestamp>>, FileFault> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    keys.map(|key| {
        let stored = records.get(key.as_bytes())?;
        Ok(stored.and_then(|stored| Some(record::peek(head(stored.value())).ok()?.checked_at)))
    })
    .collect()
}

/// Takes in changes, removes some expired records, and makes room. The `small` records go into
/// packs, in their order.
pub(super) fn merge(
    database: &Database,
    small: impl Iterator<Item = Result<Kept, FileFault>>,
    others: impl Iterator<Item = Result<Decided, FileFault>>,
    now: Timestamp,
    room: &Room,
) -> Result<(), FileFault> {
    let mut values = pack_tables::write(database, small)?;
    let has_packs = !values.is_empty();
    in_transaction(database, |tables| {
        for change in others {
            match change? {
                (key, None) => values.push((key, None)),
                (key, record) => tables.replace(&key, record)?,
            }
        }
        // In the order of the keys: a page that takes in several values is written once.
        values.sort_unstable_by_key(|(key, _)| *key);
        values.into_iter().try_for_each(|(key, value)| tables.replace(&key, value))?;
        if has_packs {
            pack_tables::link(&mut tables.meta)?;
        }
        sweep_tables(tables, now, room)
    })
}

/// Applies a batch, removes some expired records, and makes room.
pub(super) fn apply(
    database: &Database,
    batch: &[Change],
    now: Timestamp,
    room: &Room,
) -> Result<(), FileFault> {
    in_transaction(database, |tables| {
        batch.iter().try_for_each(|change| tables.apply(change, now))?;
        sweep_tables(tables, now, room)
    })
}

/// Removes some expired records, and makes room.
pub(super) fn sweep(database: &Database, now: Timestamp, room: &Room) -> Result<(), FileFault> {
    if !needs_sweep(database, now, room.max_live)? {
        return Ok(());
    }
    in_transaction(database, |tables| sweep_tables(tables, now, room))
}

/// Returns true if the records cost more than `max_live`.
pub(super) fn is_over(database: &Database, max_live: u64) -> Result<bool, FileFault> {
    Ok(live_bytes(&database.begin_read()?.open_table(META)?)? > max_live)
}

/// Returns true if there is something to remove. An idle store needs this check: an empty commit
/// would cost it two syncs.
fn needs_sweep(database: &Database, now: Timestamp, max_live: u64) -> Result<bool, FileFault> {
    let transaction = database.begin_read()?;
    let rows = transaction.open_table(BY_EXPIRY)?;
    let expired = rows.first()?.is_some_and(|(row, _)| row.value().0 <= now.as_millis());
    Ok(expired || live_bytes(&transaction.open_table(META)?)? > max_live)
}

fn in_transaction(
    database: &Database,
    work: impl FnOnce(&mut WriteTables<'_>) -> Result<(), FileFault>,
) -> Result<(), FileFault> {
    let mut transaction = database.begin_write()?;
    // Each commit saves the state of the allocator. So a file of any size opens at once after its
    // process was killed.
    transaction.set_quick_repair(true);
    let mut tables = WriteTables::open(database, &transaction)?;
    work(&mut tables)?;
    tables.close()?;
    transaction.commit()?;
    Ok(())
}

/// Removes a bounded number of expired records, and makes room.
fn sweep_tables(
    tables: &mut WriteTables<'_>,
    now: Timestamp,
    room: &Room,
) -> Result<(), FileFault> {
    for _ in 0..EXPIRED_PER_CALL {
        let soonest = tables.soonest()?.filter(|(until, _)| *until <= now.as_millis());
        let Some(row) = soonest else { break };
        tables.take(row)?;
    }
    room.evictor.make_room(tables, room.max_live)
}
