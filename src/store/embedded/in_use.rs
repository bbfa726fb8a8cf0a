//! The index of documents in use, as a table of the file.
//!
//! It is read and pruned as a whole: once in a sweep, and it is small beside the records. A file of a version that did
//! not have it gets it with the first write.

use std::cmp::Reverse;

use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::fault::Fault;
use crate::clock::Timestamp;
use crate::store::{Check, InUse, index};
use crate::target::Key;

/// Last used, last checked, and when the body was fetched that was then current; in milliseconds, the latter two zero
/// where there was no check.
type Row = (u64, u64, u64);

const IN_USE: TableDefinition<'_, &[u8; 32], Row> = TableDefinition::new("in_use");

/// Merges rows into the table and removes what was last used before `cutoff`.
pub(super) fn remember(
    database: &Database,
    rows: &[InUse],
    cutoff: Timestamp,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(IN_USE)?;
        rows.iter().try_for_each(|row| merge(&mut table, *row))?;
        prune(&mut table, cutoff)?;
    }
    transaction.commit()?;
    Ok(())
}

/// The rows used at `since` or later, the last used first.
pub(super) fn since(database: &Database, since: Timestamp) -> Result<Vec<InUse>, Fault> {
    let table = match database.begin_read()?.open_table(IN_USE) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        let row = decode(Key::from(*key.value()), row.value());
        if row.used_at >= since {
            rows.push(row);
        }
    }
    rows.sort_unstable_by_key(|row| Reverse(row.used_at));
    Ok(rows)
}

/// The row of a document, as a write transaction finds it.
pub(super) fn row(transaction: &WriteTransaction, key: Key) -> Result<Option<InUse>, Fault> {
    let table = transaction.open_table(IN_USE)?;
    Ok(table.get(key.as_bytes())?.map(|row| decode(key, row.value())))
}

fn merge(table: &mut Table<'_, &'static [u8; 32], Row>, row: InUse) -> Result<(), Fault> {
    let key = row.key.as_bytes();
    let known = table.get(key)?.map(|known| decode(row.key, known.value()));
    table.insert(key, encode(known.map_or(row, |known| known.merge(row))))?;
    Ok(())
}

fn prune(table: &mut Table<'_, &'static [u8; 32], Row>, cutoff: Timestamp) -> Result<(), Fault> {
    let mut used = Vec::new();
    for row in table.iter()? {
        used.push(Timestamp::from_millis(row?.1.value().0));
    }
    let cutoff = index::cutoff(used.into_iter(), cutoff).as_millis();
    table.retain(|_, (used_at, _, _)| used_at >= cutoff)?;
    Ok(())
}

fn encode(row: InUse) -> Row {
    let (at, fetched_at) = match row.check {
        Some(Check { at, fetched_at }) => (at.as_millis(), fetched_at.as_millis()),
        None => (0, 0),
    };
    (row.used_at.as_millis(), at, fetched_at)
}

fn decode(key: Key, (used_at, at, fetched_at): Row) -> InUse {
    let [used_at, at, fetched_at] = [used_at, at, fetched_at].map(Timestamp::from_millis);
    let check = (at != Timestamp::default()).then_some(Check { at, fetched_at });
    InUse { key, used_at, check }
}
