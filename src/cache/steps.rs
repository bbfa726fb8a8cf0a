//! The durations of the steps of a flight, for the requests that waited for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The steps of a flight that have ended.
#[derive(Debug, Default)]
pub(super) struct Steps {
    store: StepTime,
    upstream: StepTime,
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
        self.store.set(time);
    }

    /// Records the time of the exchange.
    pub(super) fn upstream_took(&self, time: Duration) {
        self.upstream.set(time);
    }

    /// Returns the times for a request that has waited for `total`.
    pub(super) fn wait_times(&self, total: Duration) -> WaitTimes {
        WaitTimes { total, store: self.store.get(), upstream: self.upstream.get() }
    }
}

/// A time in microseconds, plus one; 0 means none.
#[derive(Debug, Default)]
struct StepTime(AtomicU64);

impl StepTime {
    fn set(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1);
        self.0.store(micros.saturating_add(1), Ordering::Relaxed);
    }

    fn get(&self) -> Option<Duration> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_micros)
    }
}
