//! The limit on background requests per second while `REVALIDATE_MAX_RPS` is `auto`.
//!
//! Pure: the time since the start is an argument. GitHub allows an address 900 requests per minute
//! and answers faster ones with a limit. So the ceiling halves at each limit and grows back slowly
//! (additive increase, multiplicative decrease).

use std::time::Duration;

/// GitHub's 900 points a minute (docs.github.com, "Rate limits for the REST API", "secondary rate
/// limits").
pub(super) const MOST: f64 = 15.0;

/// The lowest ceiling, after many limits. One request per second suffices to see that the limit has
/// ended.
const LEAST: f64 = 1.0;

/// The growth of the ceiling in each minute without a limit, in requests a second.
const GROWTH_PER_MINUTE: f64 = 1.0;

/// The ceiling, as of the last call of [`Ceiling::rate`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ceiling {
    rate: f64,
    /// The number of limits that it has taken into account.
    limits: u64,
    at: Duration,
}

impl Ceiling {
    /// Creates the ceiling of an address that GitHub has not limited yet.
    pub(super) const fn new() -> Self {
        Self { rate: MOST, limits: 0, at: Duration::ZERO }
    }

    /// Returns the requests per second that are allowed now; `limits` counts GitHub's limits so
    /// far.
    pub(super) fn rate(&mut self, limits: u64, now: Duration) -> f64 {
        let minutes = now.saturating_sub(self.at).as_secs_f64() / 60.0;
        self.rate = match limits == self.limits {
            true => (self.rate + GROWTH_PER_MINUTE * minutes).min(MOST),
            // Several limits since the last call count as one.
            false => (self.rate / 2.0).max(LEAST),
        };
        (self.limits, self.at) = (limits, now);
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn it_begins_with_what_github_allows_an_address() {
        assert_eq!(Ceiling::new().rate(0, minutes(1)) * 60.0, 900.0);
    }

    #[test]
    fn a_limit_halves_it_and_time_brings_it_back() {
        let mut ceiling = Ceiling::new();
        assert_eq!(ceiling.rate(1, minutes(1)), 7.5);
        assert_eq!(ceiling.rate(3, minutes(2)), 3.75, "two at once are one");
        assert_eq!(ceiling.rate(3, minutes(4)), 5.75);
        assert_eq!(ceiling.rate(3, minutes(60)), MOST);
    }

    #[test]
    fn limits_without_end_leave_one_request_a_second() {
        let mut ceiling = Ceiling::new();
        let last = (1..20).map(|limits| ceiling.rate(limits, minutes(limits))).last();
        assert_eq!(last, Some(LEAST));
    }

    proptest! {
        #[test]
        fn it_never_leaves_its_bounds(steps in prop::collection::vec((0..3u64, 0..500u64), 0..50)) {
            let mut ceiling = Ceiling::new();
            let (mut limits, mut now) = (0, Duration::ZERO);
            for (more, seconds) in steps {
                (limits, now) = (limits + more, now + Duration::from_secs(seconds));
                let before = ceiling.rate;
                let rate = ceiling.rate(limits, now);
                prop_assert!((LEAST..=MOST).contains(&rate));
                prop_assert!(more == 0 || rate < before || rate == LEAST);
            }
        }
    }
}
