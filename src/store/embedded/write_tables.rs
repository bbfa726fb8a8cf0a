//! The tables of one write transaction, which change together.
//!
//! They are the records by key, an index of the records by the end of their keeping, and the total
//! cost of the records. The subtle thing is a damaged record: it no longer shows its row in the
//! index, so its removal leaves the row behind. So svm removes a record by such a row only if the
//! record has the same end of keeping, or cannot be read.

use std::ops::Bound;

use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::fault::FileFault;
use super::in_use::{self, ByKey, IndexState};
use super::pack_tables::{META, PackTables, ValueTable};
use super::pointer::head;
use super::segment_tables::SegmentTable;
use super::{KeyBytes, packs, size};
use crate::clock::Timestamp;
use crate::store::{Change, record};

pub(super) const RECORDS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("records");
pub(super) const BY_EXPIRY: TableDefinition<'_, (u64, &[u8; 32]), ()> =
    TableDefinition::new("by_expiry");
const LIVE_BYTES: &str = "live_bytes";

/// A copy of it by the versions that count what is in use in segments. Another value tells that one
/// has changed records that does not.
const COUNTED: &str = "live_bytes_counted";

/// A row of the index by expiry: the end of the keeping in milliseconds, and the key.
pub(super) type ExpiryRow = (u64, KeyBytes);

/// The bytes that records take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The cost of the records and the pointers to records.
    pub(super) in_file: u64,
    /// The bytes in segments that pointers lead to.
    pub(super) in_segments: u64,
}

impl Taken {
    /// Returns true if either is more than that.
    pub(super) fn is_over(self, most: Self) -> bool {
        self.in_file > most.in_file || self.in_segments > most.in_segments
    }
}

/// The open tables of one write transaction.
pub(super) struct WriteTables<'t> {
    database: &'t Database,
    records: ValueTable<'t>,
    pub(super) packs: PackTables<'t>,
    pub(super) segments: SegmentTable<'t>,
    by_expiry: Table<'t, (u64, &'static [u8; 32]), ()>,
    pub(super) meta: Table<'t, &'static str, u64>,
    live_bytes: u64,
}

impl<'t> WriteTables<'t> {
    pub(super) fn open(
        database: &'t Database,
        transaction: &'t WriteTransaction,
    ) -> Result<Self, FileFault> {
        let meta = transaction.open_table(META)?;
        Ok(Self {
            database,
            records: transaction.open_table(RECORDS)?,
            packs: PackTables::open(transaction)?,
            segments: SegmentTable::open(transaction)?,
            by_expiry: transaction.open_table(BY_EXPIRY)?,
            live_bytes: live_bytes(&meta)?,
            meta,
        })
    }

    pub(super) fn close(mut self) -> Result<(), FileFault> {
        self.packs.settle(&mut self.records)?;
        self.segments.settle()?;
        self.meta.insert(LIVE_BYTES, self.live_bytes)?;
        self.meta.insert(COUNTED, self.live_bytes)?;
        Ok(())
    }

    pub(super) fn apply(&mut self, change: &Change, now: Timestamp) -> Result<(), FileFault> {
        let key = change.key();
        let stored = self.records.get(key.as_bytes())?;
        let gives_way = |stored: &[u8]| record::gives_way(head(stored), change.as_of(), now);
        if stored.is_some_and(|stored| !gives_way(stored.value())) {
            return Ok(());
        }
        self.replace(key.as_bytes(), change.record())
    }

    pub(super) fn replace(
        &mut self,
        key: &KeyBytes,
        value: Option<(Vec<u8>, Timestamp)>,
    ) -> Result<(), FileFault> {
        self.remove(key)?;
        match value {
            Some((value, until)) => self.insert(key, &value, until),
            None => Ok(()),
        }
    }

    fn insert(&mut self, key: &KeyBytes, value: &[u8], until: Timestamp) -> Result<(), FileFault> {
        self.records.insert(key, value)?;
        self.packs.inserted(value)?;
        self.segments.inserted(value);
        self.by_expiry.insert((until.as_millis(), key), ())?;
        let cost = size::of_record(packs::length(value));
        self.live_bytes = self.live_bytes.saturating_add(cost);
        Ok(())
    }

    fn remove(&mut self, key: &[u8; 32]) -> Result<(), FileFault> {
        let Some(stored) = self.records.remove(key)? else { return Ok(()) };
        let cost = size::of_record(packs::length(stored.value()));
        self.live_bytes = self.live_bytes.saturating_sub(cost);
        self.packs.removed(stored.value())?;
        self.segments.removed(stored.value());
        if let Ok(peek) = record::peek(head(stored.value())) {
            self.by_expiry.remove((peek.keep_until.as_millis(), key))?;
        }
        Ok(())
    }

    /// Removes a row of the index by expiry, and its record if the record agrees with the row.
    pub(super) fn take(&mut self, (until, key): ExpiryRow) -> Result<(), FileFault> {
        self.by_expiry.remove((until, &key))?;
        if self.is_kept_until(&key, until)? {
            self.remove(&key)?;
        }
        Ok(())
    }

    /// Returns the next rows of the index by expiry.
    pub(super) fn rows_after(
        &self,
        row: Option<ExpiryRow>,
        most: usize,
    ) -> Result<Vec<ExpiryRow>, FileFault> {
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

    /// Returns the index of documents in use, which is not one of these tables.
    pub(super) fn in_use(&self, state: &IndexState) -> Result<ByKey, FileFault> {
        in_use::by_key(self.database, state)
    }

    /// Returns the bytes that the records take, in the form of their bound.
    pub(super) fn taken(&self) -> Taken {
        Taken { in_file: self.live_bytes, in_segments: self.segments.live_bytes() }
    }

    pub(super) fn soonest(&self) -> Result<Option<ExpiryRow>, FileFault> {
        let first = self.by_expiry.first()?;
        Ok(first.map(|(row, _)| (row.value().0, *row.value().1)))
    }

    /// Counts again what is in use in segments.
    pub(super) fn recount(&mut self) -> Result<(), FileFault> {
        self.segments.begin_count();
        for row in self.records.iter()? {
            self.segments.inserted(row?.1.value());
        }
        Ok(())
    }

    fn is_kept_until(&self, key: &[u8; 32], until: u64) -> Result<bool, FileFault> {
        let stored = self.records.get(key)?;
        Ok(stored.is_some_and(|stored| {
            record::peek(head(stored.value()))
                .map_or(true, |peek| peek.keep_until.as_millis() == until)
        }))
    }
}

/// Returns true if a version has changed records that does not count what is in use in segments.
pub(super) fn is_miscounted(
    meta: &impl ReadableTable<&'static str, u64>,
) -> Result<bool, FileFault> {
    let counted = meta.get(COUNTED)?.map_or(0, |bytes| bytes.value());
    Ok(counted != live_bytes(meta)?)
}

/// Returns the total cost of all records.
pub(super) fn live_bytes(meta: &impl ReadableTable<&'static str, u64>) -> Result<u64, FileFault> {
    Ok(meta.get(LIVE_BYTES)?.map_or(0, |bytes| bytes.value()))
}
