//! The task that writes, with a scripted store.

mod model;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{Drained, Peeked, Source, WriteBehind};
use crate::clock::{Clock, ManualClock, Stopwatch, Timestamp};
use crate::config::WriteBehind as Config;
use crate::entry::Entry;
use crate::store::tests::in_process::{InProcess, read_one};
use crate::store::tests::laws::{NOW, entry, put};
use crate::store::{BoxFuture, Change, Claim, Claimed, Error, InUse, Read, Store};
use crate::target::Key;

const CONFIG: Config = Config {
    queue_size: 16,
    flush_interval: Duration::from_millis(5),
    retry_max_interval: Duration::from_millis(20),
    retry_max_age: Duration::from_secs(300),
};

const NEVER: Duration = Duration::from_secs(3_600);
const LONG: Duration = Duration::from_secs(10);

/// A store that works, fails a number of times first, or hangs.
struct Scripted {
    inner: InProcess,
    failures: AtomicUsize,
    hangs: AtomicBool,
    hung: Notify,
    batches: Mutex<Vec<usize>>,
    sweeps: AtomicUsize,
}

impl Scripted {
    fn failing(times: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: InProcess::new(1 << 20),
            failures: AtomicUsize::new(times),
            hangs: AtomicBool::new(false),
            hung: Notify::new(),
            batches: Mutex::default(),
            sweeps: AtomicUsize::new(0),
        })
    }

    async fn holds(&self, entry: &Arc<Entry>) -> bool {
        read_one(&self.inner, entry.key()).await.unwrap().is_some()
    }
}

impl Store for Scripted {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        self.inner.read_many(keys)
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if self.hangs.load(Ordering::SeqCst) {
                self.hung.notify_one();
                std::future::pending::<()>().await;
            }
            let fails = self
                .failures
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if fails.is_ok() {
                return Err(Error::Unavailable("as scripted".into()));
            }
            self.batches.lock().await.push(batch.len());
            self.inner.apply(batch, now).await
        })
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        self.inner.sweep(now)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.remember(rows, cutoff)
    }

    fn in_use(&self, since: Timestamp) -> BoxFuture<'_, Result<Vec<InUse>, Error>> {
        self.inner.in_use(since)
    }

    fn claim(&self, claim: Claim) -> BoxFuture<'_, Result<Claimed, Error>> {
        self.inner.claim(claim)
    }

    fn probe(&self, budget: Duration) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.probe(budget)
    }
}

fn write_behind(config: Config, store: &Arc<Scripted>) -> WriteBehind {
    let store: Arc<dyn Store> = Arc::<Scripted>::clone(store);
    WriteBehind::new(config, store, Clock::Manual(ManualClock::at(NOW)))
}

/// Runs the task beside `test`, and stops it afterwards.
async fn beside(write_behind: &WriteBehind, test: impl Future<Output = ()>) {
    let shutdown = CancellationToken::new();
    let running = write_behind.run(shutdown.clone());
    tokio::join!(running, async {
        test.await;
        shutdown.cancel();
    });
}

async fn eventually(what: impl AsyncFn() -> bool) {
    let waited = Stopwatch::start();
    while !what().await {
        assert!(waited.elapsed() < LONG, "it did not come true in time");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_pushed_change_is_written_and_no_longer_peeked() {
    let store = Scripted::failing(0);
    let write_behind = write_behind(CONFIG, &store);
    let entry = entry("pushed", 1, "body");
    write_behind.push(put(&entry));
    assert!(
        matches!(write_behind.peek(&entry.key()), Some(Peeked::Put(peeked)) if peeked == entry)
    );
    beside(&write_behind, eventually(async || store.holds(&entry).await)).await;
    assert!(write_behind.peek(&entry.key()).is_none());
    let stats = write_behind.stats();
    assert_eq!((stats.flushed, stats.depth, stats.failed_batches), (1, 0, 0));
}

#[tokio::test]
async fn a_failed_batch_is_written_when_the_store_works_again() {
    let store = Scripted::failing(3);
    let write_behind = write_behind(CONFIG, &store);
    let entry = entry("failed", 1, "body");
    write_behind.push(put(&entry));
    beside(&write_behind, async {
        eventually(async || !write_behind.stats().last_batch_ok).await;
        eventually(async || write_behind.stats().flushed == 1).await;
    })
    .await;
    assert!(store.holds(&entry).await);
    let stats = write_behind.stats();
    assert_eq!((stats.failed_batches, stats.batches, stats.last_batch_ok), (3, 4, true));
}

#[tokio::test]
async fn a_failed_batch_need_not_wait_once_the_store_is_known_to_work() {
    let store = Scripted::failing(1);
    // The first pause after a failure is as long as the interval. So only a half full queue and
    // `retry` cause a write.
    let config = Config { flush_interval: NEVER, retry_max_interval: NEVER, ..CONFIG };
    let write_behind = write_behind(config, &store);
    beside(&write_behind, async {
        for n in 0..8 {
            write_behind.push(put(&entry(&format!("half/{n}"), 1, "x")));
        }
        eventually(async || write_behind.stats().failed_batches == 1).await;
        assert!(!write_behind.stats().last_batch_ok);
        write_behind.retry();
        eventually(async || write_behind.stats().depth == 0).await;
        assert!(write_behind.stats().last_batch_ok);
    })
    .await;
}

#[tokio::test]
async fn a_half_full_queue_is_written_before_the_interval_is_over() {
    let store = Scripted::failing(0);
    let write_behind = write_behind(Config { flush_interval: NEVER, ..CONFIG }, &store);
    for n in 0..7 {
        write_behind.push(put(&entry(&format!("half/{n}"), 1, "body")));
    }
    beside(&write_behind, async {
        tokio::task::yield_now().await;
        assert_eq!(write_behind.stats().flushed, 0);
        write_behind.push(put(&entry("half/7", 1, "body")));
        eventually(async || write_behind.stats().flushed == 8).await;
    })
    .await;
    assert_eq!(*store.batches.lock().await, [8]);
}

#[tokio::test]
async fn a_drain_writes_everything() {
    let store = Scripted::failing(1);
    let write_behind = write_behind(CONFIG, &store);
    (0..12).for_each(|n| write_behind.push(put(&entry(&format!("drain/{n}"), 1, "body"))));
    assert_eq!(write_behind.drain(LONG).await, Drained { flushed: 12, lost: 0 });
    assert_eq!(*store.batches.lock().await, [8, 4]);
}

#[tokio::test]
async fn a_drain_writes_what_has_waited_long() {
    let store = Scripted::failing(0);
    let clock = ManualClock::at(NOW);
    let inner: Arc<dyn Store> = Arc::<Scripted>::clone(&store);
    let write_behind = WriteBehind::new(CONFIG, inner, Clock::Manual(clock.clone()));
    write_behind.push(put(&entry("long ago", 1, "body")));
    clock.advance(CONFIG.retry_max_age * 2);
    assert_eq!(write_behind.drain(LONG).await, Drained { flushed: 1, lost: 0 });
}

#[tokio::test]
async fn a_drain_counts_what_it_could_not_write() {
    let store = Scripted::failing(usize::MAX);
    let write_behind = write_behind(CONFIG, &store);
    (0..12).for_each(|n| write_behind.push(put(&entry(&format!("lost/{n}"), 1, "body"))));
    let drained = write_behind.drain(Duration::from_millis(30)).await;
    assert_eq!(drained, Drained { flushed: 0, lost: 12 });
}

#[tokio::test]
async fn a_batch_in_progress_at_the_shutdown_is_drained() {
    let store = Scripted::failing(0);
    let write_behind = write_behind(CONFIG, &store);
    let entry = entry("shutdown", 1, "body");
    store.hangs.store(true, Ordering::SeqCst);
    write_behind.push(put(&entry));
    beside(&write_behind, store.hung.notified()).await;
    assert!(write_behind.peek(&entry.key()).is_some());
    store.hangs.store(false, Ordering::SeqCst);
    assert_eq!(write_behind.drain(LONG).await, Drained { flushed: 1, lost: 0 });
}

#[tokio::test]
async fn a_push_into_a_hanging_store_never_waits() {
    let store = Scripted::failing(0);
    let write_behind = write_behind(CONFIG, &store);
    store.hangs.store(true, Ordering::SeqCst);
    beside(&write_behind, async {
        write_behind.push(put(&entry("first", 1, "body")));
        store.hung.notified().await;
        (0..100).for_each(|n| write_behind.push(put(&entry(&format!("more/{n}"), 1, "body"))));
    })
    .await;
    let stats = write_behind.stats();
    assert_eq!((stats.depth, stats.dropped_overflow), (16, 85));
}

/// A memory that holds all documents, and records the lost changes that the queue shows meanwhile.
struct Observer {
    queue: Weak<WriteBehind>,
    entries: HashMap<Key, Arc<Entry>>,
    most_lost: Arc<AtomicUsize>,
}

impl Observer {
    fn observe(&self) {
        let lost = self.queue.upgrade().unwrap().stats().dropped_overflow;
        self.most_lost.fetch_max(usize::try_from(lost).unwrap(), Ordering::SeqCst);
    }
}

impl Source for Observer {
    fn lose(&self, _: Key) {
        self.observe();
    }

    fn recall(&self, key: Key) -> Option<Change> {
        self.observe();
        self.entries.get(&key).map(put)
    }
}

#[tokio::test]
async fn a_change_that_is_recalled_never_counts_as_lost() {
    let store = Scripted::failing(usize::MAX);
    let write_behind = Arc::new(write_behind(CONFIG, &store));
    let entries: Vec<_> = (0..60).map(|n| entry(&format!("more/{n}"), 1, "body")).collect();
    let most_lost = Arc::new(AtomicUsize::new(0));
    write_behind.recall_from(Observer {
        queue: Arc::downgrade(&write_behind),
        entries: entries.iter().map(|entry| (entry.key(), Arc::clone(entry))).collect(),
        most_lost: Arc::clone(&most_lost),
    });
    entries.iter().for_each(|entry| write_behind.push(put(entry)));
    assert!(write_behind.stats().owed > 0);
    beside(&write_behind, async {
        store.failures.store(0, Ordering::SeqCst);
        eventually(async || store.holds(&entries[0]).await && write_behind.stats().depth == 0)
            .await;
    })
    .await;
    assert_eq!((write_behind.stats().owed, most_lost.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_queue_of_one_has_room_beside_what_is_being_written() {
    let store = Scripted::failing(0);
    let write_behind = write_behind(Config { queue_size: 1, ..CONFIG }, &store);
    let [old, new] = [entry("only", 1, "old"), entry("only", 2, "new")];
    store.hangs.store(true, Ordering::SeqCst);
    beside(&write_behind, async {
        write_behind.push(put(&old));
        store.hung.notified().await;
        write_behind.push(put(&new));
    })
    .await;
    store.hangs.store(false, Ordering::SeqCst);
    write_behind.drain(LONG).await;
    assert_eq!(read_one(&store.inner, new.key()).await.unwrap(), Some(new));
}

#[tokio::test]
async fn an_idle_queue_sweeps_the_store() {
    let store = Scripted::failing(0);
    let mut write_behind = write_behind(CONFIG, &store);
    write_behind.sweep_interval = Duration::from_millis(10);
    let sweeps = || store.sweeps.load(Ordering::SeqCst);
    beside(&write_behind, eventually(async || sweeps() >= 2)).await;
}

#[tokio::test]
async fn a_change_that_is_too_old_is_dropped_and_counted() {
    let store = Scripted::failing(usize::MAX);
    let clock = ManualClock::at(NOW);
    let inner: Arc<dyn Store> = Arc::<Scripted>::clone(&store);
    let write_behind = WriteBehind::new(CONFIG, inner, Clock::Manual(clock.clone()));
    write_behind.push(put(&entry("old", 1, "body")));
    beside(&write_behind, async {
        eventually(async || write_behind.stats().failed_batches >= 2).await;
        clock.advance(CONFIG.retry_max_age + Duration::from_secs(1));
        eventually(async || write_behind.stats().dropped_age == 1).await;
    })
    .await;
    let stats = write_behind.stats();
    assert_eq!((stats.depth, stats.last_batch_ok), (0, true), "what is gone does not fail");
}
