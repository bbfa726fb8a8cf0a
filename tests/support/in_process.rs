//! A store in memory.
//!
//! It holds the same records as the other stores and follows the same rules, so only a restart
//! shows the difference. It does no I/O: its futures are ready at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use svm::clock::Timestamp;
use svm::store::index::MOST_IN_USE;
use svm::store::{BoxFuture, Change, Claim, Claimed, Error, InUse, Read, Store, record};
use svm::target::Key;

/// Reads one key of a store that works.
pub async fn read_one(store: &dyn Store, key: Key) -> Read {
    store.read_many([key].into()).await.expect("a store that works").remove(0)
}

/// The bytes of a record beside its own: the entries in the map and in the order of expiry.
const BOOKKEEPING_BYTES: u64 = 200;

/// Records in memory, bounded by their size; beyond the bound, the record that expires first is
/// removed.
#[derive(Debug)]
pub struct InProcess {
    max_bytes: u64,
    contents: Mutex<Contents>,
    in_use: Mutex<HashMap<Key, InUse>>,
}

impl InProcess {
    /// Creates an empty store for at most `max_bytes`.
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, contents: Mutex::default(), in_use: Mutex::default() }
    }
}

impl Store for InProcess {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        let contents = self.contents.lock();
        let read = |key: &Key| {
            let stored = contents.records.get(key);
            stored.map(|stored| Ok(Arc::new(record::decode(*key, &stored.record)?))).transpose()
        };
        let reads = keys.iter().map(read).collect();
        Box::pin(async { Ok(reads) })
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let mut contents = self.contents.lock();
        batch.iter().for_each(|change| contents.apply(change, now));
        contents.sweep(now, self.max_bytes);
        Box::pin(async { Ok(()) })
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.contents.lock().sweep(now, self.max_bytes);
        Box::pin(async { Ok(()) })
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let mut in_use = self.in_use.lock();
        for row in rows.iter() {
            in_use.entry(row.key).and_modify(|known| *known = known.merge(*row)).or_insert(*row);
        }
        let cutoff = bounded(in_use.values().map(|row| row.used_at), cutoff);
        in_use.retain(|_, row| row.used_at >= cutoff);
        Box::pin(async { Ok(()) })
    }

    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
        let in_use = self.in_use.lock();
        let rows = in_use.values().filter(|row| row.used_at >= since).copied();
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.used_at));
        Box::pin(async { Ok(rows) })
    }

    fn is_shared(&self) -> bool {
        false
    }

    /// Grants every claim, since no other process shares the store.
    fn claim(&self, _: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
        Box::pin(async { Ok(Claimed::Granted { wait: Duration::ZERO }) })
    }

    fn probe(&self, _: Duration) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    /// Does nothing: the memory is freed with the last handle.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[derive(Debug, Default)]
struct Contents {
    records: HashMap<Key, Stored>,
    by_expiry: BTreeSet<(Timestamp, Key)>,
    bytes: u64,
}

#[derive(Debug)]
struct Stored {
    record: Bytes,
    keep_until: Timestamp,
}

impl Contents {
    fn apply(&mut self, change: &Change, now: Timestamp) {
        let key = change.key();
        let gives_way = |stored: &Stored| record::gives_way(&stored.record, change.as_of(), now);
        if self.records.get(&key).is_some_and(|stored| !gives_way(stored)) {
            return;
        }
        self.remove(key);
        if let Some((record, keep_until)) = change.record() {
            self.insert(key, Stored { record: record.into(), keep_until });
        }
    }

    fn insert(&mut self, key: Key, stored: Stored) {
        self.bytes += cost(&stored);
        self.by_expiry.insert((stored.keep_until, key));
        self.records.insert(key, stored);
    }

    fn remove(&mut self, key: Key) {
        let Some(stored) = self.records.remove(&key) else { return };
        self.bytes -= cost(&stored);
        self.by_expiry.remove(&(stored.keep_until, key));
    }

    fn sweep(&mut self, now: Timestamp, max_bytes: u64) {
        while let Some(&(keep_until, key)) = self.by_expiry.first() {
            if keep_until > now && self.bytes <= max_bytes {
                return;
            }
            self.remove(key);
        }
    }
}

fn cost(stored: &Stored) -> u64 {
    stored.record.len() as u64 + BOOKKEEPING_BYTES
}

/// Returns the earliest use with which a document stays in an index of at most [`MOST_IN_USE`]
/// documents.
fn bounded(used: impl Iterator<Item = Timestamp>, cutoff: Timestamp) -> Timestamp {
    let mut kept: Vec<_> = used.filter(|used_at| *used_at >= cutoff).collect();
    match kept.len().checked_sub(MOST_IN_USE) {
        None | Some(0) => cutoff,
        Some(over) => *kept.select_nth_unstable(over).1,
    }
}
