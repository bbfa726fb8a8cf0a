//! The queue in front of the store: many keys in one operation, and a bound on the wait.
//!
//! A crowd of clients after a restart asks for thousands of stored documents at once. Were each a
//! read of its own, most of them would wait for a thread or for their turn on the connection, and
//! that wait would look like a store that does not answer. So reads wait here, where the wait is
//! ours, and the store is timed from where its work begins.
//!
//! The subtle thing is a store that does not answer. An operation that fails takes all that wait
//! along: a read that came during it has waited no longer than one operation may take.

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

/// Operations at once. Each has many keys, so that two keep the store busy.
const LANES: usize = 2;
/// Keys of an operation.
const MOST_KEYS: usize = 32;
/// Reads that may wait.
const MOST_WAITING: usize = 8_192;
/// The parts in which the budget of an operation passes.
const STEPS: u32 = 5;
/// Timers go by whole milliseconds, and each may fire that much later.
const TICK: Duration = Duration::from_millis(1);
/// An operation gets as many keys as the store has read in this part of the budget.
const SHARE: u32 = 4;

/// The answer to a read: what the store has, or what became of the read.
pub(super) type ReadAnswer = Result<Read, StoreRead>;

/// Hears of each operation whether the store answered.
type Note = Box<dyn Fn(Result<(), &Error>) + Send + Sync>;

/// Reads that wait, and the operations that are under way.
pub(super) struct ReadQueue {
    store: Arc<dyn Store>,
    /// The time that an operation may take.
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

/// The time that the store takes for a key, on average.
#[derive(Clone, Copy, Debug, Default)]
struct ReadPace(Duration);

impl ReadQueue {
    /// A queue in which no read waits. `note` hears how each operation ended.
    pub(super) fn new(store: Arc<dyn Store>, budget: Duration, note: Note) -> Self {
        Self { store, budget, note, state: Mutex::default(), operations: Tasks::new() }
    }

    /// Has a key read; nothing if too many reads wait. An answer that never comes means that the
    /// store panicked.
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
                // Clients whose requests have come in meanwhile ask as well: an operation costs
                // more than another key in it.
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
                let waiting = std::mem::take(&mut self.state.lock().waiting);
                refuse(
                    batch,
                    if matches!(error, Error::TooSlow(_)) {
                        StoreRead::Timeout
                    } else {
                        StoreRead::Error
                    },
                );
                refuse(waiting, StoreRead::Skipped);
            }
        }
    }
}

fn answer(batch: Vec<WaitingRead>, reads: Vec<Read>) {
    debug_assert_eq!(batch.len(), reads.len());
    for (waiting, read) in batch.into_iter().zip(reads) {
        // A client may have left meanwhile.
        let _ = waiting.answer.send(Ok(read));
    }
}

fn refuse(waiting: impl IntoIterator<Item = WaitingRead>, how: StoreRead) {
    for waiting in waiting {
        let _ = waiting.answer.send(Err(how));
    }
}

/// Gives work so much time, as far as this task could have noticed its end: on a busy machine the
/// task and the work both wait for a processor, and that is no fault of the store.
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
        let one = took / u32::try_from(keys.max(1)).unwrap_or(u32::MAX);
        self.0 = (self.0 * 7 + one) / 8;
    }
}

/// One operation after another, for as long as reads wait.
struct Lane {
    queue: Arc<ReadQueue>,
    is_over: bool,
}

impl Lane {
    /// The reads of the next operation; nothing where none waits, and then the lane is over.
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
        // The store panicked. Whatever waits may wait for nobody now, so it is told.
        let mut state = self.queue.state.lock();
        state.lanes -= 1;
        state.waiting.clear();
    }
}
