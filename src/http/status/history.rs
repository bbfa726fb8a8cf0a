//! The traffic of the last hour: a sample of the counters every few seconds, and the rates between
//! two samples.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::metrics::Totals;

/// The interval of the samples.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);
/// The time that the samples cover.
const COVERED: Duration = Duration::from_secs(60 * 60);
/// The most samples: those of that time, and the one at its beginning.
const MOST: usize = (COVERED.as_secs() / INTERVAL.as_secs()) as usize + 1;
/// The time that one point of the chart covers.
const POINT: Duration = Duration::from_secs(30);
/// The number of points of the chart, for one hour.
pub(super) const POINTS: u32 = 120;

/// The counters since the start, or between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// The answers to requests for documents.
    pub(super) requests: u64,
    /// The answers from the stored copy.
    pub(super) hits: u64,
    /// The answers that were not hits. A request that svm refused before the cache is neither.
    pub(super) misses: u64,
    /// The answers with a stale copy.
    pub(super) stale: u64,
    /// The calls to GitHub, with each hop and each retry.
    pub(super) calls: u64,
    /// The calls that cost quota.
    pub(super) charged_calls: u64,
    /// The exchanges with GitHub that failed.
    pub(super) failed_exchanges: u64,
}

impl Counts {
    pub(super) fn of(totals: &Totals) -> Self {
        Self {
            requests: totals.sum("svm_answers_total"),
            hits: totals.sum("svm_cache_hits_total"),
            misses: totals.sum("svm_cache_misses_total"),
            stale: totals.sum("svm_stale_answers_total"),
            calls: totals.sum("svm_upstream_requests_total"),
            charged_calls: totals.sum_where("svm_upstream_quota_total", "quota", "charged"),
            failed_exchanges: totals.sum("svm_upstream_errors_total"),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            stale: self.stale.saturating_sub(earlier.stale),
            calls: self.calls.saturating_sub(earlier.calls),
            charged_calls: self.charged_calls.saturating_sub(earlier.charged_calls),
            failed_exchanges: self.failed_exchanges.saturating_sub(earlier.failed_exchanges),
        }
    }

    /// Returns the share of hits; `None` if there were neither hits nor misses.
    pub(super) fn hit_ratio(self) -> Option<f64> {
        let all = self.hits + self.misses;
        (all > 0).then(|| rounded(self.hits as f64 / all as f64))
    }
}

/// The rates over a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct TrafficRates {
    /// The seconds between the two samples.
    pub(super) seconds: f64,
    /// The requests for documents per second.
    pub(super) requests_per_second: f64,
    /// The share of hits, from 0 to 1.
    pub(super) hit_ratio: Option<f64>,
    /// The calls to GitHub per minute.
    pub(super) calls_per_minute: f64,
    /// The calls to GitHub per minute that cost quota.
    pub(super) charged_calls_per_minute: f64,
}

impl TrafficRates {
    fn between(earlier: &Sample, later: &Sample) -> Self {
        let seconds = later.at.since(earlier.at).as_secs_f64();
        if seconds == 0.0 {
            return Self::default();
        }
        let counts = later.counts.since(earlier.counts);
        Self {
            seconds,
            requests_per_second: rounded(counts.requests as f64 / seconds),
            hit_ratio: counts.hit_ratio(),
            calls_per_minute: rounded(counts.calls as f64 * 60.0 / seconds),
            charged_calls_per_minute: rounded(counts.charged_calls as f64 * 60.0 / seconds),
        }
    }
}

/// Rounds to four decimal places: further digits mean nothing.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Timestamp,
    counts: Counts,
}

/// The samples, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct History(VecDeque<Sample>);

impl History {
    /// Returns true if another sample is due. After the clock was set back, a sample is due at
    /// once.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.0.back().is_none_or(|last| now < last.at || now.since(last.at) >= INTERVAL)
    }

    /// Adds a sample. Drops samples in the future: they are from before the clock was set back.
    pub(super) fn note(&mut self, at: Timestamp, counts: Counts) {
        self.0.retain(|sample| sample.at < at);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Sample { at, counts });
    }

    /// Returns the counters of the last sample.
    pub(super) fn latest(&self) -> Counts {
        self.0.back().map_or_else(Counts::default, |sample| sample.counts)
    }

    /// Returns the rates over the period that ends with the last sample, or over the part of it
    /// that has samples.
    pub(super) fn rates(&self, period: Duration) -> TrafficRates {
        let Some(last) = self.0.back() else { return TrafficRates::default() };
        self.before(last.at - period)
            .map_or_else(TrafficRates::default, |first| TrafficRates::between(first, last))
    }

    /// Returns the rates of each half minute of the last hour, the oldest first; `None` for a half
    /// minute without samples.
    pub(super) fn points(&self) -> Vec<Option<TrafficRates>> {
        let Some(last) = self.0.back() else { return Vec::new() };
        let ends = (0..POINTS).rev().map(|points| last.at - POINT * points);
        let of_point = |end: Timestamp| {
            let (first, last) = (self.before(end - POINT)?, self.before(end)?);
            (first.at < last.at).then(|| TrafficRates::between(first, last))
        };
        ends.map(of_point).collect()
    }

    /// Returns the last sample up to this time, or the oldest sample if all are later.
    fn before(&self, at: Timestamp) -> Option<&Sample> {
        let later = self.0.partition_point(|sample| sample.at <= at);
        match later.checked_sub(1) {
            Some(place) => self.0.get(place),
            None => self.0.front(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    /// Returns a history: a sample of zeros, and a sample after each interval with so many further
    /// requests and hits.
    fn history(samples: u32, requests: u64, hits: u64) -> History {
        let mut history = History::default();
        for number in 0..=samples {
            let count = u64::from(number);
            let (requests, hits) = (requests * count, hits * count);
            let misses = requests - hits;
            let counts = Counts { requests, hits, misses, ..Counts::default() };
            history.note(START + INTERVAL * number, counts);
        }
        history
    }

    #[test]
    fn rates_cover_their_period_and_no_more() {
        let mut history = history(60, 10, 9);
        let rates = history.rates(Duration::from_secs(300));
        assert_eq!((rates.seconds, rates.requests_per_second), (300.0, 2.0));
        assert_eq!(rates.hit_ratio, Some(0.9));
        let more = Counts { requests: 1_600, hits: 540, misses: 1_060, ..Counts::default() };
        history.note(START + INTERVAL * 61, more);
        let now = history.rates(INTERVAL);
        assert_eq!((now.requests_per_second, now.hit_ratio), (200.0, Some(0.0)));
    }

    #[test]
    fn a_young_history_has_rates_of_its_samples() {
        assert_eq!(History::default().rates(POINT), TrafficRates::default());
        assert_eq!(history(0, 1, 1).rates(POINT), TrafficRates::default());
        let rates = history(2, 5, 5).rates(Duration::from_secs(3_600));
        assert_eq!((rates.seconds, rates.requests_per_second), (10.0, 1.0));
        let points = history(2, 5, 5).points();
        let known = points.iter().flatten().count();
        assert_eq!((points.len(), known), (120, 1), "{points:?}");
    }

    #[test]
    fn an_hour_is_kept_whatever_the_clock_does() {
        let mut history = history(2_000, 1, 1);
        assert_eq!(history.0.len(), MOST);
        assert_eq!(history.points().iter().flatten().count(), 120);
        let back = START + INTERVAL * 1_990;
        assert!(history.is_due(back) && !history.is_due(START + INTERVAL * 2_000));
        history.note(back, Counts::default());
        assert!(history.0.iter().is_sorted_by_key(|sample| sample.at));
        assert_eq!(history.0.back().map(|sample| sample.at), Some(back));
    }
}
