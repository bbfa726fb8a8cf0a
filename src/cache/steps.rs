//! The durations of the steps of a flight, for the requests that waited for it.

use std::sync::OnceLock;
use std::time::Duration;

/// The steps of a flight that have ended. The flight takes each step at most once.
#[derive(Debug, Default)]
pub(super) struct Steps {
    store: OnceLock<Duration>,
    upstream: OnceLock<Duration>,
}

/// The time that a request waited, by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimes {
    /// The whole wait for flights.
    pub total: Duration,
    /// The time of the flight's read of the queue and of L2, if there was one.
    pub store: Option<Duration>,
    /// The time of the flight's exchange with the upstream, if it has ended.
    pub upstream: Option<Duration>,
}

impl Steps {
    /// Records the time of the look-up in the queue and in L2.
    pub(super) fn store_took(&self, time: Duration) {
        let _ = self.store.set(time);
    }

    /// Records the time of the exchange.
    pub(super) fn upstream_took(&self, time: Duration) {
        let _ = self.upstream.set(time);
    }

    /// Returns the times for a request that has waited for `total`.
    pub(super) fn wait_times(&self, total: Duration) -> WaitTimes {
        WaitTimes {
            total,
            store: self.store.get().copied(),
            upstream: self.upstream.get().copied(),
        }
    }
}
