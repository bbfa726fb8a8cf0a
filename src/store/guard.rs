//! The store as those see it who must not suffer from it: a call ends in time, fails quietly, or is
//! not made.
//!
//! Every read of L2 goes this way, and so does the background's use of the index; the write-behind
//! queue does not, since a store that cannot be written may still be read. This is also who tells
//! the log how the store is: one line for an outage and one for its end, whether reads or looks
//! noticed it.

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

/// The time of a look beyond the budget of a read: the store may have to be opened, or connected
/// to.
const OPENING: Duration = Duration::from_millis(500);

/// The reason for which the store does not tell whether it has a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It was not asked, or did not answer.
    Silent,
    /// It has a record that cannot be used, here and now: it is damaged, or another version of svm
    /// wrote it, which may well be able to use it.
    Unusable,
}

/// A store behind a breaker.
pub struct Guard {
    store: Arc<dyn Store>,
    /// For one operation.
    budget: Duration,
    /// For one read, with its wait for others.
    patience: Duration,
    queue: Arc<ReadQueue>,
    opinion: Arc<Opinion>,
}

/// The state of the store, as its reads and looks tell it.
struct Opinion {
    /// Never held over a call.
    breaker: Mutex<Breaker>,
    /// True if a look has ended: until then nobody may have connected, and reads that fail for that
    /// say nothing.
    looked: AtomicBool,
    metrics: StoreMetrics,
}

impl Guard {
    /// A guard that trusts the store until it fails, and gives each operation `budget`. A read that
    /// waits for others waits no longer than `patience`.
    pub fn new(
        store: Arc<dyn Store>,
        budget: Duration,
        patience: Duration,
        metrics: StoreMetrics,
    ) -> Self {
        let (breaker, looked) = (Mutex::default(), AtomicBool::new(false));
        let opinion = Arc::new(Opinion { breaker, looked, metrics });
        let note = {
            let opinion = Arc::clone(&opinion);
            move |answered: Result<(), &Error>| opinion.read(answered)
        };
        let queue = Arc::new(ReadQueue::new(Arc::clone(&store), budget, Box::new(note)));
        Self { store, budget, patience, queue, opinion }
    }

    /// The stored entry of a key; whatever goes wrong is counted.
    ///
    /// # Errors
    ///
    /// [`Unread`], which says nothing about the document.
    pub async fn ask(&self, key: Key) -> Result<Option<Arc<Entry>>, Unread> {
        let metrics = &self.opinion.metrics;
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
            // Too many wait before it, which says nothing about the store.
            Err(_) => Err(StoreRead::Skipped),
        }
    }

    /// A call that may take longer and of which nobody waits for the outcome, as those about the
    /// documents in use: nothing if the store is in trouble, the call fails or the limit passes. It
    /// does not move the breaker.
    pub async fn within<T>(
        &self,
        limit: Duration,
        call: impl for<'a> FnOnce(&'a dyn Store) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Option<T> {
        if !self.opinion.breaker.lock().is_well() {
            return None;
        }
        let called = timeout(limit, call(&*self.store)).await;
        match called.unwrap_or(Err(Error::TooSlow(limit))) {
            Ok(given) => Some(given),
            Err(error) => {
                self.opinion.metrics.index_errors.inc();
                tracing::debug!(error = chain(&error), "a call about the documents in use failed");
                None
            }
        }
    }

    /// Looks at the store once, and says how it is: the error is a sentence for `/healthz`. A
    /// single look that fails is no reason to call it down.
    ///
    /// # Errors
    ///
    /// When the store is down.
    pub async fn probe(&self) -> Result<(), &'static str> {
        let look = timeout(self.budget + OPENING, self.store.probe(self.budget)).await;
        let look = look.unwrap_or(Err(Error::TooSlow(self.budget)));
        let trouble = trouble(&look);
        let now = self.opinion.learn(trouble, |breaker| breaker.looked(trouble.is_none()));
        self.opinion.looked.store(true, Ordering::Relaxed);
        match trouble {
            None => Ok(()),
            Some(_) if now.is_up() => Ok(()),
            Some(Error::TooSlow(_)) => Err("the store does not answer"),
            Some(_) => Err("the store cannot be read"),
        }
    }

    /// Returns how often the store has lost all that it had ([`Store::losses`]).
    pub fn losses(&self) -> u64 {
        self.store.losses()
    }

    /// Returns true if other processes use the same store while this one does.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Returns true if the store is left alone.
    pub fn is_open(&self) -> bool {
        self.opinion.breaker.lock().is_open()
    }
}

impl Opinion {
    /// An operation has ended.
    fn read(&self, answered: Result<(), &Error>) {
        let trouble = answered.err();
        if let Some(error) = trouble {
            tracing::debug!(error = chain(error), "L2 cannot be read");
        }
        if self.looked.load(Ordering::Relaxed) {
            self.learn(trouble, |breaker| breaker.read(trouble.is_none()));
        }
    }

    /// Brings the breaker up to date and tells what that changes.
    fn learn(&self, why: Option<&Error>, update: impl FnOnce(&mut Breaker)) -> Breaker {
        let (before, now) = self.update(update);
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

    /// The gauges are set under the lock, so that the last one to set them is the last one to know.
    fn update(&self, update: impl FnOnce(&mut Breaker)) -> (Breaker, Breaker) {
        let mut breaker = self.breaker.lock();
        let before = *breaker;
        update(&mut breaker);
        if before.is_open() != breaker.is_open() {
            self.metrics.set_breaker_open(breaker.is_open());
        }
        self.metrics.set_up(breaker.is_up());
        (before, *breaker)
    }
}

/// The store's own trouble. A record that cannot be used is none: a store that gives it answers.
fn trouble<T>(called: &Result<T, Error>) -> Option<&Error> {
    match called {
        Err(error @ (Error::Unavailable(_) | Error::TooSlow(_))) => Some(error),
        Ok(_) | Err(Error::Record(_)) => None,
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
        (guard.opinion.metrics.index_errors.get(), guard.is_open())
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
            guard.opinion.update(|breaker| breaker.read(false));
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
