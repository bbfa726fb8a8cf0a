//! The clock of a server, as shown by the `Date` of one answer.
//!
//! Pure. A server states times by its own clock: the reset of a window, the end of a wait, the
//! expiry of a token. `Date` shows the offset of that clock, by which these times are converted to
//! ours.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{AGE, DATE};

use crate::clock::Timestamp;

/// The largest offset that is ignored: `Date` has whole seconds, and the answer takes time to
/// arrive.
const A_FEW_SECONDS: Duration = Duration::from_secs(5);
/// The plausible seconds of a `Date`: 2020 to 2099.
const PLAUSIBLE: std::ops::Range<u64> = 1_577_836_800..4_102_444_800;
/// The greatest `Age` that is believed, in seconds.
const OLDEST_COPY: u64 = 365 * 24 * 60 * 60;

/// The offset of a server's clock from ours; zero without a usable `Date`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerTime {
    ahead_millis: i64,
}

impl ServerTime {
    /// Reads the offset from an answer that arrived at `now`.
    pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Self {
        Self::shown(headers, now).unwrap_or_default()
    }

    /// Reads the offset; `None` if the answer has no usable `Date`.
    pub(crate) fn shown(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let date = headers.get(DATE)?.to_str().ok().and_then(http_date)?;
        if !PLAUSIBLE.contains(&date.as_secs()) {
            return None;
        }
        // A cache in between sends either the server's `Date` and the `Age` of its copy, or its own
        // `Date`. So the server's time lies between the two.
        let age = number(headers, AGE.as_str()).unwrap_or(0).min(OLDEST_COPY);
        let (earliest, latest) = (date, date + Duration::from_secs(age));
        let ahead_millis = if now + A_FEW_SECONDS < earliest {
            millis(earliest.since(now))
        } else if now > latest + A_FEW_SECONDS {
            -millis(now.since(latest))
        } else {
            0
        };
        Some(Self { ahead_millis })
    }

    /// Converts a time of the server's clock to ours.
    pub(crate) fn ours(self, theirs: Timestamp) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_millis.unsigned_abs());
        if self.ahead_millis < 0 { theirs + ahead } else { theirs - ahead }
    }

    /// Returns by how many seconds the server's clock is ahead of ours; negative if it is behind.
    pub(super) fn ahead_secs(self) -> i64 {
        self.ahead_millis / 1_000
    }
}

/// Parses an HTTP date (RFC 9110, 5.6.7).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(Timestamp::from_secs(date.duration_since(UNIX_EPOCH).ok()?.as_secs()))
}

/// Returns the value of a field that is a number.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);
    const MINUTE: Duration = Duration::from_secs(60);

    fn headers(date: &str, age: Option<u64>) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        age.map(|age| headers.insert(AGE, age.to_string().parse().unwrap()));
        headers
    }

    fn written(at: Timestamp) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.as_secs()))
    }

    fn ahead(date: Timestamp, age: Option<u64>) -> i64 {
        ServerTime::read(&headers(&written(date), age), NOW).ahead_secs()
    }

    #[test]
    fn a_date_shows_how_far_a_clock_is_ahead_or_behind() {
        for secs in [-3 * 86_400, -10_800, -1_800, -6, 6, 1_800, 10_800, 30 * 86_400_i64] {
            let by = Duration::from_secs(secs.unsigned_abs());
            let date = if secs < 0 { NOW - by } else { NOW + by };
            let clock = ServerTime::read(&headers(&written(date), None), NOW);
            assert_eq!(clock.ahead_secs(), secs);
            assert_eq!(clock.ours(date + MINUTE), NOW + MINUTE, "{secs}");
        }
    }

    #[test]
    fn a_few_seconds_are_no_difference() {
        for secs in 0..=5 {
            let by = Duration::from_secs(secs);
            assert_eq!((ahead(NOW - by, None), ahead(NOW + by, None)), (0, 0));
        }
    }

    #[test]
    fn no_usable_date_is_our_own_clock() {
        for date in [
            "",
            "yesterday",
            "0",
            "1780315200",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Mon, 99 Jun 2026 00:00:00 GMT",
        ] {
            let read = ServerTime::shown(&headers(date, None), NOW);
            assert_eq!(read, None, "{date}");
        }
        assert_eq!(ServerTime::read(&HeaderMap::new(), NOW).ours(NOW), NOW);
    }

    #[test]
    fn an_answer_of_a_cache_may_be_as_old_as_it_says() {
        assert_eq!(ahead(NOW - 10 * MINUTE, Some(600)), 0, "the date is the server's");
        assert_eq!(ahead(NOW, Some(600)), 0, "the date is the cache's");
        assert_eq!(ahead(NOW - 60 * MINUTE, Some(600)), -50 * 60);
        assert_eq!(ahead(NOW + 30 * MINUTE, Some(600)), 30 * 60);
        assert_eq!(ahead(NOW - MINUTE, Some(u64::MAX)), 0);
    }

    proptest! {
        #[test]
        fn a_moment_keeps_its_distance_from_the_date(
            offset in -400_000_000..400_000_000i64,
            wait in 0..10_000u64,
        ) {
            let by = Duration::from_millis(offset.unsigned_abs());
            let date = if offset < 0 { NOW - by } else { NOW + by };
            let clock = ServerTime::read(&headers(&written(date), None), NOW);
            let date = Timestamp::from_secs(date.as_secs());
            let moment = clock.ours(date + Duration::from_secs(wait));
            let want = NOW + Duration::from_secs(wait);
            prop_assert!(moment.since(want).max(want.since(moment)) <= A_FEW_SECONDS);
        }

        #[test]
        fn any_headers_are_read_without_panic(
            date in "\\PC{0,40}", age in "\\PC{0,30}", theirs in any::<u64>(), now in any::<u64>(),
        ) {
            let parse = |text: &str| http::HeaderValue::from_str(text);
            let (Ok(date), Ok(age)) = (parse(&date), parse(&age)) else { return Ok(()) };
            let now = Timestamp::from_millis(now);
            let clock = ServerTime::read(&HeaderMap::from_iter([(DATE, date), (AGE, age)]), now);
            let _ = clock.ours(Timestamp::from_secs(theirs));
        }
    }
}
