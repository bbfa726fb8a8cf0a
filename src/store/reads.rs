//! A queue of reads in front of the store. It puts many keys into one operation, and bounds the
//! wait.
//!
//! After a restart, many clients request thousands of stored documents at once. If each request
//! were an operation of its own, most operations would wait for a thread or for the connection, and
//! that wait would look like a store that does not answer. So the reads wait here instead, and the
//! time limit of an operation begins with its work.
//!
//! The subtle thing is a store that does not answer. If an operation fails, all waiting reads fail
//! with it. So a read that arrives during the operation waits no longer than one operation may
//! take.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::metrics::StoreRead;
use super::{Error, Read, Store};
use crate::clock::Stopwatch;
use crate::target::Key;
use crate::tasks::Tasks;

/// The operations that run at once. Each has many keys, so two of them keep the store busy.
const LANES: usize = 2;
/// The most keys of an operation.
const MOST_KEYS: usize = 32;
/// The most reads that wait.
const MOST_WAITING: usize = 8_192;
/// The number of steps in which the budget of an operation passes.
const STEPS: u32 = 5;
/// The resolution of timers. Each timer may fire this much later.
const TICK: Duration = Duration::from_millis(1);
/// An operation gets as many keys as the store can read in the budget divided by this.
const SHARE: u32 = 4;

/// The answer to a read: the result of the store, or the reason why there is none.
pub(super) type ReadAnswer = Result<Read, StoreRead>;

/// A callback that gets the result of each operation.
type Note = Box<dyn Fn(Result<(), &Error>) + Send + Sync>;

/// The waiting reads and the running operations.
pub(super) struct ReadQueue {
    store: Arc<dyn Store>,
    /// The time limit for an operation.
    budget: Duration,
    note: Note,
    state: Mutex<ReadState>,
    operations: Tasks,
}

#[derive(Default)]
struct ReadState {
    waiting: VecDeque<WaitingRead>,
    lanes: usize,
    pace: ReadPace,
}

struct WaitingRead {
    key: Key,
    answer: oneshot::Sender<ReadAnswer>,
}

/// The average time that the store takes per key.
#[derive(Clone, Copy, Debug, Default)]
struct ReadPace(Duration);

impl ReadQueue {
    /// Creates an empty queue. It calls `note` with the result of each operation.
    pub(super) fn new(store: Arc<dyn Store>, budget: Duration, note: Note) -> Self {
        Self { store, budget, note, state: Mutex::default(), operations: Tasks::new() }
    }

    /// Queues the read of a key. Returns `None` if too many reads wait. If the store panics, the
    /// channel closes without an answer.
    pub(super) fn read(self: &Arc<Self>, key: Key) -> Option<oneshot::Receiver<ReadAnswer>> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state.lock();
        if state.waiting.len() >= MOST_WAITING {
            return None;
        }
        state.waiting.push_back(WaitingRead { key, answer });
        if state.lanes < LANES {
            state.lanes += 1;
            self.begin();
        }
        Some(answered)
    }

    fn begin(self: &Arc<Self>) {
        let mut lane = Lane { queue: Arc::clone(self), is_over: false };
        self.operations.spawn(async move {
            loop {
                // Other clients can queue their reads first: an operation costs more than one more
                // key in it.
                yield_now().await;
                let Some(batch) = lane.next() else { return };
                lane.queue.run(batch).await;
            }
        });
    }

    async fn run(&self, batch: Vec<WaitingRead>) {
        let keys: Arc<[Key]> = batch.iter().map(|waiting| waiting.key).collect();
        let took = Stopwatch::start();
        let read = within(self.budget, self.store.read_many(keys)).await;
        match read.unwrap_or(Err(Error::TooSlow(self.budget))) {
            Ok(reads) => {
                (self.note)(Ok(()));
                self.state.lock().pace.note(took.elapsed(), batch.len());
                answer(batch, reads);
            }
            Err(error) => {
                (self.note)(Err(&error));
                let is_slow = matches!(error, Error::TooSlow(_));
                let mut state = self.state.lock();
                if is_slow {
                    state.pace.note_too_slow(self.budget, batch.len());
                }
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                refuse(batch, if is_slow { StoreRead::Timeout } else { StoreRead::Error });
                refuse(waiting, StoreRead::Skipped);
            }
        }
    }
}

fn answer(batch: Vec<WaitingRead>, reads: Vec<Read>) {
    debug_assert_eq!(batch.len(), reads.len());
    for (waiting, read) in batch.into_iter().zip(reads) {
        // The client may have left in the meantime.
        let _ = waiting.answer.send(Ok(read));
    }
}

fn refuse(waiting: impl IntoIterator<Item = WaitingRead>, how: StoreRead) {
    for waiting in waiting {
        let _ = waiting.answer.send(Err(how));
    }
}

/// Waits for `work` for `budget`, in steps. On a busy machine, this task and the work both wait for
/// a processor. However long that takes, it counts as one step, since the store is not at fault.
async fn within<T>(budget: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let step = (budget / STEPS).saturating_sub(TICK).max(TICK);
    for _ in 0..STEPS {
        if let Ok(done) = timeout(step, &mut work).await {
            return Some(done);
        }
    }
    None
}

impl ReadPace {
    fn keys_within(self, time: Duration) -> usize {
        let keys = time.as_nanos().checked_div(self.0.as_nanos()).unwrap_or(u128::MAX);
        usize::try_from(keys).unwrap_or(usize::MAX).clamp(1, MOST_KEYS)
    }

    fn note(&mut self, took: Duration, keys: usize) {
        self.0 = (self.0 * 7 + per_key(took, keys)) / 8;
    }

    /// Notes an operation that did not end within the budget. It counts at once: the breaker opens
    /// after few failures, so the next operation has a quarter of its keys. One with a single key
    /// says nothing: fewer would not have helped.
    fn note_too_slow(&mut self, budget: Duration, keys: usize) {
        if keys > 1 {
            self.0 = self.0.max(per_key(budget, keys));
        }
    }
}

fn per_key(time: Duration, keys: usize) -> Duration {
    time / u32::try_from(keys.max(1)).unwrap_or(u32::MAX)
}

/// A lane: it runs one operation after another while reads wait.
struct Lane {
    queue: Arc<ReadQueue>,
    is_over: bool,
}

impl Lane {
    /// Returns the reads of the next operation. Returns `None` and ends the lane if no read waits.
    fn next(&mut self) -> Option<Vec<WaitingRead>> {
        let queue = &self.queue;
        let mut state = queue.state.lock();
        let count = state.pace.keys_within(queue.budget / SHARE);
        let mut batch = Vec::new();
        while batch.len() < count
            && let Some(waiting) = state.waiting.pop_front()
        {
            // A client that left needs no read.
            if !waiting.answer.is_closed() {
                batch.push(waiting);
            }
        }
        if batch.is_empty() {
            state.lanes -= 1;
            self.is_over = true;
        }
        (!batch.is_empty()).then_some(batch)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // The store panicked. There may be no other lane for the waiting reads, so they end without
        // an answer.
        let mut state = self.queue.state.lock();
        state.lanes -= 1;
        state.waiting.clear();
    }
}
