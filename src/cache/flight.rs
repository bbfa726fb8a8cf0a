//! Single flight: concurrent requests for one key share one piece of work.
//!
//! The flight is its own task. A client that leaves drops a receiver and nothing else; a panic lands the flight as
//! crashed for all who wait. The slot is given up before the facts are published, so whoever has seen them and
//! still wants more leads a new flight instead of joining the one that is over.
//!
//! Lock order: the map's lock is never held across an await, nor while facts are published.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock::Stopwatch;
use crate::target::Key;
use crate::tasks::Tasks;

use super::Entry;
use super::facts::Facts;

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
}

/// Whose request started the flight.
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
    /// Not yet, but the waiter's patience has ended and this copy may stand in.
    Late(Arc<Entry>),
    /// With a panic.
    Crashed,
}

#[derive(Debug, Default)]
struct Progress {
    copy: Option<Arc<Entry>>,
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

    /// Joins the flight for `key`, or starts one that runs `fly`.
    pub fn join<F>(self: &Arc<Self>, key: Key, fly: impl FnOnce(Arc<Beacon>) -> F) -> (Flight, Role)
    where
        F: Future<Output = Facts> + Send + 'static,
    {
        let mut airborne = self.airborne.lock();
        if let Some(flight) = airborne.get(&key) {
            return (flight.clone(), Role::Follower);
        }
        let (sender, receiver) = watch::channel(Progress::default());
        let flight = Flight { progress: receiver, departure: Stopwatch::start() };
        airborne.insert(key, flight.clone());
        drop(airborne);

        let beacon = Arc::new(Beacon { flights: Arc::clone(self), key, progress: sender });
        let work = fly(Arc::clone(&beacon));
        // A panic in `work` drops the beacon, and with it the slot and the sender.
        self.tasks.spawn(async move { beacon.land(work.await) });
        (flight, Role::Leader)
    }

    /// How many flights are under way.
    pub fn underway(&self) -> usize {
        self.airborne.lock().len()
    }
}

impl Flight {
    /// Waits for the end. With `patience`, a waiter gets the copy (where one may stand in) once the flight has been
    /// under way for that long.
    pub async fn wait(
        mut self,
        patience: Option<Duration>,
        may_stand_in: impl Fn(&Entry) -> bool,
    ) -> Landing {
        if let Some(patience) = patience {
            let left = patience.saturating_sub(self.departure.elapsed());
            let landed = tokio::time::timeout(left, Self::landed(&mut self.progress)).await;
            if let Ok(landing) = landed {
                return landing;
            }
            let copy = self.progress.borrow().copy.clone();
            if let Some(copy) = copy.filter(|copy| may_stand_in(copy)) {
                return Landing::Late(copy);
            }
        }
        Self::landed(&mut self.progress).await
    }

    async fn landed(progress: &mut watch::Receiver<Progress>) -> Landing {
        let landed = progress.wait_for(|progress| progress.facts.is_some()).await;
        match landed.ok().and_then(|progress| progress.facts.clone()) {
            Some(facts) => Landing::Landed(facts),
            None => Landing::Crashed,
        }
    }
}

impl Beacon {
    /// Tells those who wait which copy there is, should their patience end.
    pub fn announce(&self, copy: &Arc<Entry>) {
        self.progress.send_modify(|progress| progress.copy = Some(Arc::clone(copy)));
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
