//! The most requests a second that the background makes where the operator leaves that to svm.
//!
//! Pure: the time since the start is an argument. GitHub allows an address 900 requests a minute
//! and answers one that is too fast with a limit, so the ceiling halves at each limit and grows
//! back slowly (additive increase, multiplicative decrease).

use std::time::Duration;

/// GitHub's 900 points a minute (docs.github.com, "Rate limits for the REST API", "secondary rate
/// limits").
pub(super) const MOST: f64 = 15.0;

/// The ceiling after many limits in a row. One request a second shows when GitHub is content again.
const LEAST: f64 = 1.0;

/// The growth of the ceiling in each minute without a limit, in requests a second.
const GROWTH_PER_MINUTE: f64 = 1.0;

/// The ceiling, as of the last time that somebody asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ceiling {
    rate: f64,
    /// The limits of which it knows.
    limits: u64,
    at: Duration,
}

impl Ceiling {
    /// The ceiling at the start, of an address that GitHub has not limited yet.
    pub(super) const fn new() -> Self {
        Self { rate: MOST, limits: 0, at: Duration::ZERO }
    }

    /// Requests a second that may be made now; `limits` is how often GitHub has limited svm so far.
    pub(super) fn rate(&mut self, limits: u64, now: Duration) -> f64 {
        let minutes = now.saturating_sub(self.at).as_secs_f64() / 60.0;
        self.rate = match limits == self.limits {
            true => (self.rate + GROWTH_PER_MINUTE * minutes).min(MOST),
            // Several limits since the last time are answers to the same haste.
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
