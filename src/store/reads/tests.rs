//! The queue, in front of a store whose operations wait at a gate.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use super::*;
use crate::clock::Timestamp;
use crate::store::tests::in_process::InProcess;
use crate::store::tests::laws::entry;
use crate::store::{BoxFuture, Change, Claim, Claimed, InUse};

const BUDGET: Duration = Duration::from_millis(50);

/// A store whose operations wait for a permit and for the time of their keys, and then panic if
/// `panics` is true.
struct Gated {
    inner: InProcess,
    operations: Mutex<Vec<usize>>,
    begun: Notify,
    gate: Semaphore,
    per_key: Duration,
    panics: bool,
}

impl Gated {
    fn new(panics: bool) -> Arc<Self> {
        Self::taking(Duration::ZERO, panics)
    }

    fn taking(per_key: Duration, panics: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: InProcess::new(1 << 20),
            operations: Mutex::default(),
            begun: Notify::new(),
            gate: Semaphore::new(0),
            per_key,
            panics,
        })
    }

    /// Returns the number of keys of each operation.
    fn operations(&self) -> Vec<usize> {
        self.operations.lock().clone()
    }
}

impl Store for Gated {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        self.operations.lock().push(keys.len());
        self.begun.notify_one();
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            sleep(self.per_key * u32::try_from(keys.len()).unwrap()).await;
            assert!(!self.panics, "as told");
            self.inner.read_many(keys).await
        })
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.apply(batch, now)
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.sweep(now)
    }

    fn remember(&self, rows: Arc<[InUse]>, at: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.remember(rows, at)
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

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

/// Returns a queue, and the number of its failed operations.
fn queue(store: &Arc<Gated>) -> (Arc<ReadQueue>, Arc<AtomicUsize>) {
    let failed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&failed);
    let note = move |answered: Result<(), &Error>| {
        count.fetch_add(usize::from(answered.is_err()), Ordering::SeqCst);
    };
    let store: Arc<dyn Store> = Arc::<Gated>::clone(store);
    (Arc::new(ReadQueue::new(store, BUDGET, Box::new(note))), failed)
}

fn key(number: usize) -> Key {
    entry(&number.to_string(), 0, "").key()
}

/// Starts an operation with one key in each lane.
async fn occupy(queue: &Arc<ReadQueue>, store: &Gated) -> Vec<oneshot::Receiver<ReadAnswer>> {
    let mut answers = Vec::new();
    for _ in 0..LANES {
        answers.extend(ask(queue, 1));
        store.begun.notified().await;
    }
    answers
}

fn ask(queue: &Arc<ReadQueue>, count: usize) -> Vec<oneshot::Receiver<ReadAnswer>> {
    (0..count).map(|number| queue.read(key(number)).expect("room")).collect()
}

#[tokio::test(start_paused = true)]
async fn reads_that_wait_share_an_operation() {
    let store = Gated::new(false);
    let (queue, failed) = queue(&store);
    let first = occupy(&queue, &store).await;
    let others = ask(&queue, MOST_KEYS + 3);
    store.gate.add_permits(100);
    for answer in first.into_iter().chain(others) {
        assert!(matches!(answer.await.unwrap(), Ok(Ok(None))));
    }
    let operations = store.operations();
    assert_eq!(operations.iter().sum::<usize>(), LANES + MOST_KEYS + 3);
    assert!(operations.len() <= LANES + 2, "{operations:?}");
    assert_eq!(failed.load(Ordering::SeqCst), 0);
    let again = queue.read(key(0)).expect("room").await.unwrap();
    assert!(again.is_ok(), "a lane begins anew");
}

#[tokio::test(start_paused = true)]
async fn reads_of_one_moment_share_an_operation() {
    let store = Gated::new(false);
    let (queue, _) = queue(&store);
    store.gate.add_permits(100);
    let reading = |number| {
        let queue = Arc::clone(&queue);
        async move { queue.read(key(number)).expect("room").await }
    };
    let answers: tokio::task::JoinSet<_> = (0..MOST_KEYS).map(reading).collect();
    assert!(answers.join_all().await.iter().all(|answer| matches!(answer, Ok(Ok(Ok(None))))));
    assert_eq!(store.operations(), [MOST_KEYS]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_takes_along_what_waits() {
    let store = Gated::new(false);
    let (queue, failed) = queue(&store);
    let first = occupy(&queue, &store).await;
    let others = ask(&queue, 5);
    for answer in first {
        assert_eq!(answer.await.unwrap().unwrap_err(), StoreRead::Timeout);
    }
    for answer in others {
        assert_eq!(answer.await.unwrap().unwrap_err(), StoreRead::Skipped);
    }
    assert_eq!((store.operations().len(), failed.load(Ordering::SeqCst)), (LANES, LANES));
}

#[tokio::test(start_paused = true)]
async fn after_a_slow_operation_the_next_ones_have_fewer_keys() {
    let store = Gated::taking(BUDGET / 16, false);
    let (queue, failed) = queue(&store);
    store.gate.add_permits(100);
    for answer in ask(&queue, MOST_KEYS) {
        assert_eq!(answer.await.unwrap().unwrap_err(), StoreRead::Timeout);
    }
    for answer in ask(&queue, MOST_KEYS) {
        assert!(matches!(answer.await.unwrap(), Ok(Ok(None))));
    }
    assert_eq!(store.operations()[..3], [MOST_KEYS, MOST_KEYS / 4, MOST_KEYS / 4]);
    assert_eq!(failed.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_operation_with_one_key_says_nothing_of_more() {
    let store = Gated::new(false);
    let (queue, failed) = queue(&store);
    for answer in occupy(&queue, &store).await {
        assert_eq!(answer.await.unwrap().unwrap_err(), StoreRead::Timeout);
    }
    store.gate.add_permits(100);
    for answer in ask(&queue, MOST_KEYS) {
        assert!(matches!(answer.await.unwrap(), Ok(Ok(None))));
    }
    assert_eq!(store.operations(), [1, 1, MOST_KEYS]);
    assert_eq!(failed.load(Ordering::SeqCst), LANES);
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_no_read_waiting() {
    let store = Gated::new(true);
    let (queue, _) = queue(&store);
    let answers = ask(&queue, LANES + 4);
    store.gate.add_permits(100);
    for answer in answers {
        assert!(answer.await.is_err());
    }
    assert_eq!(queue.state.lock().lanes, 0);
}

#[tokio::test(start_paused = true)]
async fn so_many_reads_wait_and_no_more() {
    let store = Gated::new(false);
    let (queue, _) = queue(&store);
    let first = occupy(&queue, &store).await;
    let waiting = ask(&queue, MOST_WAITING);
    assert!(queue.read(key(0)).is_none());
    drop((first, waiting));
}

#[test]
fn a_slow_store_gets_few_keys_at_once() {
    let mut pace = ReadPace::default();
    assert_eq!(pace.keys_within(BUDGET), MOST_KEYS);
    for _ in 0..50 {
        pace.note(Duration::from_millis(10), 1);
    }
    assert!((1..=6).contains(&pace.keys_within(BUDGET)));
    for _ in 0..50 {
        pace.note(Duration::from_secs(1), 1);
    }
    assert_eq!(pace.keys_within(BUDGET), 1);
    for _ in 0..200 {
        pace.note(Duration::from_micros(640), 32);
    }
    assert_eq!(pace.keys_within(BUDGET), MOST_KEYS);
}
