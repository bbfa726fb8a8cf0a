//! The pace of a sweep: even over the interval, and never above the rates.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Stopwatch;
use crate::config;

/// The part of the interval over which a sweep spreads its documents. The rest is a reserve for
/// slow checks.
const SPREAD: f64 = 0.9;

/// The workers of a sweep, and the times between their requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pacing {
    /// The number of documents in progress at once.
    pub(super) workers: usize,
    /// The least time between two requests of one worker.
    pub(super) per_worker: Duration,
    /// The least time between two requests of all.
    pub(super) spacing: Duration,
}

impl Pacing {
    /// Computes the pacing of a sweep of `due` documents. `slots` bounds the exchanges of the
    /// background at once, and `most` the requests per second of all.
    pub(super) fn new(due: usize, slots: usize, most: f64, config: &config::Revalidate) -> Self {
        let workers = due.div_ceil(config.endpoints_per_worker).clamp(1, slots.max(1));
        let even = config.interval.mul_f64(SPREAD) / u32::try_from(due.max(1)).unwrap_or(u32::MAX);
        Self {
            workers,
            per_worker: Duration::from_secs_f64(1.0 / config.per_worker_rps),
            spacing: even.max(Duration::from_secs_f64(1.0 / most)),
        }
    }
}

/// The turns for requests, one spacing apart, across sweeps. An unused turn is lost.
#[derive(Debug)]
pub(super) struct Pace {
    running: Stopwatch,
    /// The time of the next free turn.
    next: Mutex<Duration>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { running: Stopwatch::start(), next: Mutex::default() }
    }

    /// Returns how long to wait for the next turn; `None` if that exceeds `patience`.
    pub(super) fn turn(&self, spacing: Duration, patience: Duration) -> Option<Duration> {
        self.turn_at(self.running.elapsed(), spacing, patience)
    }

    fn turn_at(&self, now: Duration, spacing: Duration, patience: Duration) -> Option<Duration> {
        let mut next = self.next.lock();
        let turn = now.max(*next);
        let wait = turn - now;
        if wait > patience {
            return None;
        }
        *next = turn + spacing;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: config::Revalidate = config::Revalidate {
        interval: Duration::from_secs(60),
        lookback: Duration::from_secs(600),
        endpoints_per_worker: 30,
        per_worker_rps: 1.0,
        max_rps: config::MaxRps::Auto,
    };

    #[test]
    fn documents_are_spread_over_the_interval() {
        let rates = Pacing::new(54, 32, 10.0, &CONFIG);
        assert_eq!(rates.workers, 2);
        assert_eq!(rates.spacing, Duration::from_secs(1));
        assert_eq!(rates.per_worker, Duration::from_secs(1));
    }

    #[test]
    fn no_number_of_documents_makes_it_go_faster_than_the_rate() {
        let rates = Pacing::new(100_000, 32, 10.0, &CONFIG);
        assert_eq!(rates.spacing, Duration::from_millis(100));
        assert_eq!(rates.workers, 32, "the background holds no more slots");
    }

    #[test]
    fn nothing_to_do_needs_one_worker_who_finds_that_out() {
        assert_eq!(Pacing::new(0, 32, 10.0, &CONFIG).workers, 1);
        assert_eq!(Pacing::new(30, 0, 10.0, &CONFIG).workers, 1);
        assert_eq!(Pacing::new(31, 32, 10.0, &CONFIG).workers, 2);
    }

    #[test]
    fn turns_lie_apart_and_are_not_saved_up() {
        let pace = Pace::new();
        let [spacing, patience] = [2, 3].map(Duration::from_secs);
        let turn = |now| pace.turn_at(Duration::from_secs(now), spacing, patience);
        let waits = [0, 0, 1, 1, 9, 10].map(|now| turn(now).map(|wait| wait.as_secs()));
        assert_eq!(waits, [Some(0), Some(2), Some(3), None, Some(0), Some(1)]);
    }
}
