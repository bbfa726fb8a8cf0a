//! The model test: pushes, outages, time and shutdowns in any order, against the laws of the queue.
//!
//! The test uses no socket and no thread. So tokio's paused time advances only when all tasks wait
//! for it, and back-offs and deadlines pass at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cache::write_behind::{Drained, WriteBehind};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::config::WriteBehind as Config;
use crate::entry::Entry;
use crate::store::tests::in_process::{InProcess, read_one};
use crate::store::tests::laws::{NOW, at, entry};
use crate::store::{BoxFuture, Change, Claim, Claimed, Error, InUse, Read, Store};
use crate::target::Key;

const CONFIG: Config = Config {
    queue_size: 8,
    flush_interval: Duration::from_secs(1),
    retry_max_interval: Duration::from_secs(30),
    retry_max_age: Duration::from_secs(300),
};
const LONG: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    /// The batch is not applied.
    Fails,
    /// The batch is applied, but the answer is lost.
    LosesAnswers,
    Hangs,
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        document: u8,
    },
    Remove {
        document: u8,
    },
    Store(Mood),
    /// The queue runs for this long, and then the process shuts down.
    Run {
        seconds: u64,
    },
    Wait {
        seconds: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let mood = prop_oneof![
        Just(Mood::Works),
        Just(Mood::Fails),
        Just(Mood::LosesAnswers),
        Just(Mood::Hangs)
    ];
    let step = prop_oneof![
        6 => (0u8..12).prop_map(|document| Step::Put { document }),
        1 => (0u8..12).prop_map(|document| Step::Remove { document }),
        2 => mood.prop_map(Step::Store),
        2 => (0u64..40).prop_map(|seconds| Step::Run { seconds }),
        1 => (0u64..400).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 0..60)
}

/// A store that behaves by its mood.
struct Moody {
    inner: InProcess,
    mood: Mutex<Mood>,
}

impl Store for Moody {
    fn read_many(&self, keys: Arc<[Key]>) -> BoxFuture<'_, Result<Vec<Read>, Error>> {
        self.inner.read_many(keys)
    }

    fn apply(&self, batch: Arc<[Change]>, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        let mood = *self.mood.lock();
        Box::pin(async move {
            match mood {
                Mood::Works => self.inner.apply(batch, now).await,
                Mood::Fails => Err(Error::Unavailable("it fails".into())),
                Mood::LosesAnswers => {
                    self.inner.apply(batch, now).await?;
                    Err(Error::Unavailable("the answer is lost".into()))
                }
                Mood::Hangs => std::future::pending().await,
            }
        })
    }

    fn sweep(&self, now: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.sweep(now)
    }

    fn remember(&self, rows: Arc<[InUse]>, cutoff: Timestamp) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.remember(rows, cutoff)
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

/// The queue, its store, and a record of all pushes.
struct World {
    store: Arc<Moody>,
    clock: ManualClock,
    write_behind: WriteBehind,
    /// The newest change of each document: an entry, or its absence.
    newest: HashMap<Key, Option<Arc<Entry>>>,
    /// The newest state of each document that the store has shown.
    shown: HashMap<Key, Timestamp>,
    pushes: u64,
}

impl World {
    fn new() -> Self {
        let inner = InProcess::new(1 << 20);
        let store = Arc::new(Moody { inner, mood: Mutex::new(Mood::Works) });
        let clock = ManualClock::at(NOW);
        let as_store: Arc<dyn Store> = Arc::<Moody>::clone(&store);
        let write_behind = WriteBehind::new(CONFIG, as_store, Clock::Manual(clock.clone()));
        let (newest, shown) = Default::default();
        Self { store, clock, write_behind, newest, shown, pushes: 0 }
    }

    async fn take(&mut self, step: Step) {
        // Each change has a check time of its own.
        self.clock.advance(Duration::from_secs(1));
        let passed = self.clock.now().since(NOW).as_secs();
        match step {
            Step::Put { document } => {
                let entry = entry(&document.to_string(), passed, &format!("body {passed}"));
                self.push(Change::Put { entry: Arc::clone(&entry), keep_until: at(1 << 20) });
                self.newest.insert(entry.key(), Some(entry));
            }
            Step::Remove { document } => {
                let key = entry(&document.to_string(), 0, "").key();
                self.push(Change::Remove { key, as_of: self.clock.now() });
                self.newest.insert(key, None);
            }
            Step::Store(mood) => *self.store.mood.lock() = mood,
            Step::Run { seconds } => self.run(Duration::from_secs(seconds)).await,
            Step::Wait { seconds } => self.clock.advance(Duration::from_secs(seconds)),
        }
    }

    fn push(&mut self, change: Change) {
        self.write_behind.push(change);
        self.pushes += 1;
    }

    async fn run(&self, time: Duration) {
        let stop = CancellationToken::new();
        tokio::join!(self.write_behind.run(stop.clone()), async {
            sleep(time).await;
            stop.cancel();
        });
    }

    async fn stored(&self, key: Key) -> Option<Arc<Entry>> {
        read_one(&*self.store, key).await.expect("a record that was written by us")
    }

    /// Asserts the laws that hold at every moment.
    async fn check(&mut self) {
        let stats = self.write_behind.stats();
        assert!(stats.depth <= CONFIG.queue_size, "{stats:?}");
        let known = stats.flushed + stats.dropped() + stats.depth as u64;
        assert!(known <= self.pushes, "{stats:?} of {} pushes", self.pushes);
        for (key, newest) in &self.newest {
            let Some(stored) = read_one(&*self.store, *key).await.expect("a record") else {
                continue;
            };
            let checked = stored.times.checked_at;
            let before = self.shown.insert(*key, checked);
            assert!(before.is_none_or(|before| before <= checked), "an older record came back");
            let newest = newest.as_ref().map(|entry| entry.times.checked_at);
            assert!(newest.is_none_or(|newest| checked <= newest), "nobody pushed that");
        }
    }

    /// Ends the process while the store works. Asserts that the store has everything that was not
    /// dropped.
    async fn end(&self) {
        *self.store.mood.lock() = Mood::Works;
        let dropped = self.write_behind.stats().dropped();
        let Drained { lost, .. } = self.write_behind.drain(LONG).await;
        let stats = self.write_behind.stats();
        assert_eq!((lost, stats.depth, stats.dropped()), (0, 0, dropped), "a drain loses nothing");
        let mut behind = 0;
        for (key, newest) in &self.newest {
            behind += u64::from(self.stored(*key).await != *newest);
        }
        assert!(behind <= dropped, "{behind} documents are not up to date, {dropped} were dropped");
    }
}

proptest! {
    #[test]
    fn losses_are_counted_and_nothing_older_comes_back(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.take(step).await;
                world.check().await;
            }
            world.end().await;
        });
    }
}
