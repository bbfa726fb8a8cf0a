//! The index of documents in use, as a table of the file.
//!
//! The table contains runs. A run contains the rows of one save, so it fills a few consecutive
//! pages. In a table by key, each row would change a page of its own, since the order of the keys
//! is random. From time to time svm reads all runs together, and merges the rows of each document.
//!
//! ```text
//! run     rows, each: key 32 bytes, last used u64, last checked u64, and u64 the time at which the
//!         body was fetched that was then current; the latter two are zero where there was no check
//! ```
//!
//! All numbers are little-endian, and all times are in milliseconds. The subtle thing is an
//! outdated row: a later row of the document, the cutoff, or more recently used documents hide it.
//! Once most rows are hidden, svm rewrites the runs. Until then, svm also reads the table by key of
//! an earlier version.

use std::cmp::Reverse;

use parking_lot::Mutex;
use redb::{
    Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction,
};

use super::KeyBytes;
use super::fault::FileFault;
use crate::clock::Timestamp;
use crate::entry::Check;
use crate::store::index::{InUse, MOST_IN_USE};
use crate::target::Key;

const RUNS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("in_use_runs");

/// The times of a row of the table by key.
type RowTimes = (u64, u64, u64);
const BY_KEY: TableDefinition<'_, &KeyBytes, RowTimes> = TableDefinition::new("in_use");

const ROW_BYTES: usize = 56;

/// The rows of a rewritten run. They fill 128 pages.
const RUN_ROWS: usize = 9_300;

/// The number by which hidden rows may exceed the other rows of the table.
const SLACK: usize = MOST_IN_USE / 10;

/// The state of the index, as far as this process knows it.
#[derive(Debug, Default)]
pub(super) struct IndexState {
    /// Documents that were last used before this time are hidden.
    cutoff: Mutex<Timestamp>,
    size: Mutex<Option<Size>>,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    /// The rows in the file.
    rows: usize,
    /// The documents that were not hidden when svm last read all rows.
    documents: usize,
}

impl Size {
    fn is_too_large(self) -> bool {
        self.rows > 2 * self.documents + SLACK
    }
}

impl IndexState {
    fn cutoff(&self) -> Timestamp {
        *self.cutoff.lock()
    }

    /// Records that the file got more rows. Returns true if it may have too many.
    fn added(&self, rows: usize, cutoff: Timestamp) -> bool {
        *self.cutoff.lock() = cutoff;
        self.size.lock().as_mut().is_none_or(|size| {
            size.rows += rows;
            size.is_too_large()
        })
    }
}

/// The documents in use, in the order of their keys.
#[derive(Debug)]
pub(super) struct ByKey(Vec<InUse>);

impl ByKey {
    pub(super) fn of(&self, key: Key) -> Option<InUse> {
        let place = self.0.binary_search_by(|row| row.key.as_bytes().cmp(key.as_bytes()));
        place.ok().map(|place| self.0[place])
    }
}

/// Adds rows to the index. Returns true if the index may now have too many hidden rows
/// ([`rewrite`]).
pub(super) fn remember(
    database: &Database,
    rows: &[InUse],
    cutoff: Timestamp,
    state: &IndexState,
) -> Result<bool, FileFault> {
    if rows.is_empty() {
        return Ok(false);
    }
    let transaction = begin(database)?;
    {
        let mut runs = transaction.open_table(RUNS)?;
        let last = runs.last()?.map(|(number, _)| number.value());
        runs.insert(last.map_or(0, |last| last + 1), &encode(rows)[..])?;
    }
    transaction.commit()?;
    Ok(state.added(rows.len(), cutoff))
}

/// Rewrites the index without hidden rows, if it has too many of them.
pub(super) fn rewrite(database: &Database, state: &IndexState) -> Result<(), FileFault> {
    // This transaction keeps others from adding rows.
    let transaction = begin(database)?;
    let was_by_key = transaction.delete_table(BY_KEY)?;
    let rows = read(database)?;
    let in_file = rows.len();
    let documents = documents(rows, state.cutoff());
    let mut size = Size { rows: in_file, documents: documents.len() };
    if was_by_key || size.is_too_large() {
        size.rows = size.documents;
        write_anew(&transaction, documents)?;
        transaction.commit()?;
    } else {
        transaction.abort()?;
    }
    *state.size.lock() = Some(size);
    Ok(())
}

fn write_anew(transaction: &WriteTransaction, mut rows: Vec<InUse>) -> Result<(), FileFault> {
    rows.sort_unstable_by_key(|row| row.key);
    transaction.delete_table(RUNS)?;
    let mut runs = transaction.open_table(RUNS)?;
    for (number, rows) in (0..).zip(rows.chunks(RUN_ROWS)) {
        runs.insert(number, &encode(rows)[..])?;
    }
    Ok(())
}

/// Returns the documents used at `since` or later, the most recently used first.
pub(super) fn since(
    database: &Database,
    since: Timestamp,
    state: &IndexState,
) -> Result<Vec<InUse>, FileFault> {
    Ok(documents(read(database)?, since.max(state.cutoff())))
}

/// Returns the documents in use, in the order of their keys.
pub(super) fn by_key(database: &Database, state: &IndexState) -> Result<ByKey, FileFault> {
    let mut rows = documents(read(database)?, state.cutoff());
    rows.sort_unstable_by_key(|row| row.key);
    Ok(ByKey(rows))
}

/// Merges the rows of each document. Returns the documents used at `since` or later, the most
/// recently used first, at most [`MOST_IN_USE`] of them.
fn documents(mut rows: Vec<InUse>, since: Timestamp) -> Vec<InUse> {
    // This sort keeps the order in which the rows of a document were saved.
    rows.sort_by_key(|row| row.key);
    rows.dedup_by(|row, merged| {
        let is_same = row.key == merged.key;
        if is_same {
            *merged = merged.merge(*row);
        }
        is_same
    });
    rows.retain(|row| row.used_at >= since);
    rows.sort_unstable_by_key(|row| Reverse(row.used_at));
    rows.truncate(MOST_IN_USE);
    rows
}

/// Returns all rows of the file.
fn read(database: &Database) -> Result<Vec<InUse>, FileFault> {
    let transaction = database.begin_read()?;
    let mut rows = Vec::new();
    match transaction.open_table(BY_KEY) {
        Err(TableError::TableDoesNotExist(_)) => {}
        table => {
            for row in table?.iter()? {
                let (key, times) = row?;
                rows.push(row_of(*key.value(), times.value()));
            }
        }
    }
    match transaction.open_table(RUNS) {
        Err(TableError::TableDoesNotExist(_)) => {}
        runs => {
            for run in runs?.iter()? {
                rows.extend(decode(run?.1.value()));
            }
        }
    }
    Ok(rows)
}

fn begin(database: &Database) -> Result<WriteTransaction, FileFault> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn encode(rows: &[InUse]) -> Vec<u8> {
    let mut run = Vec::with_capacity(rows.len() * ROW_BYTES);
    for InUse { key, used_at, check } in rows {
        let checked = check.map_or([Timestamp::default(); 2], |check| [check.at, check.fetched_at]);
        run.extend_from_slice(key.as_bytes());
        for time in [*used_at, checked[0], checked[1]] {
            run.extend_from_slice(&time.as_millis().to_le_bytes());
        }
    }
    run
}

fn decode(run: &[u8]) -> impl Iterator<Item = InUse> {
    run.as_chunks::<ROW_BYTES>().0.iter().filter_map(|row| {
        let (key, times) = row.split_first_chunk()?;
        let [used_at, at, fetched_at] = times.as_chunks().0 else { return None };
        let [used_at, at, fetched_at] = [used_at, at, fetched_at].map(|it| u64::from_le_bytes(*it));
        Some(row_of(*key, (used_at, at, fetched_at)))
    })
}

fn row_of(key: KeyBytes, (used_at, at, fetched_at): RowTimes) -> InUse {
    let [used_at, at, fetched_at] = [used_at, at, fetched_at].map(Timestamp::from_millis);
    let check = (at != Timestamp::default()).then_some(Check { at, fetched_at });
    InUse { key: Key::from(key), used_at, check }
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

    /// Returns one row for each of these seconds after [`NOW`]: a document that was used then.
    fn rows(used: std::ops::Range<usize>) -> Vec<InUse> {
        used.map(|second| row(second, second as u64)).collect()
    }

    fn row(document: usize, second: u64) -> InUse {
        InUse { key: Key::of(&document.to_string()), used_at: at(second), check: None }
    }

    fn at(second: u64) -> Timestamp {
        NOW + Duration::from_secs(second)
    }

    #[test]
    fn rows_are_counted_once_and_then_only_added_up() {
        let (database, state) = (database(), IndexState::default());
        let remember = |rows: &[InUse]| remember(&database, rows, NOW, &state).unwrap();
        assert!(remember(&rows(0..10)), "nothing is known of an index that was there before");
        rewrite(&database, &state).unwrap();
        assert_eq!(read(&database).unwrap().len(), 10);
        assert!(!remember(&rows(0..SLACK)));
        assert!(remember(&rows(0..11)), "as many as documents, and the slack");
    }

    #[test]
    fn the_later_rows_of_a_document_outlast_the_others() {
        let (database, state) = (database(), IndexState::default());
        let documents = SLACK / 4;
        for round in 0..7 {
            let rows: Vec<_> = (0..documents).map(|it| row(it, round * 60)).collect();
            if remember(&database, &rows, NOW, &state).unwrap() {
                rewrite(&database, &state).unwrap();
            }
        }
        assert_eq!(read(&database).unwrap().len(), documents);
        let found = since(&database, NOW, &state).unwrap();
        assert_eq!(found.len(), documents);
        assert!(found.iter().all(|row| row.used_at == at(360)));
    }

    #[test]
    fn rows_before_the_cutoff_do_not_count() {
        let (database, state) = (database(), IndexState::default());
        remember(&database, &rows(0..10), at(4), &state).unwrap();
        assert_eq!(since(&database, NOW, &state).unwrap().len(), 6);
        let found = by_key(&database, &state).unwrap();
        assert_eq!((found.of(row(3, 3).key), found.of(row(4, 4).key)), (None, Some(row(4, 4))));
        let cutoff = at(SLACK as u64);
        remember(&database, &rows(10..SLACK + 2), cutoff, &state).unwrap();
        rewrite(&database, &state).unwrap();
        assert_eq!(read(&database).unwrap().len(), SLACK + 2, "not too many");
        remember(&database, &rows(SLACK + 2..SLACK + 4), cutoff, &state).unwrap();
        remember(&database, &rows(0..2), cutoff, &state).unwrap();
        rewrite(&database, &state).unwrap();
        assert_eq!(read(&database).unwrap().len(), SLACK + 6);
        remember(&database, &rows(0..3), cutoff, &state).unwrap();
        rewrite(&database, &state).unwrap();
        let mut kept = read(&database).unwrap();
        kept.sort_unstable_by_key(|row| row.used_at);
        assert_eq!(kept, rows(SLACK..SLACK + 4));
    }

    #[test]
    fn of_too_many_documents_the_last_used_stay() {
        let (database, state) = (database(), IndexState::default());
        let most = 2 * MOST_IN_USE + SLACK;
        remember(&database, &rows(0..most), NOW, &state).unwrap();
        rewrite(&database, &state).unwrap();
        assert_eq!(read(&database).unwrap().len(), most);
        assert!(remember(&database, &rows(most..most + 1), NOW, &state).unwrap());
        rewrite(&database, &state).unwrap();
        let found = since(&database, NOW, &state).unwrap();
        assert_eq!((found.len(), found[0]), (MOST_IN_USE, row(most, most as u64)));
        assert_eq!(read(&database).unwrap().len(), MOST_IN_USE);
    }

    #[test]
    fn the_table_by_key_of_an_earlier_version_is_taken_over() {
        let (database, state) = (database(), IndexState::default());
        let check = Check { at: at(2), fetched_at: NOW };
        let old = InUse { check: Some(check), ..row(1, 1) };
        let transaction = begin(&database).unwrap();
        let times = (at(1).as_millis(), at(2).as_millis(), NOW.as_millis());
        transaction.open_table(BY_KEY).unwrap().insert(old.key.as_bytes(), times).unwrap();
        transaction.commit().unwrap();
        assert_eq!(since(&database, NOW, &state).unwrap(), [old]);
        assert!(remember(&database, &[row(1, 5)], NOW, &state).unwrap());
        let merged = InUse { check: Some(check), ..row(1, 5) };
        assert_eq!(since(&database, NOW, &state).unwrap(), [merged]);
        rewrite(&database, &state).unwrap();
        assert_eq!(read(&database).unwrap(), [merged]);
        let by_key = database.begin_read().unwrap().open_table(BY_KEY);
        assert!(matches!(by_key, Err(TableError::TableDoesNotExist(_))));
    }

    #[test]
    fn a_run_that_is_cut_short_keeps_its_whole_rows() {
        let run = encode(&rows(0..3));
        assert_eq!(decode(&run[..run.len() - 1]).collect::<Vec<_>>(), rows(0..2));
    }
}
