//! Pointers to records in segments, and the table of segments: the bytes that pointers lead to in
//! each, and its length.

use std::collections::{BTreeMap, BTreeSet};

use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction,
};

use super::fault::FileFault;
use super::journal::Span;
use super::pointer::{self, Pointed};

/// The way to a record in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) segment: u64,
    pub(super) span: Span,
}

impl Address {
    /// Reads a stored value, if it leads to a segment.
    pub(super) fn of(value: &[u8]) -> Option<Self> {
        let Pointed { number: segment, at, bytes } = pointer::parse(pointer::SEGMENT, value)?;
        Some(Self { segment, span: Span::new(at.into(), bytes) })
    }

    /// Returns the value that leads to a record.
    pub(super) fn value(self, record: &[u8]) -> Vec<u8> {
        let number = |it| u32::try_from(it).expect("a journal is far below 4 GiB");
        let (at, bytes) = (number(self.span.at()), number(self.span.len() as u64));
        pointer::value(pointer::SEGMENT, record, Pointed { number: self.segment, at, bytes })
    }
}

/// The bytes with a pointer, and the length of the file.
type RowBytes = (u64, u64);

pub(super) const SEGMENTS: TableDefinition<'_, u64, RowBytes> = TableDefinition::new("segments");

/// A segment by its number, and how much of it is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentUse {
    /// The bytes of the records that pointers lead to, with their frames.
    pub(super) live: u64,
    /// The length of the file.
    pub(super) bytes: u64,
}

/// The open table of one write transaction, and what it has changed.
pub(super) struct SegmentTable<'t> {
    table: Table<'t, u64, RowBytes>,
    rows: BTreeMap<u64, SegmentUse>,
    /// The live bytes of all rows.
    live: u64,
    changed: BTreeSet<u64>,
}

impl<'t> SegmentTable<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, FileFault> {
        let table = transaction.open_table(SEGMENTS)?;
        let rows = rows(&table)?;
        let live = rows.values().map(|row| row.live).sum();
        Ok(Self { table, rows, live, changed: BTreeSet::new() })
    }

    /// Returns the bytes that pointers lead to in all segments.
    pub(super) fn live_bytes(&self) -> u64 {
        self.live
    }

    /// Lists a segment of this length.
    pub(super) fn add(&mut self, number: u64, bytes: u64) {
        let before = self.rows.insert(number, SegmentUse { live: 0, bytes });
        self.live -= before.map_or(0, |row| row.live);
        self.changed.insert(number);
    }

    /// Counts the bytes of a value that was put into its table as live.
    pub(super) fn inserted(&mut self, value: &[u8]) {
        self.change(value, u64::saturating_add);
    }

    /// Counts the bytes of a value that was taken from its table as live no more.
    pub(super) fn removed(&mut self, value: &[u8]) {
        self.change(value, u64::saturating_sub);
    }

    fn change(&mut self, value: &[u8], by: impl Fn(u64, u64) -> u64) {
        let Some(Address { segment, span }) = Address::of(value) else { return };
        // The records of a segment that is not listed are lost.
        let Some(row) = self.rows.get_mut(&segment) else { return };
        let live = by(row.live, span.framed_bytes());
        self.live = self.live - row.live + live;
        row.live = live;
        self.changed.insert(segment);
    }

    /// Counts nothing as live.
    pub(super) fn begin_count(&mut self) {
        self.rows.values_mut().for_each(|row| row.live = 0);
        self.live = 0;
        self.changed.extend(self.rows.keys());
    }

    /// Takes segments off the list.
    pub(super) fn drop(&mut self, segments: &[u64]) {
        for number in segments {
            if let Some(row) = self.rows.get_mut(number) {
                self.live -= row.live;
                row.live = 0;
                self.changed.insert(*number);
            }
        }
    }

    /// Writes the changes; takes segments without pointers off the list.
    pub(super) fn settle(mut self) -> Result<(), FileFault> {
        for number in self.changed {
            match self.rows.get(&number) {
                Some(row) if row.live > 0 => {
                    self.table.insert(number, (row.live, row.bytes))?;
                }
                _ => {
                    self.table.remove(number)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the segments that the database lists.
pub(super) fn usage(database: &Database) -> Result<BTreeMap<u64, SegmentUse>, FileFault> {
    match database.begin_read()?.open_table(SEGMENTS) {
        Err(TableError::TableDoesNotExist(_)) => Ok(BTreeMap::new()),
        table => rows(&table?),
    }
}

/// Returns the numbers of the segments that the database lists.
pub(super) fn listed(database: &Database) -> Result<BTreeSet<u64>, FileFault> {
    Ok(usage(database)?.into_keys().collect())
}

fn rows(table: &impl ReadableTable<u64, RowBytes>) -> Result<BTreeMap<u64, SegmentUse>, FileFault> {
    table
        .iter()?
        .map(|row| {
            let (number, row) = row?;
            let (live, bytes) = row.value();
            Ok((number.value(), SegmentUse { live, bytes }))
        })
        .collect()
}
