//! Reads of the tables in the file, and its write transactions.

use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableError};

use super::eviction::Evictor;
use super::fault::FileFault;
use super::pack_tables::{self, Decided, Kept, META};
use super::pointer::head;
use super::segment_tables::{self, Address};
use super::size::{self, Limits};
use super::write_tables::{BY_EXPIRY, RECORDS, Taken, WriteTables, is_miscounted, live_bytes};
use crate::clock::Timestamp;
use crate::store::{Change, record};
use crate::target::Key;

const LAYOUT: &str = "layout";
const LAYOUT_VERSION: u64 = 1;

/// The most expired records that one transaction removes.
const EXPIRED_PER_CALL: usize = 1024;

/// The bytes that records may take, and the choice of those that go.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// The most that records may cost in the file.
    pub(super) max_live: u64,
    /// The most that they may take in segments.
    pub(super) max_in_segments: u64,
    /// The quarters of both that count.
    pub(super) quarters: u64,
    pub(super) evictor: Arc<Evictor>,
}

impl Room {
    /// Makes room for records of that cost.
    pub(super) fn new(max_live: u64) -> Self {
        Self { max_live, max_in_segments: u64::MAX, quarters: 4, evictor: Arc::default() }
    }

    /// Returns a part of the room, up to four quarters.
    pub(super) fn of_quarters(&self, quarters: u64) -> Self {
        Self { quarters, ..self.clone() }
    }

    /// Returns the most that records may take.
    pub(super) fn most(&self) -> Taken {
        Taken { in_file: self.max_live, in_segments: self.max_in_segments }
    }

    /// Returns the room that there is within these limits.
    pub(super) fn within(&self, limits: Limits) -> Self {
        let of_quarters = |bytes: u64| bytes / 4 * self.quarters;
        Self {
            max_live: of_quarters(self.max_live.min(size::max_live(limits.file))),
            max_in_segments: of_quarters(self.max_in_segments.min(limits.max_in_segments())),
            ..self.of_quarters(4)
        }
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

/// Returns copies of the records of these keys, in their order; for those in segments, the pointers
/// to them.
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

/// Takes segments off the list.
pub(super) fn forget_segments(database: &Database, segments: &[u64]) -> Result<(), FileFault> {
    in_transaction(database, |tables| {
        tables.segments.drop(segments);
        Ok(())
    })
}

/// Counts again what is in use in segments, if a version that knows none has changed records since.
pub(super) fn recount_segments(database: &Database) -> Result<(), FileFault> {
    let is_miscounted = is_miscounted(&database.begin_read()?.open_table(META)?)?;
    if segment_tables::listed(database)?.is_empty() || !is_miscounted {
        return Ok(());
    }
    in_transaction(database, |tables| tables.recount())
}

/// Returns the stored pointers to segments of these keys, in their order.
pub(super) fn addresses(
    database: &Database,
    keys: impl Iterator<Item = Key>,
) -> Result<Vec<Option<Address>>, FileFault> {
    let records = database.begin_read()?.open_table(RECORDS)?;
    keys.map(|key| {
        let stored = records.get(key.as_bytes())?;
        Ok(stored.and_then(|stored| Address::of(stored.value())))
    })
    .collect()
}

/// Takes in changes, removes some expired records, and makes room. The `small` records go into
/// packs, in their order. The `emptied` segments are listed no longer.
pub(super) fn merge(
    database: &Database,
    small: impl Iterator<Item = Result<Kept, FileFault>>,
    others: impl Iterator<Item = Result<Decided, FileFault>>,
    emptied: &[u64],
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
        take_in(tables, values)?;
        if has_packs {
            pack_tables::link(&mut tables.meta)?;
        }
        tables.segments.drop(emptied);
        sweep_tables(tables, now, room)
    })
}

/// The same for removals, and pointers to a segment, which is listed from now on.
pub(super) fn merge_segment(
    database: &Database,
    values: Vec<Decided>,
    (number, bytes): (u64, u64),
    emptied: &[u64],
    now: Timestamp,
    room: &Room,
) -> Result<(), FileFault> {
    in_transaction(database, |tables| {
        tables.segments.add(number, bytes);
        take_in(tables, values)?;
        tables.segments.drop(emptied);
        sweep_tables(tables, now, room)
    })
}

/// Takes in values in the order of the keys: a page that takes in several is written once.
fn take_in(tables: &mut WriteTables<'_>, mut values: Vec<Decided>) -> Result<(), FileFault> {
    values.sort_unstable_by_key(|(key, _)| *key);
    values.into_iter().try_for_each(|(key, value)| tables.replace(&key, value))
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
    if !has_expired(database, now)? && !taken(database)?.is_over(room.most()) {
        // An empty commit would cost an idle store two syncs.
        return Ok(());
    }
    in_transaction(database, |tables| sweep_tables(tables, now, room))
}

/// Returns the bytes that records take.
pub(super) fn taken(database: &Database) -> Result<Taken, FileFault> {
    let in_file = live_bytes(&database.begin_read()?.open_table(META)?)?;
    let in_segments = segment_tables::usage(database)?.values().map(|usage| usage.live).sum();
    Ok(Taken { in_file, in_segments })
}

fn has_expired(database: &Database, now: Timestamp) -> Result<bool, FileFault> {
    let rows = database.begin_read()?.open_table(BY_EXPIRY)?;
    Ok(rows.first()?.is_some_and(|(row, _)| row.value().0 <= now.as_millis()))
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
    room.evictor.make_room(tables, room.most())
}
