//! An outage for the log: each cause once, a count of the repetitions, and the end.
//!
//! Three rules keep the log short. A cause is logged again only after an hour or after a success.
//! Alternating causes are logged once each. When failures and successes alternate, there is a quota
//! of lines for causes that the log already has.

use std::time::Duration;

use crate::clock::Timestamp;

/// The interval at which a lasting cause is logged again.
const REMINDER: Duration = Duration::from_secs(60 * 60);
/// The number of lines per window for causes of earlier outages.
const LINES: u32 = 10;
/// The length of a window.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The failures of one component since its last success; `C` is a cause.
#[derive(Clone, Debug)]
pub struct Outage<C> {
    current: Option<CurrentOutage<C>>,
    /// Failures that no line has counted yet, of earlier outages too.
    uncounted: u64,
    /// The logged causes, with the last line of each.
    lines: Vec<LastLine<C>>,
    ration: Ration,
}

#[derive(Clone, Copy, Debug)]
struct LastLine<C> {
    cause: C,
    at: Timestamp,
    /// True if the line is of an earlier outage.
    is_old: bool,
}

#[derive(Clone, Copy, Debug)]
struct CurrentOutage<C> {
    since: Timestamp,
    failed_at: Timestamp,
    failures: u64,
    cause: C,
}

/// The quota of lines in a window.
#[derive(Clone, Copy, Debug, Default)]
struct Ration {
    began: Timestamp,
    used: u32,
}

/// The facts for a log line about a failure, or about the end of an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutageFacts {
    /// The beginning of the outage.
    pub since: Timestamp,
    /// The failures since the previous line, this failure included; at the end, all failures of the
    /// outage.
    pub failures: u64,
}

impl<C> Default for Outage<C> {
    fn default() -> Self {
        Self { current: None, uncounted: 0, lines: Vec::new(), ration: Ration::default() }
    }
}

impl<C: Copy + PartialEq> Outage<C> {
    /// Records a failure. Returns the facts for a log line, if it must be logged.
    pub fn failed(&mut self, cause: C, now: Timestamp) -> Option<OutageFacts> {
        self.uncounted += 1;
        let began = CurrentOutage { since: now, failed_at: now, failures: 0, cause };
        let current = self.current.get_or_insert(began);
        current.failures += 1;
        (current.cause, current.failed_at) = (cause, now);
        let since = current.since;
        if !self.take_line(cause, now) {
            return None;
        }
        self.lines.retain(|line| line.cause != cause);
        self.lines.push(LastLine { cause, at: now, is_old: false });
        Some(OutageFacts { since, failures: std::mem::take(&mut self.uncounted) })
    }

    /// Records a success. Returns the facts for a log line, if a failure was logged.
    pub fn succeeded(&mut self) -> Option<OutageFacts> {
        let ended = self.current.take()?;
        let mut is_logged = false;
        for line in &mut self.lines {
            is_logged |= !line.is_old;
            line.is_old = true;
        }
        if !is_logged {
            return None;
        }
        self.uncounted = 0;
        Some(OutageFacts { since: ended.since, failures: ended.failures })
    }

    /// Returns the beginning of the current outage.
    pub fn since(&self) -> Option<Timestamp> {
        self.current.map(|current| current.since)
    }

    /// Returns the time of the last failure, if no success followed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.current.map(|current| current.failed_at)
    }

    /// Returns the cause of the last failure, if no success followed.
    pub fn cause(&self) -> Option<C> {
        self.current.map(|current| current.cause)
    }

    /// Decides whether a failure is logged, and takes a line from the quota if it needs one.
    fn take_line(&mut self, cause: C, now: Timestamp) -> bool {
        match self.lines.iter().find(|line| line.cause == cause) {
            Some(line) if now.since(line.at) >= REMINDER => true,
            Some(line) => line.is_old && self.ration.take(now),
            None => true,
        }
    }
}

impl Ration {
    /// Takes a line. Returns false if none is left.
    fn take(&mut self, now: Timestamp) -> bool {
        // A window that begins in the future is from before the clock was set back.
        if self.began > now || now.since(self.began) >= WINDOW {
            *self = Self { began: now, used: 0 };
        }
        self.used += 1;
        self.used <= LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_780_315_200);

    fn line(since: Timestamp, failures: u64) -> Option<OutageFacts> {
        Some(OutageFacts { since, failures })
    }

    #[test]
    fn a_cause_is_logged_once_until_it_changes() {
        let mut outage = Outage::default();
        assert_eq!(outage.failed('a', START), line(START, 1));
        for _ in 0..100 {
            assert_eq!(outage.failed('a', START), None);
        }
        assert_eq!(outage.failed('b', START), line(START, 101));
        assert_eq!(outage.cause(), Some('b'));
    }

    #[test]
    fn alternating_causes_are_logged_once_each() {
        let mut outage = Outage::default();
        let lines = (0..1_000).filter(|n| outage.failed(n % 2, START).is_some());
        assert_eq!(lines.count(), 2);
    }

    #[test]
    fn a_lasting_cause_is_logged_every_hour() {
        let mut outage = Outage::default();
        let minutes = |n: u64| START + Duration::from_secs(60 * n);
        let lines: Vec<_> =
            (0..150).filter(|&n| outage.failed('a', minutes(n)).is_some()).collect();
        assert_eq!(lines, [0, 60, 120]);
        assert_eq!((outage.since(), outage.failed_at()), (Some(START), Some(minutes(149))));
    }

    #[test]
    fn the_end_is_logged_with_the_count_and_resets_the_causes() {
        let mut outage = Outage::default();
        assert_eq!(outage.succeeded(), None);
        for _ in 0..3 {
            let _ = outage.failed('a', START);
        }
        assert_eq!(outage.succeeded(), Some(OutageFacts { since: START, failures: 3 }));
        assert_eq!((outage.succeeded(), outage.cause(), outage.since()), (None, None, None));
        let later = START + Duration::from_secs(1);
        assert_eq!(outage.failed('a', later), line(later, 1));
    }

    #[test]
    fn failures_and_successes_that_take_turns_do_not_fill_the_log() {
        let mut outage = Outage::default();
        let mut lines = 0;
        for _ in 0..1_000 {
            lines += u32::from(outage.failed('a', START).is_some());
            lines += u32::from(outage.succeeded().is_some());
        }
        // The first line is of a new cause.
        assert_eq!(lines, 2 * (1 + LINES));
        // The next line counts the failures that were not logged.
        let later = START + WINDOW;
        assert_eq!(outage.failed('a', later), line(later, 1_000 - u64::from(LINES)));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_the_log() {
        let mut outage = Outage::default();
        for _ in 0..20 {
            let _ = outage.failed('a', START);
            let _ = outage.succeeded();
        }
        let earlier = START - Duration::from_secs(60 * 60 * 24);
        assert!(outage.failed('a', earlier).is_some());
    }
}
