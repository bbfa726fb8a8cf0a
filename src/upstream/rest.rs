//! A rest after a limit: as long as the upstream asks, else a minute, doubling as long as nothing succeeds.

use std::time::Duration;

use crate::clock::Timestamp;

/// What GitHub asks for where it names no time (docs.github.com, "Best practices for using the REST API").
const FIRST: Duration = Duration::from_secs(60);
/// The least that a limit costs: `Retry-After: 0`, or a date that has passed here, asks for no rest at all.
const SHORTEST: Duration = Duration::from_secs(1);

/// The rest of a token or of a host; the default one is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    until: Timestamp,
    /// How long the next one is, if nothing says otherwise and nothing succeeds before.
    next: Option<Duration>,
}

impl Rest {
    /// When it is over.
    pub(super) const fn until(&self) -> Timestamp {
        self.until
    }

    /// Begins a rest. Of answers to requests that were in flight together the longest stated time counts, and the
    /// doubling counts once.
    pub(super) fn begin(&mut self, asked: Option<Duration>, now: Timestamp, longest: Duration) {
        let asked = asked.map(|asked| asked.max(SHORTEST));
        if now < self.until {
            let stated = now + asked.unwrap_or_default().min(longest);
            self.until = self.until.max(stated);
            return;
        }
        let own = self.next.unwrap_or(FIRST);
        self.until = now + asked.unwrap_or(own).min(longest);
        self.next = Some((own * 2).min(longest));
    }

    /// Of two rests of what turned out to be one: the later end, and the longer next one.
    pub(super) fn later(self, other: Self) -> Self {
        Self { until: self.until.max(other.until), next: self.next.max(other.next) }
    }

    /// Something succeeded. During a rest nothing is sent, so a success then answers a request from before it, and
    /// says nothing about it.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        if self.until <= now {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(3600);

    #[test]
    fn it_doubles_up_to_the_longest() {
        let mut rest = Rest::default();
        let mut now = Timestamp::from_secs(1_000_000);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            rest.begin(None, now, LONGEST);
            assert_eq!(rest.until().since(now), Duration::from_secs(60 * minutes));
            now = rest.until();
        }
    }

    #[test]
    fn a_stated_time_wins_within_reason() {
        let now = Timestamp::from_secs(1_000_000);
        let mut rest = Rest::default();
        rest.begin(Some(Duration::from_secs(7)), now, LONGEST);
        assert_eq!(rest.until().since(now), Duration::from_secs(7));
        rest.begin(Some(Duration::from_secs(1_000_000)), now, LONGEST);
        assert_eq!(rest.until().since(now), LONGEST);
    }

    #[test]
    fn a_stated_time_of_nothing_is_a_rest_too() {
        let now = Timestamp::from_secs(1_000_000);
        let mut rest = Rest::default();
        rest.begin(Some(Duration::ZERO), now, LONGEST);
        assert_eq!(rest.until().since(now), SHORTEST);
    }

    #[test]
    fn answers_to_requests_in_flight_together_double_once() {
        let now = Timestamp::from_secs(1_000_000);
        for asked in [None, Some(Duration::from_secs(60)), Some(Duration::from_secs(1))] {
            let mut rest = Rest::default();
            rest.begin(None, now, LONGEST);
            for _ in 0..5 {
                rest.begin(asked, now, LONGEST);
            }
            let end = rest.until();
            assert_eq!(end.since(now), Duration::from_secs(60));
            rest.begin(None, end, LONGEST);
            assert_eq!(rest.until().since(end), Duration::from_secs(120), "{asked:?}");
        }
    }

    #[test]
    fn a_longer_stated_time_prolongs_a_rest() {
        let now = Timestamp::from_secs(1_000_000);
        let mut rest = Rest::default();
        rest.begin(Some(Duration::from_secs(7)), now, LONGEST);
        rest.begin(Some(Duration::from_secs(90)), now, LONGEST);
        assert_eq!(rest.until().since(now), Duration::from_secs(90));
    }

    #[test]
    fn a_success_ends_the_doubling_and_never_a_rest() {
        let now = Timestamp::from_secs(1_000_000);
        let mut rest = Rest::default();
        rest.begin(None, now, LONGEST);
        let end = rest.until();
        rest.succeeded(now);
        assert_eq!(rest.until(), end, "it answers a request from before");
        rest.succeeded(end);
        rest.begin(None, end, LONGEST);
        assert_eq!(rest.until().since(end), Duration::from_secs(60));
    }
}
