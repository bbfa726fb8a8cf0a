//! A cooldown after a limit: as long as the upstream demands, or a minute that doubles until a
//! request succeeds.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::clock::{Period, Timestamp};

/// The pause that GitHub asks for if an answer states no time (docs.github.com, "Best practices for
/// using the REST API").
const FIRST: Duration = Duration::from_secs(60);
/// The shortest cooldown, for `Retry-After: 0` or a date in the past.
const SHORTEST: Duration = Duration::from_secs(1);

/// The cooldown of a token or of a host; the default has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cooldown {
    period: Period,
    /// The length of the last cooldown for which the upstream stated no time. The next one is twice
    /// as long, unless a request succeeds first.
    last: Option<Duration>,
}

impl Cooldown {
    /// Returns its end, which may be long past.
    pub(super) fn until(&self, now: Timestamp) -> Timestamp {
        self.period.ends_at(now)
    }

    /// Begins a cooldown. For answers to concurrent requests, the longest stated time counts, and
    /// the doubling counts once.
    pub(super) fn begin(&mut self, asked: Option<Duration>, now: Timestamp, longest: Duration) {
        let asked = asked.map(|asked| asked.max(SHORTEST));
        if now < self.until(now) {
            let stated = now + asked.unwrap_or_default().min(longest);
            self.period = self.period.prolonged(stated);
            return;
        }
        let own = Backoff { first: FIRST, longest }.after(self.last);
        self.period = Period::lasting(now, asked.unwrap_or(own).min(longest));
        self.last = Some(own);
    }

    /// Merges the cooldowns of two tokens that turned out to share an account: the later end and
    /// the longer pause count.
    pub(super) fn later(self, other: Self, now: Timestamp) -> Self {
        Self { period: self.period.later(other.period, now), last: self.last.max(other.last) }
    }

    /// Records a success. Nothing is sent during a cooldown, so a success in it answers an earlier
    /// request, and does not count.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        if self.until(now) <= now {
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
        let mut cooldown = Cooldown::default();
        let mut now = Timestamp::from_secs(1_000_000);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            cooldown.begin(None, now, LONGEST);
            assert_eq!(cooldown.until(now).since(now), Duration::from_secs(60 * minutes));
            now = cooldown.until(now);
        }
    }

    #[test]
    fn a_stated_time_wins_within_reason() {
        let now = Timestamp::from_secs(1_000_000);
        let mut cooldown = Cooldown::default();
        cooldown.begin(Some(Duration::from_secs(7)), now, LONGEST);
        assert_eq!(cooldown.until(now).since(now), Duration::from_secs(7));
        cooldown.begin(Some(Duration::from_secs(1_000_000)), now, LONGEST);
        assert_eq!(cooldown.until(now).since(now), LONGEST);
    }

    #[test]
    fn a_stated_time_of_nothing_is_a_cooldown_too() {
        let now = Timestamp::from_secs(1_000_000);
        let mut cooldown = Cooldown::default();
        cooldown.begin(Some(Duration::ZERO), now, LONGEST);
        assert_eq!(cooldown.until(now).since(now), SHORTEST);
    }

    #[test]
    fn answers_to_requests_in_flight_together_double_once() {
        let now = Timestamp::from_secs(1_000_000);
        for asked in [None, Some(Duration::from_secs(60)), Some(Duration::from_secs(1))] {
            let mut cooldown = Cooldown::default();
            cooldown.begin(None, now, LONGEST);
            for _ in 0..5 {
                cooldown.begin(asked, now, LONGEST);
            }
            let end = cooldown.until(now);
            assert_eq!(end.since(now), Duration::from_secs(60));
            cooldown.begin(None, end, LONGEST);
            assert_eq!(cooldown.until(end).since(end), Duration::from_secs(120), "{asked:?}");
        }
    }

    #[test]
    fn a_longer_stated_time_prolongs_a_cooldown() {
        let now = Timestamp::from_secs(1_000_000);
        let mut cooldown = Cooldown::default();
        cooldown.begin(Some(Duration::from_secs(7)), now, LONGEST);
        cooldown.begin(Some(Duration::from_secs(90)), now, LONGEST);
        assert_eq!(cooldown.until(now).since(now), Duration::from_secs(90));
    }

    #[test]
    fn a_success_ends_the_doubling_and_never_a_cooldown() {
        let now = Timestamp::from_secs(1_000_000);
        let mut cooldown = Cooldown::default();
        cooldown.begin(None, now, LONGEST);
        let end = cooldown.until(now);
        cooldown.succeeded(now);
        assert_eq!(cooldown.until(now), end, "it answers a request from before");
        cooldown.succeeded(end);
        cooldown.begin(None, end, LONGEST);
        assert_eq!(cooldown.until(end).since(end), Duration::from_secs(60));
    }

    #[test]
    fn a_clock_that_is_set_back_ends_it() {
        let now = Timestamp::from_secs(1_000_000);
        let mut cooldown = Cooldown::default();
        cooldown.begin(None, now, LONGEST);
        let before = now - Duration::from_secs(2);
        assert!(cooldown.until(before) <= before);
        cooldown.begin(None, before, LONGEST);
        assert_eq!(
            cooldown.until(before).since(before),
            Duration::from_secs(120),
            "another begins"
        );
        assert_eq!(cooldown.until(before - LONGEST), Timestamp::default());
    }

    #[test]
    fn of_two_the_later_end_and_the_longer_next_one_count() {
        let now = Timestamp::from_secs(1_000_000);
        let (mut long, mut doubled) = (Cooldown::default(), Cooldown::default());
        long.begin(Some(LONGEST), now, LONGEST);
        for at in [0, 60] {
            doubled.begin(None, now + Duration::from_secs(at), LONGEST);
        }
        for mut both in [long.later(doubled, now), doubled.later(long, now)] {
            let end = both.until(now);
            assert_eq!(end.since(now), LONGEST);
            both.begin(None, end, LONGEST);
            assert_eq!(both.until(end).since(end), Duration::from_secs(240));
        }
    }
}
