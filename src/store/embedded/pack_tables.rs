//! The packs as tables of the file: their contents, and the live bytes of each, to which pointers
//! lead.
//!
//! A merge writes its packs before the pointers to them, in small transactions: redb writes a page
//! twice if the pages of a transaction exceed its buffer. None of these transactions is durable
//! before the one with the pointers. The subtle thing is a merge that ends in between, while
//! another transaction makes its packs durable. So a mark holds the number from which on packs may
//! have no pointers, and the next merge removes those packs.

use std::collections::HashMap;
use std::iter::Peekable;

use redb::{
    Database, Durability, ReadTransaction, ReadableTable, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::KeyBytes;
use super::fault::FileFault;
use super::packs::{self, Packing, Pointer};
use crate::clock::Timestamp;

pub(super) const PACKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("packs");
pub(super) const LIVE: TableDefinition<'_, u64, u64> = TableDefinition::new("pack_live");

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The mark: if it exists, packs from this number on may have no pointers.
const UNLINKED: &str = "unlinked_packs";

/// The most packs in one transaction.
const PACKS_AT_ONCE: usize = 32;

/// A change that needs no comparison with the stored record: a value and the end of its keeping, or
/// `None` for a removal.
pub(super) type Decided = (KeyBytes, Option<(Vec<u8>, Timestamp)>);

/// A record and the end of its keeping.
pub(super) type Kept = (KeyBytes, (Vec<u8>, Timestamp));

/// The table of values, by key.
pub(super) type ValueTable<'t> = Table<'t, &'static KeyBytes, &'static [u8]>;

/// The open tables of one write transaction, and the packs that it has changed.
pub(super) struct PackTables<'t> {
    packs: Table<'t, u64, &'static [u8]>,
    live: Table<'t, u64, u64>,
    /// The live bytes of the packs whose pointers have changed.
    touched: HashMap<u64, u64>,
}

impl<'t> PackTables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, FileFault> {
        Ok(Self {
            packs: transaction.open_table(PACKS)?,
            live: transaction.open_table(LIVE)?,
            touched: HashMap::new(),
        })
    }

    /// Counts the record of an inserted value as live.
    pub(super) fn inserted(&mut self, value: &[u8]) -> Result<(), FileFault> {
        let Some(pointer) = Pointer::of(value) else { return Ok(()) };
        *self.live_bytes(pointer.pack)? += pointer.bytes_in_pack();
        Ok(())
    }

    /// Counts the record of a removed value as no longer live.
    pub(super) fn removed(&mut self, value: &[u8]) -> Result<(), FileFault> {
        let Some(pointer) = Pointer::of(value) else { return Ok(()) };
        let live = self.live_bytes(pointer.pack)?;
        *live = live.saturating_sub(pointer.bytes_in_pack());
        Ok(())
    }

    fn live_bytes(&mut self, pack: u64) -> Result<&mut u64, FileFault> {
        let saved = match self.touched.get(&pack) {
            Some(_) => 0,
            None => self.live.get(pack)?.map_or(0, |live| live.value()),
        };
        Ok(self.touched.entry(pack).or_insert(saved))
    }

    /// Removes packs that are less than half live. Their remaining records get values of their own.
    pub(super) fn settle(mut self, values: &mut ValueTable<'_>) -> Result<(), FileFault> {
        for (number, live) in std::mem::take(&mut self.touched) {
            let bytes = self.packs.get(number)?.map_or(0, |pack| pack.value().len() as u64);
            if live * 2 >= bytes && live > 0 {
                self.live.insert(number, live)?;
                continue;
            }
            self.live.remove(number)?;
            let Some(pack) = self.packs.remove(number)? else { continue };
            for (key, pointer) in packs::records(number, pack.value()) {
                let leads_here =
                    values.get(&key)?.is_some_and(|it| Pointer::of(it.value()) == Some(pointer));
                if let Some(record) = pointer.record(pack.value()).filter(|_| leads_here) {
                    values.insert(&key, record)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes small records into packs, in their order. Returns the pointers, for the transaction that
/// removes the mark ([`link`]).
pub(super) fn write(
    database: &Database,
    records: impl Iterator<Item = Result<Kept, FileFault>>,
) -> Result<Vec<Decided>, FileFault> {
    let mut pointers = Vec::new();
    let mut records = records.peekable();
    while records.peek().is_some() {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        if pointers.is_empty() {
            begin(&transaction)?;
        }
        write_some(&transaction, &mut records, &mut pointers)?;
        transaction.commit()?;
    }
    Ok(pointers)
}

/// Removes packs without pointers, and sets the mark for the packs to come.
fn begin(transaction: &WriteTransaction) -> Result<(), FileFault> {
    let (mut packs, mut meta) = (transaction.open_table(PACKS)?, transaction.open_table(META)?);
    let unlinked = meta.get(UNLINKED)?.map(|number| number.value());
    if let Some(unlinked) = unlinked {
        packs.retain_in(unlinked.., |_, _| false)?;
    }
    meta.insert(UNLINKED, next(&packs)?)?;
    Ok(())
}

fn write_some(
    transaction: &WriteTransaction,
    records: &mut Peekable<impl Iterator<Item = Result<Kept, FileFault>>>,
    pointers: &mut Vec<Decided>,
) -> Result<(), FileFault> {
    let mut packs = transaction.open_table(PACKS)?;
    for _ in 0..PACKS_AT_ONCE {
        let number = next(&packs)?;
        let mut packing = Packing::new(number);
        let fits = |packing: &Packing, record: &Result<Kept, FileFault>| {
            record.as_ref().map_or(true, |(_, (record, _))| packing.has_room(record.len()))
        };
        while let Some(record) = records.next_if(|record| fits(&packing, record)) {
            let (key, (record, until)) = record?;
            pointers.push((key, Some((packing.add(&key, &record), until))));
        }
        let pack = packing.into_bytes();
        if pack.is_empty() {
            break;
        }
        packs.insert(number, &pack[..])?;
    }
    Ok(())
}

fn next(packs: &Table<'_, u64, &'static [u8]>) -> Result<u64, FileFault> {
    Ok(packs.last()?.map_or(0, |(number, _)| number.value() + 1))
}

/// Removes the mark, in the transaction that inserts the pointers.
pub(super) fn link(meta: &mut Table<'_, &'static str, u64>) -> Result<(), FileFault> {
    meta.remove(UNLINKED)?;
    Ok(())
}

/// Returns the record that a value is or leads to. If a pointer leads to no record, returns the
/// pointer itself, which cannot be decoded.
pub(super) fn resolve(transaction: &ReadTransaction, value: &[u8]) -> Result<Vec<u8>, FileFault> {
    let Some(pointer) = Pointer::of(value) else { return Ok(value.to_vec()) };
    let packs = match transaction.open_table(PACKS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(value.to_vec()),
        packs => packs?,
    };
    let pack = packs.get(pointer.pack)?;
    let record = pack.as_ref().and_then(|pack| pointer.record(pack.value()));
    Ok(record.unwrap_or(value).to_vec())
}
