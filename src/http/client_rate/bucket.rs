//! A token bucket as one number: the moment at which the bucket is full again.
//!
//! Each token that a caller takes delays that moment by the refill time of one token. The bucket
//! has a token if the moment is no further away than the refill time of all other tokens. (ITU-T
//! I.371 calls this the generic cell rate algorithm.) Nothing needs an update as time passes, and
//! an unused bucket equals the default.
//!
//! Pure: `now` is an argument.

use std::time::Duration;

use crate::clock::Timestamp;

/// The time in which an empty bucket fills up. So a bucket holds the tokens of ten seconds, and at
/// least one token.
const FILLS_IN: Duration = Duration::from_secs(10);

/// The refill rate and the size of a bucket, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// The refill time of one token.
    token: u64,
    /// The refill time of all tokens.
    all: u64,
}

/// The moment at which the bucket is full again, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket(u64);

impl Rate {
    /// Creates the rate of `per_second` tokens per second. The refill time of a token saturates at
    /// some centuries.
    pub(super) fn new(per_second: f64) -> Self {
        let token = nanos(Duration::from_secs_f64(per_second.recip())).max(1);
        Self { token, all: token.max(nanos(FILLS_IN)) }
    }
}

impl Bucket {
    /// Takes a token. Fails with the time until the next one.
    pub(super) fn take(&mut self, now: Timestamp, rate: &Rate) -> Result<(), Duration> {
        let now = since_epoch(now);
        // If the moment is too far away even for an empty bucket, the clock was set back: the
        // bucket is empty now, and fills from now on.
        self.0 = self.0.min(now.saturating_add(rate.all));
        let missing = self.0.saturating_sub(now);
        let taken = missing.saturating_add(rate.token);
        if taken > rate.all {
            return Err(Duration::from_nanos(taken - rate.all));
        }
        self.0 = now.saturating_add(taken);
        Ok(())
    }

    /// Puts a token back. A full bucket stays full: its moment then lies in the past.
    pub(super) fn give_back(&mut self, rate: &Rate) {
        self.0 = self.0.saturating_sub(rate.token);
    }
}

fn since_epoch(now: Timestamp) -> u64 {
    nanos(Duration::from_millis(now.as_millis()))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The last millisecond that fits in 64 bits of nanoseconds.
    const LAST: u64 = u64::MAX / 1_000_000;
    const START: Timestamp = Timestamp::from_secs(1_780_315_200);

    /// The usual form of a token bucket: a level that grows with time, in nanoseconds so that it is
    /// exact.
    struct Model {
        level: u64,
        at: Timestamp,
    }

    impl Model {
        fn full(rate: &Rate) -> Self {
            Self { level: rate.all, at: START }
        }

        fn fill(&mut self, now: Timestamp, rate: &Rate) {
            self.level = (self.level + nanos(now.since(self.at))).min(rate.all);
            self.at = now;
        }

        fn take(&mut self, now: Timestamp, rate: &Rate) -> Result<(), Duration> {
            self.fill(now, rate);
            match self.level.checked_sub(rate.token) {
                Some(left) => self.level = left,
                None => return Err(Duration::from_nanos(rate.token - self.level)),
            }
            Ok(())
        }

        fn give_back(&mut self, now: Timestamp, rate: &Rate) {
            self.fill(now, rate);
            self.level = (self.level + rate.token).min(rate.all);
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Take,
        GiveBack,
        Wait(u64),
    }

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let event = prop_oneof![
            4 => Just(Event::Take),
            1 => Just(Event::GiveBack),
            2 => (0..20_000_u64).prop_map(Event::Wait),
        ];
        prop::collection::vec(event, 0..200)
    }

    fn rates() -> impl Strategy<Value = Rate> {
        prop_oneof![0.001..1.0_f64, 1.0..50.0_f64, Just(1_000_000.0)].prop_map(Rate::new)
    }

    /// Returns how many tokens a caller can take at the same moment.
    fn burst(per_second: f64) -> usize {
        let (rate, mut bucket) = (Rate::new(per_second), Bucket::default());
        (0..100).take_while(|_| bucket.take(START, &rate).is_ok()).count()
    }

    #[test]
    fn a_bucket_holds_ten_seconds_of_tokens_and_at_least_one() {
        for (per_second, tokens) in [(0.001, 1), (0.1, 1), (0.5, 5), (1.0, 10), (9.0, 90)] {
            assert_eq!(burst(per_second), tokens, "{per_second}");
        }
    }

    #[test]
    fn an_empty_one_says_when_the_next_token_comes() {
        let (rate, mut bucket) = (Rate::new(0.1), Bucket::default());
        assert_eq!(bucket.take(START, &rate), Ok(()));
        let later = START + Duration::from_secs(4);
        assert_eq!(bucket.take(later, &rate), Err(Duration::from_secs(6)));
        assert_eq!(bucket.take(START + Duration::from_secs(10), &rate), Ok(()));
    }

    #[test]
    fn a_clock_that_is_put_back_costs_no_more_than_the_bucket() {
        let (rate, mut bucket) = (Rate::new(1.0), Bucket::default());
        while bucket.take(START, &rate).is_ok() {}
        let earlier = START - Duration::from_hours(24);
        assert_eq!(bucket.take(earlier, &rate), Err(Duration::from_secs(1)));
        let then = earlier + Duration::from_secs(1);
        assert_eq!(bucket.take(then, &rate), Ok(()), "it fills from then on");
        assert_eq!(bucket.take(then + FILLS_IN, &rate), Ok(()));
    }

    proptest! {
        #[test]
        fn it_equals_a_bucket_that_counts_tokens(rate in rates(), events in events()) {
            let (mut bucket, mut model, mut now) = (Bucket::default(), Model::full(&rate), START);
            let mut taken = 0;
            for event in events {
                match event {
                    Event::Take => {
                        let took = bucket.take(now, &rate);
                        prop_assert_eq!(took, model.take(now, &rate));
                        taken += u32::from(took.is_ok());
                    }
                    Event::GiveBack if taken > 0 => {
                        bucket.give_back(&rate);
                        model.give_back(now, &rate);
                        taken -= 1;
                    }
                    Event::GiveBack => {}
                    Event::Wait(millis) => now = now + Duration::from_millis(millis),
                }
            }
        }

        #[test]
        fn it_never_gives_more_than_the_rate_and_one_filling(
            rate in rates(), waits in prop::collection::vec(0..3_000_u64, 0..300)
        ) {
            let (mut bucket, mut now, mut given) = (Bucket::default(), START, 0_u64);
            for wait in waits {
                given += u64::from(bucket.take(now, &rate).is_ok());
                now = now + Duration::from_millis(wait);
            }
            let time = nanos(now.since(START));
            prop_assert!(given <= (rate.all + time) / rate.token, "{given}");
        }

        #[test]
        fn no_moment_and_no_use_breaks_it(
            rate in rates(),
            moments in prop::collection::vec(prop_oneof![any::<u64>(), 0..LAST], 0..50)
        ) {
            let mut bucket = Bucket::default();
            for moment in moments {
                let now = Timestamp::from_millis(moment);
                if let Err(wait) = bucket.take(now, &rate) {
                    prop_assert!(wait <= Duration::from_nanos(rate.token), "{wait:?}");
                }
            }
        }
    }
}
