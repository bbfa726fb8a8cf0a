//! The index of documents in use, as a table of the file.
//!
//! It is read as a whole, once in a sweep, and it is small beside the records. svm looks for rows
//! of documents out of use only where there must be some: to look takes a walk over all rows. A
//! file of a version that did not have the table gets it with the first write.

use std::cmp::Reverse;

use parking_lot::Mutex;
use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition,
    TableError, WriteTransaction,
};

use super::fault::Fault;
use crate::clock::Timestamp;
use crate::entry::Check;
use crate::store::index::InUse;
use crate::store::index::MOST_IN_USE;
use crate::target::Key;

/// Last used, last checked, and when the body was fetched that was then current; in milliseconds,
/// the latter two zero where there was no check.
type Row = (u64, u64, u64);

const IN_USE: TableDefinition<'_, &[u8; 32], Row> = TableDefinition::new("in_use");

/// Rows that the table may have beyond its bound before the least recently used are looked for.
const SLACK: u64 = MOST_IN_USE as u64 / 10;

/// Rows that one transaction removes.
const REMOVED_AT_ONCE: usize = 1_000;

/// A moment before which no row of the table was used; the epoch where none is known.
#[derive(Debug, Default)]
pub(super) struct Oldest(Mutex<Timestamp>);

/// Merges rows into the table; whether it has rows to remove then, used before `cutoff` or too
/// many.
pub(super) fn remember(
    database: &Database,
    rows: &[InUse],
    cutoff: Timestamp,
    oldest: &Oldest,
) -> Result<bool, Fault> {
    let Some(first) = rows.iter().map(|row| row.used_at).min() else { return Ok(false) };
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let length = {
        let mut table = transaction.open_table(IN_USE)?;
        rows.iter().try_for_each(|row| merge(&mut table, *row))?;
        table.len()?
    };
    transaction.commit()?;
    let mut oldest = oldest.0.lock();
    *oldest = first.min(*oldest);
    Ok(*oldest < cutoff || length > MOST_IN_USE as u64 + SLACK)
}

/// Removes the rows last used before `cutoff`, and the least recently used of too many: not all at
/// once, and not while they are looked for.
pub(super) fn prune(database: &Database, cutoff: Timestamp, oldest: &Oldest) -> Result<(), Fault> {
    let rows = all(database)?;
    let kept = rows.partition_point(|row| row.used_at >= cutoff).min(MOST_IN_USE);
    let mut removed = rows[kept..].to_vec();
    // In the order of the keys: then few pages are written for those of one transaction.
    removed.sort_unstable_by(|one, other| one.key.as_bytes().cmp(other.key.as_bytes()));
    for rows in removed.chunks(REMOVED_AT_ONCE) {
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(IN_USE)?;
            for row in rows {
                table.remove(row.key.as_bytes())?;
            }
        }
        transaction.commit()?;
    }
    *oldest.0.lock() = rows[..kept].last().map_or(cutoff, |row| row.used_at);
    Ok(())
}

/// The rows used at `since` or later, the last used first.
pub(super) fn since(database: &Database, since: Timestamp) -> Result<Vec<InUse>, Fault> {
    let mut rows = all(database)?;
    let in_time = rows.partition_point(|row| row.used_at >= since);
    rows.truncate(in_time.min(MOST_IN_USE));
    Ok(rows)
}

/// All rows, the last used first.
fn all(database: &Database) -> Result<Vec<InUse>, Fault> {
    let table = match database.begin_read()?.open_table(IN_USE) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        rows.push(decode(Key::from(*key.value()), row.value()));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redb::backends::InMemoryBackend;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).expect("a database")
    }

    /// Rows of documents that were used so many seconds after the start, each a second after the
    /// one before.
    fn rows(used: std::ops::Range<usize>) -> Vec<InUse> {
        let used_at = |second| NOW + Duration::from_secs(second as u64);
        let row =
            |it: usize| InUse { key: Key::of(&it.to_string()), used_at: used_at(it), check: None };
        used.map(row).collect()
    }

    fn at(second: u64) -> Timestamp {
        NOW + Duration::from_secs(second)
    }

    #[test]
    fn rows_to_remove_are_looked_for_only_where_there_are_some() {
        let (database, oldest) = (database(), Oldest::default());
        let remember = |rows: &[InUse], cutoff| remember(&database, rows, cutoff, &oldest).unwrap();
        assert!(remember(&rows(0..10), NOW), "nothing is known of an index that was there before");
        prune(&database, NOW, &oldest).unwrap();
        assert!(!remember(&rows(10..20), NOW));
        assert!(remember(&rows(20..21), at(5)));
        prune(&database, at(5), &oldest).unwrap();
        assert_eq!(since(&database, NOW).unwrap().len(), 16);
        assert!(!remember(&rows(21..22), at(5)));
        assert!(remember(&rows(4..5), at(5)), "a row that came late");
    }

    #[test]
    fn all_that_was_not_used_is_removed() {
        let (database, oldest) = (database(), Oldest::default());
        let count = 2 * REMOVED_AT_ONCE + 10;
        assert!(remember(&database, &rows(0..count), NOW, &oldest).unwrap());
        prune(&database, at(count as u64 - 3), &oldest).unwrap();
        let mut kept = rows(count - 3..count);
        kept.reverse();
        assert_eq!(since(&database, NOW).unwrap(), kept);
    }

    #[test]
    fn of_too_many_rows_the_last_used_stay() {
        let (database, oldest) = (database(), Oldest::default());
        remember(&database, &rows(0..1), Timestamp::default(), &oldest).unwrap();
        prune(&database, Timestamp::default(), &oldest).unwrap();
        let most = MOST_IN_USE + SLACK as usize;
        assert!(!remember(&database, &rows(1..most), NOW, &oldest).unwrap());
        assert_eq!(since(&database, NOW).unwrap().len(), MOST_IN_USE);
        assert!(remember(&database, &rows(most..most + 1), NOW, &oldest).unwrap());
        prune(&database, NOW, &oldest).unwrap();
        let kept = all(&database).unwrap();
        let newest = rows(most..most + 1);
        assert_eq!((kept.len(), kept[0]), (MOST_IN_USE, newest[0]));
    }
}
