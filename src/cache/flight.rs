//! Single flight: concurrent requests for one key share one piece of work.
//!
//! A flight is a task of its own. A client that leaves drops a receiver and nothing else; a panic
//! ends the flight for all waiters. The flight frees its key before it publishes its result, so a
//! waiter that has seen the result and asks again starts a new flight instead of joining the old
//! one.
//!
//! Locks: the map's lock is never held across an await, nor while a result is published. A leader
//! takes its permit under that lock.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::Instrument;

use crate::clock::Stopwatch;
use crate::target::Key;
use crate::tasks::Tasks;
use crate::upstream::Priority;

use super::flight_result::{FlightResult, FoundEntry};
use super::steps::Steps;
use crate::entry::Entry;

/// The flights that are under way, by key.
#[derive(Debug)]
pub struct Flights {
    by_key: Mutex<HashMap<Key, Flight, RandomState>>,
    tasks: Tasks,
}

/// A flight, as its waiters see it.
#[derive(Clone, Debug)]
pub struct Flight {
    progress: watch::Receiver<Progress>,
    started: Stopwatch,
    priority: Priority,
    steps: Arc<Steps>,
}

/// The part of a request in a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The request started the flight.
    Leader,
    /// The request joined the flight of another.
    Follower,
}

/// The result of waiting for a flight.
#[derive(Debug)]
pub enum Waited {
    /// The flight has ended.
    Done(Arc<FlightResult>),
    /// The flight goes on; it has found an entry that serves this waiter.
    Candidate(FoundEntry),
    /// The flight has panicked.
    Panicked,
}

/// The use of a stored copy for a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyUse {
    /// It is a full answer.
    Now,
    /// It may stand in for an answer that takes too long.
    AfterPatience,
    /// It is of no use.
    Never,
}

#[derive(Debug, Default)]
struct Progress {
    candidate: Option<FoundEntry>,
    result: Option<Arc<FlightResult>>,
}

/// The leader's end of a flight. It publishes the candidate and the result to the waiters.
#[derive(Debug)]
pub struct FlightHandle {
    flights: Arc<Flights>,
    key: Key,
    progress: watch::Sender<Progress>,
    steps: Arc<Steps>,
}

/// Permits a flight in any case.
pub(super) fn freely() -> Result<(), Infallible> {
    Ok(())
}

impl Flights {
    /// Creates an empty map. Its flights are spawned on `tasks`.
    pub fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { by_key: Mutex::default(), tasks })
    }

    /// Joins the flight for `key`, or starts one that runs `run` with `priority`. Only a start
    /// calls `permit`; `freely` permits any start.
    ///
    /// # Errors
    ///
    /// The error of `permit`.
    pub fn join<F, E>(
        self: &Arc<Self>,
        permit: impl FnOnce() -> Result<(), E>,
        key: Key,
        priority: Priority,
        run: impl FnOnce(Arc<FlightHandle>) -> F,
    ) -> Result<(Flight, Role), E>
    where
        F: Future<Output = FlightResult> + Send + 'static,
    {
        let mut by_key = self.by_key.lock();
        if let Some(flight) = by_key.get(&key) {
            return Ok((flight.clone(), Role::Follower));
        }
        permit()?;
        let (sender, receiver) = watch::channel(Progress::default());
        let (started, steps) = (Stopwatch::start(), Arc::<Steps>::default());
        let flight = Flight { progress: receiver, started, priority, steps: Arc::clone(&steps) };
        by_key.insert(key, flight.clone());
        drop(by_key);

        let flights = Arc::clone(self);
        let handle = Arc::new(FlightHandle { flights, key, progress: sender, steps });
        // In a box: a task moves its future several times, and this one has about ten kilobytes.
        let work = Box::pin(run(Arc::clone(&handle)));
        // A panic in `work` drops the handle, which frees the key and closes the channel. The span
        // makes the log lines of the flight name the request that started it.
        self.tasks.spawn(async move { handle.end(work.await) }.in_current_span());
        Ok((flight, Role::Leader))
    }

    /// Returns for how long the flight of a key has been under way, if there is one.
    pub fn underway_for(&self, key: &Key) -> Option<Duration> {
        self.by_key.lock().get(key).map(|flight| flight.started.elapsed())
    }

    /// Returns how many flights are under way.
    pub fn underway(&self) -> usize {
        self.by_key.lock().len()
    }
}

impl Flight {
    /// Returns the priority with which the flight was started.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Returns the steps of the flight.
    pub(super) fn steps(&self) -> Arc<Steps> {
        Arc::clone(&self.steps)
    }

    /// Waits for the end of the flight, or for a candidate that `serves` accepts. A candidate for
    /// [`CopyUse::AfterPatience`] counts once the flight has been under way for `patience`.
    pub async fn wait(
        mut self,
        patience: Option<Duration>,
        serves: impl Fn(&Entry) -> CopyUse,
    ) -> Waited {
        if let Some(patience) = patience {
            let left = patience.saturating_sub(self.started.elapsed());
            let in_time =
                tokio::time::timeout(left, self.waited(|copy| serves(copy) == CopyUse::Now));
            if let Ok(waited) = in_time.await {
                return waited;
            }
            return self.waited(|copy| serves(copy) != CopyUse::Never).await;
        }
        self.waited(|copy| serves(copy) == CopyUse::Now).await
    }

    async fn waited(&mut self, serves: impl Fn(&Entry) -> bool) -> Waited {
        let ended = self.progress.wait_for(|progress| {
            progress.result.is_some()
                || progress.candidate.as_ref().is_some_and(|found| serves(&found.entry))
        });
        match ended.await.as_deref() {
            Ok(Progress { result: Some(result), .. }) => Waited::Done(Arc::clone(result)),
            Ok(Progress { candidate: Some(candidate), .. }) => Waited::Candidate(candidate.clone()),
            _ => Waited::Panicked,
        }
    }
}

impl FlightHandle {
    /// Publishes the entry that was found before the exchange.
    pub fn announce(&self, candidate: FoundEntry) {
        self.progress.send_modify(|progress| progress.candidate = Some(candidate));
    }

    /// Returns the steps of the flight, to record their times.
    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }

    fn end(&self, result: FlightResult) {
        self.clear();
        self.progress.send_modify(|progress| progress.result = Some(Arc::new(result)));
    }

    fn clear(&self) {
        let mut by_key = self.flights.by_key.lock();
        let ours = by_key
            .get(&self.key)
            .is_some_and(|flight| flight.progress.same_channel(&self.progress.subscribe()));
        if ours {
            by_key.remove(&self.key);
        }
    }
}

impl Drop for FlightHandle {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_flight_for_all_and_frees_the_key() {
        let flights = Flights::new(Tasks::new());
        let key = Key::of("https://api.github.com/repos/o/r");
        let join = || {
            let run = |_| async { panic!("a flight that panics") };
            let Ok(joined) = flights.join(freely, key, Priority::Foreground, run);
            joined
        };
        let [(leader, first), (follower, second)] = [join(), join()];
        assert_eq!((first, second), (Role::Leader, Role::Follower));
        for flight in [leader, follower] {
            let waited = flight.wait(None, |_| CopyUse::Never).await;
            assert!(matches!(waited, Waited::Panicked), "{waited:?}");
        }
        assert_eq!(flights.underway(), 0);
        assert_eq!(join().1, Role::Leader);
    }
}
