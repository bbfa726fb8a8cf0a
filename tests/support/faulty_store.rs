//! A store with faults on demand that no healthy disk has.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::in_process::{InProcess, read_one};
use svm::clock::Timestamp;
use svm::entry::Entry;
use svm::store::{BoxFuture, Change, Claim, Claimed, Error, InUse, Read, Store, record};
use svm::target::Key;
use tokio::sync::watch;

/// The behavior of a store: the way in which its calls end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Calls succeed.
    Works,
    /// Calls fail with an error.
    Fails,
    /// Calls hang until the mood changes.
    Hangs,
    /// Calls panic, as a defect would.
    Panics,
    /// Writes fail with an error; reads succeed.
    FailsWrites,
    /// Calls succeed, but each record is damaged.
    GarblesRecords,
    /// Calls succeed, but as if an earlier version, without gzip forms, had written all records.
    KnowsNoForms,
}

/// The effect of a call on the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
}

/// A store in memory with a mood.
pub struct FaultyStore {
    inner: InProcess,
    mood: Mutex<watch::Sender<Mood>>,
    reads: AtomicUsize,
    looks: AtomicUsize,
}

impl FaultyStore {
    /// Creates an empty store in this mood.
    pub fn in_mood(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            inner: InProcess::new(64 << 20),
            mood: Mutex::new(watch::Sender::new(mood)),
            reads: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
        })
    }

    /// Changes the mood; hanging calls continue.
    pub fn be(&self, mood: Mood) {
        self.mood.lock().unwrap_or_else(PoisonError::into_inner).send_replace(mood);
    }

    /// Returns the number of reads.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Returns the record of a key in any mood, for a comparison with the written one.
    pub async fn holds(&self, key: Key) -> Option<Arc<Entry>> {
        read_one(&self.inner, key).await.expect("a record that was encoded here")
    }

    /// Writes an entry in any mood, as another replica would.
    pub async fn replicate(&self, entry: Arc<Entry>) {
        let now = entry.times.checked_at;
        let put = Change::Put { keep_until: entry.times.expires_at, entry };
        self.inner.apply([put].into(), now).await.expect("a store in memory");
    }

    /// Returns the number of probes.
    pub fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner).borrow()
    }

    fn moody<'a, T: Send + 'a>(
        &self,
        access: Access,
        call: BoxFuture<'a, Result<T, Error>>,
    ) -> BoxFuture<'a, Result<T, Error>> {
        let mut mood = self.mood.lock().unwrap_or_else(PoisonError::into_inner).subscribe();
        Box::pin(async move {
            let settled = mood.wait_for(|mood| *mood != Mood::Hangs).await.map(|mood| *mood);
            match settled {
                Ok(Mood::Works | Mood::GarblesRecords | Mood::KnowsNoForms) => call.await,
                Ok(Mood::FailsWrites) if access == Access::Reads => call.await,
                Ok(Mood::Panics) => panic!("in a panicky mood"),
                _ => Err(Error::Unavailable("in a bad mood".into())),
            }
        })
    }
}

impl Store for FaultyStore {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        self.reads.fetch_add(keys.len(), Ordering::SeqCst);
        let reads = self.moody(Access::Reads, self.inner.read_many(keys));
        Box::pin(async move {
            let mood = self.mood();
            let spoilt = |read: Read| match mood {
                Mood::GarblesRecords => Err(record::Error::Damaged),
                Mood::KnowsNoForms => Ok(read?.map(|entry| {
                    let body = entry.body.bytes().clone().into();
                    Arc::new(Entry { body, ..Arc::unwrap_or_clone(entry) })
                })),
                _ => read,
            };
            Ok(reads.await?.into_iter().map(spoilt).collect())
        })
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.moody(Access::Writes, Box::pin(async move { self.inner.apply(batch, now).await }))
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.moody(Access::Writes, Box::pin(async move { self.inner.sweep(now).await }))
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.moody(Access::Writes, Box::pin(async move { self.inner.remember(rows, cutoff).await }))
    }

    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
        self.moody(Access::Reads, self.inner.in_use(since))
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
        self.moody(Access::Writes, Box::pin(async move { self.inner.claim(claim).await }))
    }

    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>> {
        // A hanging store does not even keep to the budget.
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.moody(Access::Reads, self.inner.probe(budget))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        let closed = self.moody(
            Access::Reads,
            Box::pin(async {
                self.inner.close().await;
                Ok(())
            }),
        );
        Box::pin(async { drop(closed.await) })
    }
}
