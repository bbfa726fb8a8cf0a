//! A guard for calls to the store: it ends each call in time, keeps errors from its callers, and
//! makes no call while the store fails.
//!
//! Every read of L2 and every use of the index by the background goes through the guard. The
//! write-behind queue does not use it: a store that refuses writes may still be read. The guard
//! also logs the state of the store: one line when an outage begins and one when it ends, whether a
//! read or a probe noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::breaker::Breaker;
use super::metrics::{StoreMetrics, StoreRead};
use super::reads::{ReadAnswer, ReadQueue};
use super::{BoxFuture, Error, Read, Store};
use crate::clock::Stopwatch;
use crate::entry::Entry;
use crate::target::Key;
use crate::telemetry::chain;

/// The time that a probe gets beyond the budget of a read, to open or connect the store.
const TIME_TO_OPEN: Duration = Duration::from_millis(500);

/// The reason why a read does not show whether the store has a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The store was not read, or did not answer.
    Silent,
    /// The store has a record that this process cannot use: it is damaged, or a later version of
    /// svm wrote it, which can still use it.
    Unusable,
}

/// A store behind a breaker.
pub struct Guard {
    store: Arc<dyn Store>,
    /// The time limit for one operation.
    budget: Duration,
    /// The time limit for one read, including its wait in the queue.
    patience: Duration,
    queue: Arc<ReadQueue>,
    state: Arc<StoreState>,
}

/// The state of the store, derived from its reads and probes.
struct StoreState {
    /// Never locked during a call to the store.
    breaker: Mutex<Breaker>,
    /// True once a probe has ended. Before that, svm may not have connected yet, and failed reads
    /// say nothing about the store.
    probed: AtomicBool,
    metrics: StoreMetrics,
}

impl Guard {
    /// Creates a guard with a closed breaker. Each operation may take `budget`. Each read may take
    /// `patience`, including its wait in the queue.
    pub fn new(
        store: Arc<dyn Store>,
        budget: Duration,
        patience: Duration,
        metrics: StoreMetrics,
    ) -> Self {
        let (breaker, probed) = (Mutex::default(), AtomicBool::new(false));
        let state = Arc::new(StoreState { breaker, probed, metrics });
        let note = {
            let state = Arc::clone(&state);
            move |answered: Result<(), &Error>| state.read(answered)
        };
        let queue = Arc::new(ReadQueue::new(Arc::clone(&store), budget, Box::new(note)));
        Self { store, budget, patience, queue, state }
    }

    /// Reads the stored entry of a key, and counts the result.
    ///
    /// # Errors
    ///
    /// [`Unread`]: the store may have the document or not.
    pub async fn ask(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        let metrics = &self.state.metrics;
        if self.is_open() {
            metrics.read_skipped();
            return Err(Unread::Silent);
        }
        let took = Stopwatch::start();
        let answer = self.wait(key).await;
        match &answer {
            Err(StoreRead::Skipped) => metrics.read_skipped(),
            Err(how) => metrics.read(*how, took.elapsed()),
            Ok(read) => metrics.read(result(read), took.elapsed()),
        }
        let read = answer.map_err(|_| Unread::Silent)?;
        read.map_err(|error| {
            tracing::debug!(%key, error = chain(&error), "L2 record is unusable");
            Unread::Unusable
        })
    }

    async fn wait(&self, key: Key) -> ReadAnswer {
        let answered = self.queue.read(key).ok_or(StoreRead::Skipped)?;
        match timeout(self.patience, answered).await {
            Ok(Ok(answer)) => answer,
            // The store panicked.
            Ok(Err(_)) => Err(StoreRead::Error),
            // Too many reads wait before this one. That says nothing about the store.
            Err(_) => Err(StoreRead::Skipped),
        }
    }

    /// Makes a call that may take longer than a read, because no client waits for it: a call about
    /// the documents in use. Returns `None` if the store is in trouble, the call fails or the limit
    /// passes. The result does not affect the breaker.
    pub async fn within<T>(
        &self,
        limit: Duration,
        call: impl for<'a> FnOnce(&'a dyn Store) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Option<T> {
        if !self.state.breaker.lock().is_well() {
            return None;
        }
        let called = timeout(limit, call(&*self.store)).await;
        match called.unwrap_or(Err(Error::TooSlow(limit))) {
            Ok(given) => Some(given),
            Err(error) => {
                self.state.metrics.index_errors.inc();
                tracing::debug!(error = chain(&error), "a call about the documents in use failed");
                None
            }
        }
    }

    /// Probes the store once. One failed probe alone does not make the store count as down.
    ///
    /// # Errors
    ///
    /// If the store is down: a sentence for `/healthz`.
    pub async fn probe(&self) -> Result<(), &'static str> {
        let probe = timeout(self.budget + TIME_TO_OPEN, self.store.probe(self.budget)).await;
        let probe = probe.unwrap_or(Err(Error::TooSlow(self.budget)));
        let trouble = probe.as_ref().err();
        let now = self.state.update_and_log(trouble, |breaker| breaker.probed(trouble.is_none()));
        self.state.probed.store(true, Ordering::Relaxed);
        match trouble {
            None => Ok(()),
            Some(_) if now.is_up() => Ok(()),
            Some(Error::TooSlow(_)) => Err("the store does not answer"),
            Some(_) => Err("the store cannot be read"),
        }
    }

    /// Returns how often the store has lost all its contents ([`Store::losses`]).
    pub fn losses(&self) -> u64 {
        self.store.losses()
    }

    /// Returns true if other processes may use the same store at the same time.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Returns true if the breaker is open: the guard makes no reads.
    pub fn is_open(&self) -> bool {
        self.state.breaker.lock().is_open()
    }
}

impl StoreState {
    /// Records the result of a read operation.
    fn read(&self, answered: Result<(), &Error>) {
        let trouble = answered.err();
        if let Some(error) = trouble {
            tracing::debug!(error = chain(error), "L2 cannot be read");
        }
        if self.probed.load(Ordering::Relaxed) {
            self.update_and_log(trouble, |breaker| breaker.read(trouble.is_none()));
        }
    }

    /// Updates the breaker and the gauges, and logs the beginning or the end of an outage.
    fn update_and_log(&self, why: Option<&Error>, update: impl FnOnce(&mut Breaker)) -> Breaker {
        let (before, now) = {
            // The lock is held for the gauges too, so they show the latest state.
            let mut breaker = self.breaker.lock();
            let before = *breaker;
            update(&mut breaker);
            if before.is_open() != breaker.is_open() {
                self.metrics.set_breaker_open(breaker.is_open());
            }
            self.metrics.up.set(breaker.is_up().into());
            (before, *breaker)
        };
        match (before.is_well(), now.is_well()) {
            (true, false) => {
                let error = why.map(|error| chain(error));
                tracing::warn!(error, "the persistent store is in trouble; serving without it");
            }
            (false, true) => tracing::info!("the persistent store works again"),
            _ => {}
        }
        now
    }
}

fn result(read: &Read) -> StoreRead {
    match read {
        Ok(Some(_)) => StoreRead::Hit,
        Ok(None) => StoreRead::Miss,
        Err(_) => StoreRead::Error,
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::clock::Clock;
    use crate::config;
    use crate::metrics::Registry;
    use crate::store::embedded::Embedded;
    use crate::store::index::InUse;
    use crate::store::tests::in_process::InProcess;
    use crate::store::tests::laws::{NOW, entry};

    const LONG: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(5);

    fn guard() -> Guard {
        Guard::new(
            Arc::new(InProcess::new(1 << 20)),
            LONG,
            LONG,
            StoreMetrics::new(&Registry::default()),
        )
    }

    /// Returns how many calls about the documents in use failed, and whether the breaker is open.
    fn state(guard: &Guard) -> (u64, bool) {
        (guard.state.metrics.index_errors.get(), guard.is_open())
    }

    async fn fails(guard: &Guard) -> Option<()> {
        let error = || Err(Error::Unavailable("as told".into()));
        guard.within(LONG, |_| Box::pin(async move { error() })).await
    }

    #[tokio::test]
    async fn a_call_about_the_documents_in_use_reaches_the_store() {
        let guard = guard();
        let row = InUse { key: entry("used", 0, "").key(), used_at: NOW, check: None };
        let remembered = guard.within(LONG, |store| store.remember([row].into(), NOW)).await;
        assert_eq!(remembered, Some(()));
        assert_eq!(guard.within(LONG, |store| store.in_use(NOW)).await, Some(vec![row]));
        assert_eq!(state(&guard), (0, false));
    }

    #[tokio::test]
    async fn one_that_fails_is_counted_and_does_not_move_the_breaker() {
        let guard = guard();
        for _ in 0..10 {
            assert_eq!(fails(&guard).await, None);
        }
        assert_eq!(state(&guard), (10, false));
    }

    #[tokio::test]
    async fn one_that_hangs_ends_at_its_limit() {
        let guard = guard();
        assert_eq!(guard.within::<()>(SHORT, |_| Box::pin(pending())).await, None);
        assert_eq!(state(&guard), (1, false));
    }

    #[tokio::test]
    async fn with_an_open_breaker_none_is_made() {
        let guard = guard();
        for _ in 0..5 {
            guard.state.update_and_log(None, |breaker| breaker.read(false));
        }
        let called = guard.within::<()>(LONG, |_| unreachable!("the breaker is open")).await;
        assert_eq!((called, state(&guard)), (None, (0, true)));
    }

    #[tokio::test]
    async fn a_failure_before_the_first_probe_opens_no_breaker() {
        let dir = tempfile::tempdir().unwrap();
        let config = config::Embedded { dir: dir.path().to_path_buf(), max_bytes: 64 << 20 };
        let store = Embedded::open(&config, &Clock::System, LONG).await.unwrap().store;
        store.close().await;
        let guard =
            Guard::new(Arc::new(store), LONG, LONG, StoreMetrics::new(&Registry::default()));
        let key = entry("any", 0, "").key();
        for _ in 0..10 {
            assert_eq!(guard.ask(key).await, Err(Unread::Silent));
        }
        assert!(!guard.is_open());
        let _ = guard.probe().await;
        for _ in 0..5 {
            assert_eq!(guard.ask(key).await, Err(Unread::Silent));
        }
        assert!(guard.is_open());
    }
}
