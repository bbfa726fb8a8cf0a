//! A period of time that does not grow when the clock is set back.

use std::time::Duration;

use super::Timestamp;

/// The tolerance for a period that begins after the `now` of a caller, since the caller may have
/// read the clock earlier.
const READ_APART: Duration = Duration::from_secs(1);

/// The period between two moments; the default one is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    began_at: Timestamp,
    ends_at: Timestamp,
}

impl Period {
    /// Returns the period from `began_at` to `ends_at`.
    pub const fn new(began_at: Timestamp, ends_at: Timestamp) -> Self {
        Self { began_at, ends_at }
    }

    /// Returns the period of this length from `began_at` on.
    pub fn lasting(began_at: Timestamp, length: Duration) -> Self {
        Self::new(began_at, began_at + length)
    }

    /// Returns the end. A period that begins after `now` is from before the clock was set back: its
    /// remaining time is unknown, so it is over.
    pub fn ends_at(&self, now: Timestamp) -> Timestamp {
        if self.began_at <= now + READ_APART { self.ends_at } else { Timestamp::default() }
    }

    /// Returns true until the period ends.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        now < self.ends_at(now)
    }

    /// Returns the period with a later end.
    pub fn prolonged(self, ends_at: Timestamp) -> Self {
        Self { ends_at: self.ends_at.max(ends_at), ..self }
    }

    /// Returns the one of two periods that ends later.
    pub fn later(self, other: Self, now: Timestamp) -> Self {
        if self.ends_at(now) < other.ends_at(now) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn it_ends_when_its_length_has_passed() {
        let period = Period::lasting(NOW, Duration::from_secs(60));
        assert!(period.goes_on(NOW) && period.goes_on(NOW + Duration::from_millis(59_999)));
        assert!(!period.goes_on(NOW + Duration::from_secs(60)));
        assert!(!Period::default().goes_on(Timestamp::default()));
    }

    #[test]
    fn one_that_begins_ahead_is_over_but_for_older_callers() {
        let period = Period::lasting(NOW, Duration::from_secs(60));
        assert!(period.goes_on(NOW - READ_APART));
        assert!(!period.goes_on(NOW - READ_APART - Duration::from_millis(1)));
    }

    proptest! {
        #[test]
        fn no_step_of_the_clock_prolongs_it(length in 0..100_000u64, step in -200_000..200_000i64) {
            let period = Period::lasting(NOW, Duration::from_millis(length));
            let moved = Duration::from_millis(step.unsigned_abs());
            let now = if step < 0 { NOW - moved } else { NOW + moved };
            let left = period.ends_at(now).since(now);
            prop_assert!(left <= Duration::from_millis(length) + READ_APART);
        }
    }
}
