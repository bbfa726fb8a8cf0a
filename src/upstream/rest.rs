//! A rest after a limit: as long as the upstream asks, else a minute, doubling as long as nothing succeeds.

use std::time::Duration;

use crate::clock::Timestamp;

/// What GitHub asks for where it names no time (docs.github.com, "Best practices for using the REST API").
const FIRST: Duration = Duration::from_secs(60);

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

    /// Begins a rest. Of two answers to requests in flight together, the longer rest counts, and the doubling counts
    /// once.
    pub(super) fn begin(&mut self, asked: Option<Duration>, now: Timestamp, longest: Duration) {
        if asked.is_none() && now < self.until {
            return;
        }
        let own = self.next.unwrap_or(FIRST);
        let rest = asked.unwrap_or(own).min(longest);
        self.until = self.until.max(now + rest);
        self.next = Some((own * 2).min(longest));
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
    fn answers_to_requests_in_flight_together_double_once() {
        let now = Timestamp::from_secs(1_000_000);
        let mut rest = Rest::default();
        for _ in 0..5 {
            rest.begin(None, now, LONGEST);
        }
        let end = rest.until();
        assert_eq!(end.since(now), Duration::from_secs(60));
        rest.begin(None, end, LONGEST);
        assert_eq!(rest.until().since(end), Duration::from_secs(120));
    }
}
