//! When `GET /user` is asked next with a token.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::upstream::rest::believed;

/// After an answer that was not the one that is wanted.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// After no answer: it costs no quota to be back as soon as the network is.
const FIRST_AFTER_SILENCE: Duration = Duration::from_secs(5);
const LONGEST_AFTER_SILENCE: Duration = Duration::from_secs(60);

/// The next request of that kind, if there is to be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inquiry {
    due_at: Option<Timestamp>,
    /// How long it was waited for this one, unless it is the first.
    pause: Option<Duration>,
}

impl Inquiry {
    /// One that need not wait.
    pub(super) fn at_once() -> Self {
        Self::at(Timestamp::default())
    }

    /// One at that moment.
    pub(super) fn at(due_at: Timestamp) -> Self {
        Self { due_at: Some(due_at), pause: None }
    }

    pub(super) fn due_at(&self) -> Option<Timestamp> {
        self.due_at
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due_at| believed(due_at, now, LONGEST) <= now)
    }

    /// Once more after a minute, doubling up to an hour.
    pub(super) fn again(&mut self, now: Timestamp) {
        self.after(self.doubled(FIRST, LONGEST), now);
    }

    /// Once more after some seconds, doubling up to a minute.
    pub(super) fn again_soon(&mut self, now: Timestamp) {
        self.after(self.doubled(FIRST_AFTER_SILENCE, LONGEST_AFTER_SILENCE), now);
    }

    /// Once more after as long as this time.
    pub(super) fn again_alike(&mut self, now: Timestamp) {
        self.after(self.pause.unwrap_or(FIRST), now);
    }

    fn doubled(&self, first: Duration, longest: Duration) -> Duration {
        self.pause.map_or(first, |pause| (pause * 2).min(longest))
    }

    fn after(&mut self, pause: Duration, now: Timestamp) {
        *self = Self { due_at: Some(now + pause), pause: Some(pause) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[track_caller]
    fn check(again: fn(&mut Inquiry, Timestamp), pauses: &[u64]) {
        let (mut inquiry, mut now) = (Inquiry::at_once(), NOW);
        for pause in pauses {
            assert!(inquiry.is_due(now));
            again(&mut inquiry, now);
            assert_eq!(inquiry.due_at(), Some(now + Duration::from_secs(*pause)));
            assert!(!inquiry.is_due(now));
            now = now + Duration::from_secs(*pause);
        }
    }

    #[test]
    fn pauses_double_up_to_their_longest() {
        check(Inquiry::again, &[60, 120, 240, 480, 960, 1920, 3600, 3600]);
        check(Inquiry::again_soon, &[5, 10, 20, 40, 60, 60]);
        check(Inquiry::again_alike, &[60, 60, 60]);
    }

    #[test]
    fn a_clock_that_is_set_back_postpones_none_for_long() {
        let mut inquiry = Inquiry::at_once();
        inquiry.again(NOW);
        assert!(!inquiry.is_due(NOW - (LONGEST - FIRST)));
        assert!(inquiry.is_due(NOW - LONGEST));
    }

    #[test]
    fn none_is_never_due() {
        let none = Inquiry::default();
        assert!(!none.is_due(Timestamp::from_millis(u64::MAX)));
        assert_eq!(none.due_at(), None);
    }
}
