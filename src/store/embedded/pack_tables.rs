//! The packs as tables of the file: their contents, and how much of each still has a pointer to it.

use std::collections::HashMap;

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::KeyBytes;
use super::fault::Fault;
use super::packs::{self, Packing, Pointer};

pub(super) const PACKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("packs");
pub(super) const LIVE: TableDefinition<'_, u64, u64> = TableDefinition::new("pack_live");

/// The table of values, by key.
pub(super) type Values<'t> = Table<'t, &'static KeyBytes, &'static [u8]>;

/// The open tables of one write transaction, and what it has changed.
pub(super) struct PackTables<'t> {
    packs: Table<'t, u64, &'static [u8]>,
    live: Table<'t, u64, u64>,
    /// The live bytes of packs that pointers were added to or taken from.
    touched: HashMap<u64, u64>,
}

impl<'t> PackTables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self {
            packs: transaction.open_table(PACKS)?,
            live: transaction.open_table(LIVE)?,
            touched: HashMap::new(),
        })
    }

    /// A pack that no pointer leads to yet.
    pub(super) fn begin(&self) -> Result<Packing, Fault> {
        let last = self.packs.last()?.map(|(number, _)| number.value());
        Ok(Packing::new(last.map_or(0, |number| number + 1)))
    }

    pub(super) fn add(&mut self, pack: Option<(u64, Vec<u8>)>) -> Result<(), Fault> {
        if let Some((number, bytes)) = pack {
            self.packs.insert(number, &bytes[..])?;
        }
        Ok(())
    }

    /// A value was put into its table.
    pub(super) fn inserted(&mut self, value: &[u8]) -> Result<(), Fault> {
        let Some(pointer) = Pointer::of(value) else { return Ok(()) };
        *self.live_bytes(pointer.pack)? += pointer.bytes_in_pack();
        Ok(())
    }

    /// A value was taken from its table.
    pub(super) fn removed(&mut self, value: &[u8]) -> Result<(), Fault> {
        let Some(pointer) = Pointer::of(value) else { return Ok(()) };
        let live = self.live_bytes(pointer.pack)?;
        *live = live.saturating_sub(pointer.bytes_in_pack());
        Ok(())
    }

    fn live_bytes(&mut self, pack: u64) -> Result<&mut u64, Fault> {
        let saved = match self.touched.get(&pack) {
            Some(_) => 0,
            None => self.live.get(pack)?.map_or(0, |live| live.value()),
        };
        Ok(self.touched.entry(pack).or_insert(saved))
    }

    /// Removes packs of which little is left; the rest of them get values of their own.
    pub(super) fn settle(mut self, values: &mut Values<'_>) -> Result<(), Fault> {
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

/// The record that a value leads to; the value itself where it does not, which is no record then.
pub(super) fn resolve(transaction: &ReadTransaction, value: &[u8]) -> Result<Vec<u8>, Fault> {
    let Some(pointer) = Pointer::of(value) else { return Ok(value.to_vec()) };
    let packs = match transaction.open_table(PACKS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(value.to_vec()),
        packs => packs?,
    };
    let pack = packs.get(pointer.pack)?;
    let record = pack.as_ref().and_then(|pack| pointer.record(pack.value()));
    Ok(record.unwrap_or(value).to_vec())
}
