//! Single flight: concurrent requests for one key share one piece of work.
//!
//! The flight is its own task. A client that leaves drops a receiver and nothing else; a panic ends
//! the flight for all waiters. The flight gives its key up before it publishes its result, so a
//! waiter that has seen the result and asks again leads a new flight instead of joining the old
//! one.
//!
//! Lock order: the map's lock is never held across an await, nor while a result is published. A
//! leader asks for its permit under that lock.

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

use super::flight_result::FlightResult;
use super::steps::Steps;
use crate::entry::Entry;

/// The flights that are under way, by key.
#[derive(Debug)]
pub struct Flights {
    by_key: Mutex<HashMap<Key, Flight, RandomState>>,
    tasks: Tasks,
}

/// A place on a flight.
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
    /// This one's.
    Leader,
    /// Another one's.
    Follower,
}

/// The result of waiting for a flight.
#[derive(Debug)]
pub enum Waited {
    /// With facts.
    Done(Arc<FlightResult>),
    /// Not yet, but with an entry that serves this waiter.
    Candidate(Candidate),
    /// With a panic.
    Panicked,
}

/// The entry that a flight found before it asked the upstream.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// That entry.
    pub entry: Arc<Entry>,
    /// True if the persistent tier had it.
    pub from_l2: bool,
}

/// The use of a copy to a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyUse {
    /// It is what was asked for.
    Now,
    /// It may stand in for an answer that takes too long.
    AfterPatience,
    /// It is of no use.
    Never,
}

#[derive(Debug, Default)]
struct Progress {
    candidate: Option<Candidate>,
    facts: Option<Arc<FlightResult>>,
}

/// The flight's own end of it: tells those who wait what is known so far.
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
    /// No flights yet; they will belong to `tasks`.
    pub fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { by_key: Mutex::default(), tasks })
    }

    /// Joins the flight for `key`, or starts one that runs `run` on behalf of `priority`. `permit`
    /// is asked for once it is certain that there is none to join; `freely` permits any.
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
        // In a box: a task moves its future several times, and this one has some ten kilobytes.
        let work = Box::pin(run(Arc::clone(&handle)));
        // A panic in `work` drops the handle, and with it the slot and the sender. The lines of the
        // flight belong to the request that starts it.
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
    /// On whose behalf the flight runs.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The steps of the flight.
    pub(super) fn steps(&self) -> Arc<Steps> {
        Arc::clone(&self.steps)
    }

    /// Waits for the end, or for an announced copy that serves: at once, or once the flight has
    /// been under way for as long as `patience`.
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
            progress.facts.is_some()
                || progress.candidate.as_ref().is_some_and(|found| serves(&found.entry))
        });
        match ended.await.as_deref() {
            Ok(Progress { facts: Some(facts), .. }) => Waited::Done(Arc::clone(facts)),
            Ok(Progress { candidate: Some(candidate), .. }) => Waited::Candidate(candidate.clone()),
            _ => Waited::Panicked,
        }
    }
}

impl FlightHandle {
    /// Tells those who wait which entry there is.
    pub fn announce(&self, candidate: Candidate) {
        self.progress.send_modify(|progress| progress.candidate = Some(candidate));
    }

    /// The steps of the flight, to be recorded.
    pub(super) fn steps(&self) -> &Steps {
        &self.steps
    }

    fn end(&self, facts: FlightResult) {
        self.clear();
        self.progress.send_modify(|progress| progress.facts = Some(Arc::new(facts)));
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
