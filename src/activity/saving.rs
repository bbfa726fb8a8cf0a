//! The exchange with the store's index of documents in use: the rows to save, and the rows that the
//! index returns.
//!
//! svm saves a row if its change matters to the index; a use that is hardly later than the saved
//! one does not. If the store loses its index while svm runs, the next read of the whole index
//! shows which rows are missing, and svm saves these again.

use std::time::Duration;

use tokio::task::yield_now;

use super::documents::AT_ONCE;
use super::{Activity, Known};
use crate::clock::Timestamp;
use crate::entry::Check;
use crate::store::InUse;
use crate::store::index::MOST_IN_USE;
use crate::target::Key;

/// The changes that make a row worth saving again.
#[derive(Clone, Copy, Debug)]
pub struct Worth {
    /// The time by which its last use must be later than the saved one.
    pub use_moved: Duration,
    /// True if a later check is enough.
    pub checks: bool,
}

/// The last reading of the whole index.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Counts the readings.
    number: u32,
    /// A full index may have dropped documents that were last used at this time or earlier.
    floor: Timestamp,
}

/// The row of a document in the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved {
    used_at: Timestamp,
    check: Option<Check>,
    /// The number of the last reading that found it, or after which it was saved.
    found_in: u32,
}

impl Activity {
    /// Merges the rows of the whole index, except implausible ones. Returns the rows with a check
    /// that was not known here.
    pub async fn merge(&self, rows: &[InUse], now: Timestamp, lookback: Duration) -> Vec<InUse> {
        let reading = self.reading.lock().next(rows);
        let mut news = Vec::new();
        for (number, rows) in rows.chunks(AT_ONCE).enumerate() {
            if number > 0 {
                yield_now().await;
            }
            let plausible = rows.iter().filter_map(|row| row.plausible(now, lookback));
            let learn = |row: &InUse| {
                self.documents.with(row.key, |known| known.learn(*row, reading.number, now))
            };
            news.extend(plausible.filter(learn));
        }
        *self.reading.lock() = reading;
        news
    }

    /// Returns the rows that are worth saving: the index does not know them yet, or has lost them.
    pub async fn unsaved(&self, worth: Worth) -> Vec<InUse> {
        let reading = *self.reading.lock();
        let mut unsaved = Vec::new();
        let documents = self.documents.visit(|piece| {
            let known =
                piece.iter().filter(|(_, known)| known.usage.is_used() && !known.is_bodiless);
            unsaved.extend(known.filter_map(|(key, known)| {
                let row = known.row(*key, reading);
                known.is_worth_saving(&row, worth, reading).then_some(row)
            }));
        });
        documents.await;
        unsaved
    }

    /// Records that the index knows these rows now.
    pub fn saved(&self, rows: &[InUse]) {
        let found_in = self.reading.lock().number;
        for InUse { key, used_at, check } in rows.iter().copied() {
            let saved = Saved { used_at, check, found_in };
            self.documents.with_known(key, |known| known.saved = Some(saved));
        }
    }
}

impl Reading {
    /// Returns the next reading, which has found these rows, the most recently used first.
    fn next(self, rows: &[InUse]) -> Self {
        let is_full = rows.len() >= MOST_IN_USE;
        let last = rows.last().filter(|_| is_full);
        let floor = last.map_or_else(Timestamp::default, |row| row.used_at);
        Self { number: self.number + 1, floor }
    }
}

impl Saved {
    pub(super) fn forget_implausible(&mut self, now: Timestamp) {
        self.check = self.check.filter(|check| check.is_plausible(now));
    }

    fn row(self, key: Key) -> InUse {
        InUse { key, used_at: self.used_at, check: self.check }
    }
}

impl Known {
    /// Merges a row. Returns true if it has a check that was not known here.
    fn learn(&mut self, row: InUse, found_in: u32, now: Timestamp) -> bool {
        self.forget_implausible(now);
        self.usage.record_use(row.used_at);
        let (used_at, check) =
            self.saved.map_or_else(Default::default, |it| (it.used_at, it.check));
        let (used_at, saved) = (used_at.max(row.used_at), check.max(row.check));
        self.saved = Some(Saved { used_at, check: saved, found_in });
        let is_news = row.check > self.check && !self.is_private;
        if is_news {
            self.count_charge(row.check);
        }
        // L1 may hold another body. The check changes when L1 gets the body that was checked.
        if is_news && !self.is_held() {
            self.check = row.check;
        }
        is_news
    }

    /// Counts a check by another replica that has brought another body: it was charged, and the
    /// interval to the next check, by any replica, depends on that.
    fn count_charge(&mut self, check: Option<Check>) {
        if let (Some(check), Some(before)) = (check, self.check)
            && check.fetched_at != before.fetched_at
        {
            self.charges = self.charges.with_adopted(self.usage.used_at(), check.at);
        }
    }

    fn is_worth_saving(&self, row: &InUse, worth: Worth, reading: Reading) -> bool {
        let Some(saved) = self.saved else { return true };
        let is_later = row.used_at > saved.used_at;
        let has_moved = is_later && row.used_at.since(saved.used_at) >= worth.use_moved;
        // A full store evicts by this flag.
        let is_repeated = row.used().is_repeated && !saved.row(row.key).used().is_repeated;
        let is_lost = saved.found_in < reading.number && row.used_at > reading.floor;
        has_moved || is_repeated || is_lost || worth.checks && row.check > saved.check
    }

    /// Returns the row to save. The index may know a later check until it was read once.
    fn row(&self, key: Key, reading: Reading) -> InUse {
        let check = self.check.filter(|_| !self.is_private && reading.number > 0);
        InUse { key, used_at: self.usage.used_at(), check }
    }
}
