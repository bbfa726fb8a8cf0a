//! The time of the next `GET /user` with a token.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::clock::{Period, Timestamp};

/// The pauses after an inconclusive answer.
const AFTER_ANSWER: Backoff =
    Backoff { first: Duration::from_secs(60), longest: Duration::from_secs(60 * 60) };
/// The pauses after no answer. They are short: such an inquiry costs no quota, and the return of
/// the network is noticed soon.
const AFTER_SILENCE: Backoff =
    Backoff { first: Duration::from_secs(5), longest: Duration::from_secs(60) };

/// The next inquiry, if one is planned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inquiry {
    wait: Option<Period>,
    /// The pause before this inquiry, unless it is the first.
    pause: Option<Duration>,
}

impl Inquiry {
    /// Plans an inquiry now.
    pub(super) fn at_once() -> Self {
        Self { wait: Some(Period::default()), pause: None }
    }

    /// Plans an inquiry after that time.
    pub(super) fn after(time: Duration, now: Timestamp) -> Self {
        Self { wait: Some(Period::lasting(now, time)), pause: None }
    }

    pub(super) fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.wait?.ends_at(now))
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.wait.is_some_and(|wait| !wait.goes_on(now))
    }

    /// Repeats the inquiry after a minute; the pause doubles up to an hour.
    pub(super) fn again(&mut self, now: Timestamp) {
        self.wait_for(AFTER_ANSWER.after(self.pause), now);
    }

    /// Repeats the inquiry after a few seconds; the pause doubles up to a minute.
    pub(super) fn again_soon(&mut self, now: Timestamp) {
        self.wait_for(AFTER_SILENCE.after(self.pause), now);
    }

    /// Repeats the inquiry after the last pause.
    pub(super) fn again_alike(&mut self, now: Timestamp) {
        self.wait_for(self.pause.unwrap_or(AFTER_ANSWER.first), now);
    }

    fn wait_for(&mut self, pause: Duration, now: Timestamp) {
        *self = Self { wait: Some(Period::lasting(now, pause)), pause: Some(pause) };
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
            assert_eq!(inquiry.due_at(now), Some(now + Duration::from_secs(*pause)));
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
    fn a_clock_that_is_set_back_postpones_none() {
        let mut inquiry = Inquiry::at_once();
        inquiry.again(NOW);
        assert!(!inquiry.is_due(NOW));
        let before = NOW - Duration::from_secs(2);
        assert!(inquiry.is_due(before));
        assert!(inquiry.due_at(before) <= Some(before));
    }

    #[test]
    fn none_is_never_due() {
        let none = Inquiry::default();
        assert!(!none.is_due(Timestamp::from_millis(u64::MAX)));
        assert_eq!(none.due_at(NOW), None);
    }
}
