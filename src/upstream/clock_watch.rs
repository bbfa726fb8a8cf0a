//! A watch on the difference between GitHub's clock and ours, as shown by the `Date` of answers.
//!
//! One wrong `Date` changes nothing: a new difference counts once two consecutive answers show it.

use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;

use crate::clock::Timestamp;

use super::metrics::UpstreamMetrics;
use super::server_time::ServerTime;

/// The difference above which the clocks count as apart.
const APART_SECS: u64 = 60;
/// The difference up to which clocks that were apart count as equal again. It is lower, so that a
/// difference that varies around one bound is not logged each time.
const AGREED_SECS: u64 = 45;
/// The most by which two observations of the same difference vary.
const SAME_SECS: u64 = 15;
/// The interval of the log lines while the clocks stay apart.
const LOGGED_EVERY: Duration = Duration::from_secs(60 * 60);

/// The differences that answers have shown.
#[derive(Debug, Default)]
pub(super) struct ClockWatch(Mutex<ClockDifference>);

#[derive(Clone, Copy, Debug, Default)]
struct ClockDifference {
    ahead_secs: Option<i64>,
    /// Another difference, shown by one answer so far.
    candidate: Option<i64>,
    are_apart: bool,
    logged_at: Option<Timestamp>,
}

/// A change that is worth a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockNews {
    /// The clocks differ by more than a minute.
    Apart,
    /// The clocks agree again.
    Agreed,
}

impl ClockWatch {
    /// Records the difference that an answer shows. Returns by how many seconds GitHub's clock is
    /// ahead, and the news if there is any.
    fn note(&self, clock: ServerTime, now: Timestamp) -> (i64, Option<ClockNews>) {
        let mut seen = self.0.lock();
        let ahead_secs = seen.settle(clock.ahead_secs());
        (ahead_secs, seen.news(ahead_secs, now))
    }

    /// Records the difference that the head of an answer shows, and logs news.
    pub(super) fn watch(&self, headers: &HeaderMap, now: Timestamp, metrics: &UpstreamMetrics) {
        let Some(clock) = ServerTime::shown(headers, now) else { return };
        let (offset_seconds, news) = self.note(clock, now);
        metrics.clock_offset.set(offset_seconds);
        match news {
            Some(ClockNews::Apart) => tracing::warn!(
                offset_seconds,
                "the clock of this machine and that of GitHub differ"
            ),
            Some(ClockNews::Agreed) => tracing::info!(
                offset_seconds,
                "the clock of this machine and that of GitHub agree again"
            ),
            None => {}
        }
    }
}

impl ClockDifference {
    fn settle(&mut self, shown: i64) -> i64 {
        let is_same = |other: &i64| shown.abs_diff(*other) <= SAME_SECS;
        let is_confirmed = self.candidate.as_ref().is_some_and(is_same);
        match self.ahead_secs {
            Some(settled) if !is_same(&settled) && !is_confirmed => {
                self.candidate = Some(shown);
                settled
            }
            _ => {
                (self.ahead_secs, self.candidate) = (Some(shown), None);
                shown
            }
        }
    }

    fn news(&mut self, ahead_secs: i64, now: Timestamp) -> Option<ClockNews> {
        let were_apart = self.are_apart;
        let bound = if were_apart { AGREED_SECS } else { APART_SECS };
        self.are_apart = ahead_secs.unsigned_abs() > bound;
        let was_logged =
            self.logged_at.is_some_and(|logged_at| logged_at.was_within(LOGGED_EVERY, now));
        match (were_apart, self.are_apart) {
            (true, true) if was_logged => None,
            (_, true) => {
                self.logged_at = Some(now);
                Some(ClockNews::Apart)
            }
            (true, false) => Some(ClockNews::Agreed),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::DATE;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

    /// Returns the offsets and the news for answers that are one second apart and whose clock is
    /// ahead by these numbers of seconds.
    fn observed(ahead: &[i64]) -> Vec<(i64, Option<ClockNews>)> {
        let watch = ClockWatch::default();
        let notes = (0..).zip(ahead).map(|(second, ahead)| {
            let now = NOW + Duration::from_secs(second);
            watch.note(clock(*ahead, now), now)
        });
        notes.collect()
    }

    fn clock(ahead: i64, now: Timestamp) -> ServerTime {
        let by = Duration::from_secs(ahead.unsigned_abs());
        let date = if ahead < 0 { now - by } else { now + by };
        let date = std::time::UNIX_EPOCH + Duration::from_secs(date.as_secs());
        let date = httpdate::fmt_http_date(date).parse().unwrap();
        ServerTime::read(&HeaderMap::from_iter([(DATE, date)]), now)
    }

    #[test]
    fn a_difference_is_logged_at_its_beginning_and_end() {
        let (apart, agreed) = (Some(ClockNews::Apart), Some(ClockNews::Agreed));
        assert_eq!(observed(&[0, 0]), [(0, None), (0, None)]);
        assert_eq!(observed(&[1800, 1801]), [(1800, apart), (1801, None)]);
        assert_eq!(observed(&[-7200]), [(-7200, apart)]);
        let right_again = [(1800, apart), (1800, None), (0, agreed), (0, None)];
        assert_eq!(observed(&[1800, 0, 0, 0]), right_again);
    }

    #[test]
    fn a_difference_over_a_minute_is_logged_once() {
        let lines =
            |ahead: &[i64]| observed(ahead).iter().filter(|(_, news)| news.is_some()).count();
        assert_eq!(lines(&[60, -60, -60, 59, 59]), 0);
        assert_eq!(lines(&[61, 59, 62, 58, 60, 63]), 1);
    }

    #[test]
    fn one_wrong_date_changes_nothing_and_two_do() {
        let news = observed(&[0, 86_400, 0, -86_400, 0]);
        assert!(news.iter().all(|news| *news == (0, None)), "{news:?}");
        let news = observed(&[0, 86_400, -86_400, 86_400, -86_400, 0]);
        assert!(news.iter().all(|news| *news == (0, None)), "{news:?}");
        assert_eq!(observed(&[0, 600, 601])[2], (601, Some(ClockNews::Apart)));
    }

    #[test]
    fn clocks_that_stay_apart_are_logged_once_an_hour() {
        let watch = ClockWatch::default();
        let hours = (0..5 * 60).filter(|minute| {
            let now = NOW + Duration::from_secs(minute * 60);
            watch.note(clock(1800, now), now).1.is_some()
        });
        assert_eq!(hours.collect::<Vec<_>>(), [0, 60, 120, 180, 240]);
    }
}
