//! The wait after a failed batch: twice as long each time, up to a bound, with jitter.

use std::time::Duration;

/// Counts failures in a row.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The wait after one more failure; `jitter` in `0.0..1.0` takes up to half of it off, so that
    /// replicas of the service do not come back to a shared store all at once.
    pub(super) fn after_failure(&mut self, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(1.0 - jitter / 2.0)
    }

    /// Starts over, after a success.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::Backoff;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let waits: Vec<_> = (0..4).map(|_| backoff.after_failure(0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.after_failure(0.0), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn each_wait_is_within_its_bounds(
            first in 1u64..10_000, more in 0u64..100_000, failures in 1usize..100, jitter in 0.0..1.0,
        ) {
            let [first, longest] = [first, first + more].map(Duration::from_millis);
            let mut backoff = Backoff::new(first, longest);
            for _ in 0..failures {
                let wait = backoff.after_failure(jitter);
                prop_assert!(first / 2 <= wait && wait <= longest);
            }
        }
    }
}
