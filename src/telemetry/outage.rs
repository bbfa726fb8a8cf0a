//! An outage as the log tells it: each cause once, the repetitions counted, and its end.
//!
//! The subtle thing is what keeps the log short. A cause is told again after an hour, and after a
//! success; causes that take turns are told once each. Where failures and successes take turns,
//! lines of causes that the log has are rationed.

use std::time::Duration;

use crate::clock::Timestamp;

/// After this time a cause that lasts is told again.
const REMINDER: Duration = Duration::from_secs(60 * 60);
/// The lines that a window may have about causes of earlier outages.
const LINES: u32 = 10;
/// The length of a window.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The failures of one thing since its last success; `C` is a cause.
#[derive(Clone, Debug)]
pub struct Outage<C> {
    current: Option<Current<C>>,
    /// Failures that no line has counted yet, of earlier outages too.
    uncounted: u64,
    /// The causes that the log has, the last line of each.
    lines: Vec<Line<C>>,
    ration: Ration,
}

#[derive(Clone, Copy, Debug)]
struct Line<C> {
    cause: C,
    at: Timestamp,
    /// Whether it is of an outage that has ended.
    is_old: bool,
}

#[derive(Clone, Copy, Debug)]
struct Current<C> {
    since: Timestamp,
    failed_at: Timestamp,
    failures: u64,
    cause: C,
}

/// The lines that are left in a window.
#[derive(Clone, Copy, Debug, Default)]
struct Ration {
    began: Timestamp,
    used: u32,
}

/// A failure that is worth a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The beginning of the outage.
    pub since: Timestamp,
    /// The failures since the line before this one, this failure included.
    pub failures: u64,
}

/// The end of an outage of which the log has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The beginning of the outage.
    pub since: Timestamp,
    /// All failures of the outage.
    pub failures: u64,
}

impl<C> Default for Outage<C> {
    fn default() -> Self {
        Self { current: None, uncounted: 0, lines: Vec::new(), ration: Ration::default() }
    }
}

impl<C: Copy + PartialEq> Outage<C> {
    /// Notes a failure; the line that it is worth, if it is worth one.
    pub fn failed(&mut self, cause: C, now: Timestamp) -> Option<Told> {
        self.uncounted += 1;
        let began = Current { since: now, failed_at: now, failures: 0, cause };
        let current = self.current.get_or_insert(began);
        current.failures += 1;
        (current.cause, current.failed_at) = (cause, now);
        let since = current.since;
        if !self.takes_line(cause, now) {
            return None;
        }
        self.lines.retain(|line| line.cause != cause);
        self.lines.push(Line { cause, at: now, is_old: false });
        Some(Told { since, failures: std::mem::take(&mut self.uncounted) })
    }

    /// Notes a success; the line that it is worth, if the log has one about a failure.
    pub fn succeeded(&mut self) -> Option<Ended> {
        let ended = self.current.take()?;
        let mut is_told = false;
        for line in &mut self.lines {
            is_told |= !line.is_old;
            line.is_old = true;
        }
        if !is_told {
            return None;
        }
        self.uncounted = 0;
        Some(Ended { since: ended.since, failures: ended.failures })
    }

    /// The beginning of the outage, if there is one.
    pub fn since(&self) -> Option<Timestamp> {
        self.current.map(|current| current.since)
    }

    /// The moment of the last failure, if nothing has succeeded since.
    pub fn failed_at(&self) -> Option<Timestamp> {
        self.current.map(|current| current.failed_at)
    }

    /// The cause of the last failure, if nothing has succeeded since.
    pub fn cause(&self) -> Option<C> {
        self.current.map(|current| current.cause)
    }

    /// Decides whether a failure is worth a line; takes one from the ration if that is what it
    /// needs.
    fn takes_line(&mut self, cause: C, now: Timestamp) -> bool {
        match self.lines.iter().find(|line| line.cause == cause) {
            Some(line) if now.since(line.at) >= REMINDER => true,
            Some(line) => line.is_old && self.ration.take(now),
            None => true,
        }
    }
}

impl Ration {
    /// Takes a line, if one is left.
    fn take(&mut self, now: Timestamp) -> bool {
        // A window that begins after the present is from before the clock was set back.
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

    fn told(since: Timestamp, failures: u64) -> Option<Told> {
        Some(Told { since, failures })
    }

    #[test]
    fn a_cause_is_told_once_until_it_changes() {
        let mut outage = Outage::default();
        assert_eq!(outage.failed('a', START), told(START, 1));
        for _ in 0..100 {
            assert_eq!(outage.failed('a', START), None);
        }
        assert_eq!(outage.failed('b', START), told(START, 101));
        assert_eq!(outage.cause(), Some('b'));
    }

    #[test]
    fn causes_that_take_turns_are_told_once_each() {
        let mut outage = Outage::default();
        let lines = (0..1_000).filter(|n| outage.failed(n % 2, START).is_some());
        assert_eq!(lines.count(), 2);
    }

    #[test]
    fn a_cause_that_lasts_is_told_every_hour() {
        let mut outage = Outage::default();
        let minutes = |n: u64| START + Duration::from_secs(60 * n);
        let lines: Vec<_> =
            (0..150).filter(|&n| outage.failed('a', minutes(n)).is_some()).collect();
        assert_eq!(lines, [0, 60, 120]);
        assert_eq!((outage.since(), outage.failed_at()), (Some(START), Some(minutes(149))));
    }

    #[test]
    fn the_end_is_told_with_the_count_and_a_cause_is_news_again() {
        let mut outage = Outage::default();
        assert_eq!(outage.succeeded(), None);
        for _ in 0..3 {
            let _ = outage.failed('a', START);
        }
        assert_eq!(outage.succeeded(), Some(Ended { since: START, failures: 3 }));
        assert_eq!((outage.succeeded(), outage.cause(), outage.since()), (None, None, None));
        let later = START + Duration::from_secs(1);
        assert_eq!(outage.failed('a', later), told(later, 1));
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
        // The next line counts what had none.
        let later = START + WINDOW;
        assert_eq!(outage.failed('a', later), told(later, 1_000 - u64::from(LINES)));
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
