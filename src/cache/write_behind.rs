//! A write-behind queue for L2: the cache pushes changes and goes on, and one task writes them.
//!
//! A push never waits. While the store fails, the queue fills up to its bounds and then drops its
//! oldest changes, which are counted: a cache may lose a write. The queue does not decide which
//! entries belong in L2. A batch whose outcome is unknown, past its deadline or cut off by the
//! shutdown, is written again; that is harmless, since applying a batch twice has the effect of
//! applying it once.

mod queue;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::queue::{Queue, QueueBounds};
use crate::backoff::{Backoff, jittered};
use crate::cache::bounded_set::BoundedSet;
use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::store::{Change, Error, Store, WriteRefusal};
use crate::target::Key;
use crate::telemetry::chain;
use crate::telemetry::outage::Outage;

pub use self::queue::Peeked;

/// The most bytes of bodies that wait.
const QUEUE_BYTES: usize = 64 << 20;

/// The largest batch.
const BATCH_KEYS: usize = 256;
const BATCH_BYTES: usize = 16 << 20;

/// The time limit for one batch, and for one sweep of the store.
const DEADLINE: Duration = Duration::from_secs(5);

/// The interval of the store's sweeps while there is nothing to write.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The keys of changes that the queue dropped for lack of room: memory supplies the changes again
/// later. Beyond the bound, a few megabytes, the oldest keys are dropped; their changes are lost
/// until the next check of the document.
type Owed = BoundedSet<Key, 65_536>;

/// The state of the queue, and the results of earlier changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The changes that wait or are being written.
    pub depth: usize,
    /// The bytes of their bodies.
    pub bytes: usize,
    /// The changes dropped because the queue was full, which memory cannot supply again.
    pub dropped_overflow: u64,
    /// The changes dropped because the queue was full, which memory will supply again.
    pub owed: usize,
    /// The changes dropped because they waited too long.
    pub dropped_age: u64,
    /// The changes that were written.
    pub flushed: u64,
    /// The batches that were tried.
    pub batches: u64,
    /// The batches that failed or took too long.
    pub failed_batches: u64,
    /// The time spent on all batches, failed ones included.
    pub batch_time: Duration,
    /// True if the last batch was written, or if its changes have been dropped since.
    pub last_batch_ok: bool,
}

impl Stats {
    /// Returns how many changes were dropped, for any reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_overflow + self.dropped_age
    }
}

/// The result of a drain, in changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// The changes that were written.
    pub flushed: u64,
    /// The changes that were not written, as far as is known.
    pub lost: u64,
}

/// A source that can supply lost changes again.
pub trait Source: Send + Sync + 'static {
    /// Marks the document of a lost change, so that its next check writes it again.
    fn lose(&self, key: Key);

    /// Returns the current change of this key, if the document still exists.
    fn recall(&self, key: Key) -> Option<Change>;
}

/// The queue, and the task that empties it into the store.
pub struct WriteBehind {
    config: config::WriteBehind,
    sweep_interval: Duration,
    store: Arc<dyn Store>,
    clock: Clock,
    queue: Mutex<Queue>,
    /// Lock order: never locked while the queue is.
    owed: Mutex<Owed>,
    /// Changes that are no longer owed, since they or later ones of their keys are in the queue.
    recalled: AtomicU64,
    source: OnceLock<Box<dyn Source>>,
    half_full: Notify,
    works_again: Notify,
    batches: AtomicU64,
    failed_batches: AtomicU64,
    batch_micros: AtomicU64,
    last_batch_ok: AtomicBool,
    outage: Mutex<Outage<WriteRefusal>>,
}

impl WriteBehind {
    /// Creates an empty queue in front of a store.
    pub fn new(config: config::WriteBehind, store: Arc<dyn Store>, clock: Clock) -> Self {
        let limits = QueueBounds {
            // One may be in flight; a change that is pushed in the meantime must not be dropped for
            // lack of a second slot.
            keys: config.queue_size.max(2),
            bytes: QUEUE_BYTES,
            // At most half of the queue, so that there is room for changes during a write.
            batch_keys: (config.queue_size / 2).clamp(1, BATCH_KEYS),
            batch_bytes: BATCH_BYTES,
            max_age: config.retry_max_age,
        };
        Self {
            config,
            sweep_interval: SWEEP_INTERVAL,
            store,
            clock,
            queue: Mutex::new(Queue::new(limits)),
            owed: Mutex::default(),
            recalled: AtomicU64::new(0),
            source: OnceLock::new(),
            half_full: Notify::new(),
            works_again: Notify::new(),
            batches: AtomicU64::new(0),
            failed_batches: AtomicU64::new(0),
            batch_micros: AtomicU64::new(0),
            last_batch_ok: AtomicBool::new(true),
            outage: Mutex::default(),
        }
    }

    /// Returns the time within which the changes of a replica reach a store that works.
    pub fn usual_delay(&self) -> Duration {
        2 * self.config.flush_interval
    }

    /// Pushes a change. Never waits.
    pub fn push(&self, change: Change) {
        let now = self.clock.now();
        // Held until all dropped keys are owed, so that `stats` counts none of them as lost.
        let mut owed = self.owed.lock();
        let mut queue = self.queue.lock();
        let dropped = queue.push(change, now);
        if queue.is_half_full() {
            self.half_full.notify_one();
        }
        drop(queue);
        if self.source.get().is_some() {
            // A key that was already owed is dropped twice and written once.
            let again = dropped.iter().filter(|key| !owed.add(**key)).count();
            self.recalled.fetch_add(again as u64, Ordering::Relaxed);
        }
        drop(owed);
        self.lose(&dropped);
    }

    /// Sets the source that supplies dropped changes again once there is room.
    pub fn recall_from(&self, source: impl Source) {
        // Only the first source counts: there is one memory.
        let _ = self.source.set(Box::new(source));
    }

    fn lose(&self, keys: &[Key]) {
        if let Some(source) = self.source.get() {
            keys.iter().for_each(|key| source.lose(*key));
        }
    }

    /// Fills half of the queue with changes that are owed.
    fn recall(&self) {
        let Some(source) = self.source.get() else { return };
        while !self.queue.lock().is_half_full() {
            // Counted first: between the two, `stats` shows too few lost changes and never too
            // many, which its counter would keep.
            self.recalled.fetch_add(1, Ordering::Relaxed);
            let Some(key) = self.owed.lock().next() else {
                self.recalled.fetch_sub(1, Ordering::Relaxed);
                return;
            };
            if self.peek(&key).is_some() {
                continue;
            }
            match source.recall(key) {
                Some(change) => self.push(change),
                // A document that memory no longer holds is lost.
                None => drop(self.recalled.fetch_sub(1, Ordering::Relaxed)),
            }
        }
    }

    /// Retries a batch that waits after a failure, at once. To be called when the store works
    /// again. If none waits, the next failed batch is retried at once.
    pub fn retry(&self) {
        self.works_again.notify_one();
    }

    /// Returns the newest change of a key that the store may not have yet.
    pub fn peek(&self, key: &Key) -> Option<Peeked> {
        self.queue.lock().peek(key)
    }

    /// Returns the state of the queue.
    pub fn stats(&self) -> Stats {
        // In this order, a change that moves in the meantime counts as kept.
        let queue = self.queue.lock();
        let tally = queue.tally();
        let (depth, bytes) = (queue.len(), queue.bytes());
        drop(queue);
        let owed = self.owed.lock().len();
        let kept = self.recalled.load(Ordering::Relaxed) + owed as u64;
        Stats {
            depth,
            bytes,
            dropped_overflow: tally.dropped_overflow.saturating_sub(kept),
            owed,
            dropped_age: tally.dropped_age,
            flushed: tally.flushed,
            batches: self.batches.load(Ordering::Relaxed),
            failed_batches: self.failed_batches.load(Ordering::Relaxed),
            batch_time: Duration::from_micros(self.batch_micros.load(Ordering::Relaxed)),
            // An empty queue has no failing batch.
            last_batch_ok: depth == 0 || self.last_batch_ok.load(Ordering::Relaxed),
        }
    }

    /// Writes until `shutdown`. The batch in flight then waits again, for [`WriteBehind::drain`].
    pub async fn run(&self, shutdown: CancellationToken) {
        // A batch that was in flight when an earlier run panicked waits again.
        self.queue.lock().batch_cut_off();
        shutdown.run_until_cancelled(self.write_forever()).await;
        self.queue.lock().batch_cut_off();
    }

    /// Writes all waiting changes within `limit`. To be called after [`WriteBehind::run`] has
    /// returned.
    pub async fn drain(&self, limit: Duration) -> Drained {
        let before = self.stats();
        // After the limit, the rest is only counted.
        let _ = timeout(limit, self.write_all()).await;
        let after = self.stats();
        let dropped = after.dropped().saturating_sub(before.dropped());
        let lost = dropped + after.depth as u64 + after.owed as u64;
        Drained { flushed: after.flushed - before.flushed, lost }
    }

    async fn write_forever(&self) {
        let mut last_wait = None;
        let mut swept = Stopwatch::start();
        loop {
            tokio::select! {
                () = sleep(self.config.flush_interval) => {}
                () = self.half_full.notified() => {}
            }
            while self.write_batch(&mut last_wait).await {}
            if swept.elapsed() >= self.sweep_interval && self.stats().depth == 0 {
                self.sweep().await;
                swept = Stopwatch::start();
            }
        }
    }

    async fn write_all(&self) {
        let mut last_wait = None;
        while self.write_batch(&mut last_wait).await {}
    }

    /// Writes one batch, or waits after a failure. Returns false if there was nothing to write.
    async fn write_batch(&self, last_wait: &mut Option<Duration>) -> bool {
        let Some(batch) = self.queue.lock().take_batch() else { return false };
        let now = self.clock.now();
        let took = Stopwatch::start();
        let applied = timeout(DEADLINE, self.store.apply(batch, now)).await;
        self.count(took.elapsed());
        match applied {
            Ok(Ok(())) => {
                self.queue.lock().batch_done();
                self.recall();
                *last_wait = None;
                self.mark_working();
                return true;
            }
            Ok(Err(error)) => self.mark_failing(&error),
            Err(_) => self.mark_failing(&Error::TooSlow(DEADLINE)),
        }
        let aged = self.queue.lock().batch_failed(self.clock.now());
        self.lose(&aged);
        let config::WriteBehind { flush_interval, retry_max_interval, .. } = self.config;
        let backoff = Backoff { first: flush_interval, longest: retry_max_interval };
        let wait = backoff.after(*last_wait);
        *last_wait = Some(wait);
        tokio::select! {
            () = sleep(jittered(wait, fastrand::f64())) => {}
            () = self.works_again.notified() => {}
        }
        true
    }

    async fn sweep(&self) {
        let swept = timeout(DEADLINE, self.store.sweep(self.clock.now())).await;
        if !matches!(swept, Ok(Ok(()))) {
            tracing::debug!(?swept, "sweep of the store failed");
        }
    }

    fn count(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.batch_micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn mark_working(&self) {
        self.last_batch_ok.store(true, Ordering::Relaxed);
        if let Some(ended) = self.outage.lock().succeeded() {
            let (failures, since) = (ended.failures, ended.since);
            tracing::info!(failures, %since, "writes to the store work again");
        }
    }

    fn mark_failing(&self, error: &Error) {
        self.failed_batches.fetch_add(1, Ordering::Relaxed);
        self.last_batch_ok.store(false, Ordering::Relaxed);
        let mut outage = self.outage.lock();
        let found = WriteRefusal::of(error);
        let cause = outage.cause().filter(|_| found.is_vague()).unwrap_or(found);
        if let Some(line) = outage.failed(cause, self.clock.now()) {
            let (cause, error, since) = (cause.as_str(), chain(error), line.since);
            let failures = line.failures;
            tracing::warn!(
                cause,
                error,
                failures,
                %since,
                "writes to the store fail; they wait and are tried again"
            );
        }
    }
}
