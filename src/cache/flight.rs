//! Single flight: concurrent requests for one key share one piece of work.
//!
//! The flight is its own task. A client that leaves drops a receiver and nothing else; a panic
//! lands the flight as crashed for all who wait. The slot is given up before the facts are
//! published, so a waiter that has seen them and asks again leads a new flight instead of joining
//! the one that is over.
//!
//! Lock order: the map's lock is never held across an await, nor while facts are published. The
//! permission to start a flight is asked for under it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Stopwatch;
use crate::target::Key;
use crate::tasks::Tasks;
use crate::upstream::Priority;

use super::facts::Facts;
use crate::entry::Entry;

/// The flights that are under way, by key.
#[derive(Debug)]
pub struct Flights {
    airborne: Mutex<HashMap<Key, Flight>>,
    tasks: Tasks,
}

/// A place on a flight.
#[derive(Clone, Debug)]
pub struct Flight {
    progress: watch::Receiver<Progress>,
    departure: Stopwatch,
    priority: Priority,
}

/// The part of a request in a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This one's.
    Leader,
    /// Another one's.
    Follower,
}

/// How a flight ended for one who waited.
#[derive(Debug)]
pub enum Landing {
    /// With facts.
    Landed(Arc<Facts>),
    /// Not yet, but with an entry that serves this waiter.
    Candidate(Candidate),
    /// With a panic.
    Crashed,
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
pub enum Serves {
    /// It is what was asked for.
    AtOnce,
    /// It may stand in for an answer that takes too long.
    IfLate,
    /// It is of no use.
    Never,
}

#[derive(Debug, Default)]
struct Progress {
    candidate: Option<Candidate>,
    facts: Option<Arc<Facts>>,
}

/// The flight's own end of it: tells those who wait what is known so far.
#[derive(Debug)]
pub struct Beacon {
    flights: Arc<Flights>,
    key: Key,
    progress: watch::Sender<Progress>,
}

impl Flights {
    /// No flights yet; they will belong to `tasks`.
    pub fn new(tasks: Tasks) -> Arc<Self> {
        Arc::new(Self { airborne: Mutex::default(), tasks })
    }

    /// Joins the flight for `key`, or starts one that runs `fly` on behalf of `priority`.
    pub fn join<F>(
        self: &Arc<Self>,
        key: Key,
        priority: Priority,
        fly: impl FnOnce(Arc<Beacon>) -> F,
    ) -> (Flight, Role)
    where
        F: Future<Output = Facts> + Send + 'static,
    {
        let Ok(place) = self.join_if(|| Ok::<_, Infallible>(()), key, priority, fly);
        place
    }

    /// The same for one who needs permission to start a flight; it is asked for once it is certain
    /// that there is none to join.
    ///
    /// # Errors
    ///
    /// What `permit` says.
    pub fn join_if<F, E>(
        self: &Arc<Self>,
        permit: impl FnOnce() -> Result<(), E>,
        key: Key,
        priority: Priority,
        fly: impl FnOnce(Arc<Beacon>) -> F,
    ) -> Result<(Flight, Role), E>
    where
        F: Future<Output = Facts> + Send + 'static,
    {
        let mut airborne = self.airborne.lock();
        if let Some(flight) = airborne.get(&key) {
            return Ok((flight.clone(), Role::Follower));
        }
        permit()?;
        let (sender, receiver) = watch::channel(Progress::default());
        let flight = Flight { progress: receiver, departure: Stopwatch::start(), priority };
        airborne.insert(key, flight.clone());
        drop(airborne);

        let beacon = Arc::new(Beacon { flights: Arc::clone(self), key, progress: sender });
        let work = fly(Arc::clone(&beacon));
        // A panic in `work` drops the beacon, and with it the slot and the sender.
        self.tasks.spawn(async move { beacon.land(work.await) });
        Ok((flight, Role::Leader))
    }

    /// Returns how many flights are under way.
    pub fn underway(&self) -> usize {
        self.airborne.lock().len()
    }
}

impl Flight {
    /// On whose behalf the flight runs.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Waits for the end, or for an announced copy that serves: at once, or once the flight has
    /// been under way for as long as `patience`.
    pub async fn wait(
        mut self,
        patience: Option<Duration>,
        serves: impl Fn(&Entry) -> Serves,
    ) -> Landing {
        if let Some(patience) = patience {
            let left = patience.saturating_sub(self.departure.elapsed());
            let in_time =
                tokio::time::timeout(left, self.landing(|copy| serves(copy) == Serves::AtOnce));
            if let Ok(landing) = in_time.await {
                return landing;
            }
            return self.landing(|copy| serves(copy) != Serves::Never).await;
        }
        self.landing(|copy| serves(copy) == Serves::AtOnce).await
    }

    async fn landing(&mut self, serves: impl Fn(&Entry) -> bool) -> Landing {
        let ended = self.progress.wait_for(|progress| {
            progress.facts.is_some()
                || progress.candidate.as_ref().is_some_and(|found| serves(&found.entry))
        });
        match ended.await.as_deref() {
            Ok(Progress { facts: Some(facts), .. }) => Landing::Landed(Arc::clone(facts)),
            Ok(Progress { candidate: Some(candidate), .. }) => {
                Landing::Candidate(candidate.clone())
            }
            _ => Landing::Crashed,
        }
    }
}

impl Beacon {
    /// Tells those who wait which entry there is.
    pub fn announce(&self, candidate: Candidate) {
        self.progress.send_modify(|progress| progress.candidate = Some(candidate));
    }

    fn land(&self, facts: Facts) {
        self.clear();
        self.progress.send_modify(|progress| progress.facts = Some(Arc::new(facts)));
    }

    fn clear(&self) {
        let mut airborne = self.flights.airborne.lock();
        let ours = airborne
            .get(&self.key)
            .is_some_and(|flight| flight.progress.same_channel(&self.progress.subscribe()));
        if ours {
            airborne.remove(&self.key);
        }
    }
}

impl Drop for Beacon {
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
            flights.join(key, Priority::Foreground, |_| async { panic!("a flight that panics") })
        };
        let [(leader, first), (follower, second)] = [join(), join()];
        assert_eq!((first, second), (Role::Leader, Role::Follower));
        for flight in [leader, follower] {
            let landing = flight.wait(None, |_| Serves::Never).await;
            assert!(matches!(landing, Landing::Crashed), "{landing:?}");
        }
        assert_eq!(flights.underway(), 0);
        assert_eq!(join().1, Role::Leader);
    }
}
