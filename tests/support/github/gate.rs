//! A gate in front of one path: requests wait there until a test opens it.
//!
//! A gate lets a test hold an upstream call in flight without sleeping. The answer is determined
//! when the gate opens, not when the request arrives.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::world::{Shared, lock};

const BOUND: Duration = Duration::from_secs(10);

/// The side of the gate that requests see.
#[derive(Debug)]
pub struct Barrier {
    /// The path and query behind the gate.
    pub target: String,
    arrived: watch::Sender<usize>,
    opened: CancellationToken,
}

impl Barrier {
    /// Waits until the gate is open.
    pub async fn pass(&self) {
        self.arrived.send_modify(|arrived| *arrived += 1);
        self.opened.cancelled().await;
    }
}

/// The side of the gate that the test controls. It opens when it is dropped, so that a failed
/// assertion leaves no request hanging.
#[must_use]
pub struct Gate {
    world: Shared,
    barrier: Arc<Barrier>,
}

impl Gate {
    pub(super) fn shut(world: &Shared, target: &str) -> Self {
        let (arrived, opened) = (watch::Sender::new(0), CancellationToken::new());
        let barrier = Arc::new(Barrier { target: target.to_owned(), arrived, opened });
        lock(world).barriers.push(Arc::clone(&barrier));
        Self { world: Arc::clone(world), barrier }
    }

    /// Waits until `count` requests have arrived at the gate. Panics after 10 s with the caller's
    /// line.
    #[track_caller]
    pub fn arrived(&self, count: usize) -> impl Future<Output = ()> {
        let caller = Location::caller();
        let mut arrivals = self.barrier.arrived.subscribe();
        async move {
            let enough = arrivals.wait_for(|arrived| *arrived >= count);
            let enough = tokio::time::timeout(BOUND, enough).await.is_ok_and(|seen| seen.is_ok());
            let seen = *arrivals.borrow();
            assert!(enough, "at {caller}: {seen} of {count} requests after {BOUND:?}");
        }
    }

    /// Returns the number of requests that have arrived so far.
    pub fn arrivals(&self) -> usize {
        *self.barrier.arrived.borrow()
    }

    /// Lets all waiting and later requests continue.
    pub fn open(self) {
        drop(self);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        lock(&self.world).barriers.retain(|barrier| !Arc::ptr_eq(barrier, &self.barrier));
        self.barrier.opened.cancel();
    }
}
