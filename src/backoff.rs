//! Exponential back-off: waits that double up to a bound.

use std::time::Duration;

/// The bounds of the waits between attempts.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Backoff {
    /// Returns the wait after one more failure: twice the last wait, if there was one.
    pub fn after(self, last: Option<Duration>) -> Duration {
        last.map_or(self.first, |last| last.saturating_mul(2)).min(self.longest)
    }
}

/// Returns the wait with jitter: `share`, from 0 to 1, of its half is subtracted, so that replicas
/// do not return to a shared server all at once.
pub fn jittered(wait: Duration, share: f64) -> Duration {
    wait.mul_f64(1.0 - share / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let [first, longest] = [1, 5].map(Duration::from_secs);
        let backoff = Backoff { first, longest };
        let mut last = None;
        let mut next = || {
            last = Some(backoff.after(last));
            last.map(|wait| wait.as_secs())
        };
        assert_eq!([1, 2, 4, 5, 5].map(Some), [next(), next(), next(), next(), next()]);
        assert_eq!(backoff.after(None), first);
    }

    proptest! {
        #[test]
        fn each_wait_is_within_its_bounds(
            first in 1u64..10_000, more in 0u64..100_000, failures in 1usize..100, jitter in 0.0..1.0,
        ) {
            let [first, longest] = [first, first + more].map(Duration::from_millis);
            let mut last = None;
            for _ in 0..failures {
                let wait = Backoff { first, longest }.after(last);
                last = Some(wait);
                let wait = jittered(wait, jitter);
                prop_assert!(first / 2 <= wait && wait <= longest);
            }
        }
    }
}
