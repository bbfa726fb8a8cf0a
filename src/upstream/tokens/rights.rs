//! The rights of a token and its expiry, as its answers show them.
//!
//! `x-oauth-scopes` shows the scopes of a classic token. A fine-grained token shows none, so its
//! rights are unknown.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Timestamp;
use crate::upstream::server_time::ServerTime;

const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");
const EXPIRATION: HeaderName = HeaderName::from_static("github-authentication-token-expiration");

/// The only scope without private data (docs.github.com, "Scopes for OAuth apps").
const HARMLESS: &str = "public_repo";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The time before a token's expiry from which on the log warns.
const NOTICE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The rights of a token, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Rights {
    visibility: VisibleData,
    /// The expiry, by GitHub's clock.
    expires_at: Option<Timestamp>,
    /// GitHub's clock, by the last answer that showed the expiry.
    clock: ServerTime,
    /// The time of the last warning about the expiry.
    logged_at: Option<Timestamp>,
    /// The last values of the headers, so that each is parsed once.
    scopes: Option<Box<[u8]>>,
    expiration: Option<Box<[u8]>>,
}

/// The data that a token can read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum VisibleData {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// Public data, as far as is known.
    Public,
    /// Private data as well.
    Private,
}

impl Rights {
    /// Reads the headers of an answer. Returns true if the scopes are new and include private data.
    pub(super) fn read(&mut self, headers: &HeaderMap, now: Timestamp) -> bool {
        if headers.contains_key(EXPIRATION) {
            self.clock = ServerTime::read(headers, now);
        }
        if let Some(expiration) = changed(headers.get(EXPIRATION), &mut self.expiration) {
            self.expires_at = std::str::from_utf8(expiration).ok().and_then(moment);
        }
        let Some(scopes) = changed(headers.get(SCOPES), &mut self.scopes) else { return false };
        self.visibility =
            if are_harmless(scopes) { VisibleData::Public } else { VisibleData::Private };
        self.is_private()
    }

    /// Records that GitHub has shown all it shows about the token. If that included no scopes, the
    /// token counts as public.
    pub(super) fn set_visibility_known(&mut self) {
        if self.visibility == VisibleData::Unknown {
            self.visibility = VisibleData::Public;
        }
    }

    pub(super) fn is_private(&self) -> bool {
        self.visibility == VisibleData::Private
    }

    /// Returns true if the token reads only public data, as far as GitHub shows.
    pub(super) fn is_public(&self) -> bool {
        self.visibility == VisibleData::Public
    }

    /// Returns the scopes as GitHub wrote them.
    pub(super) fn scopes(&self) -> String {
        String::from_utf8_lossy(self.scopes.as_deref().unwrap_or_default()).into_owned()
    }

    /// Returns the whole days until the token expires, if known; negative after its expiry.
    pub(super) fn expires_in_days(&self, now: Timestamp) -> Option<i64> {
        let millis = |at: Timestamp| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let left = millis(self.ends_at()?) - millis(now);
        Some(left.div_euclid(DAY.as_millis() as i64))
    }

    /// Returns when the token expires, by our clock.
    fn ends_at(&self) -> Option<Timestamp> {
        Some(self.clock.ours(self.expires_at?))
    }

    /// Returns the days until the expiry if they are few, at most once a day.
    pub(super) fn expires_soon(&mut self, now: Timestamp) -> Option<i64> {
        self.ends_at().filter(|ends_at| *ends_at < now + NOTICE)?;
        if self.logged_at.is_some_and(|logged_at| logged_at.was_within(DAY, now)) {
            return None;
        }
        self.logged_at = Some(now);
        self.expires_in_days(now)
    }
}

/// Stores the value of a header if it differs from the last one, and returns it.
fn changed<'a>(value: Option<&HeaderValue>, last: &'a mut Option<Box<[u8]>>) -> Option<&'a [u8]> {
    let value = value?.as_bytes();
    if last.as_deref() == Some(value) {
        return None;
    }
    // The value is copied: the original would keep the whole head in memory.
    Some(last.insert(value.into()))
}

/// Returns true if all scopes are known to be harmless.
fn are_harmless(scopes: &[u8]) -> bool {
    let mut scopes = scopes.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    scopes.all(|scope| scope.is_empty() || scope == HARMLESS.as_bytes())
}

/// Parses `2026-07-02 09:51:24 UTC`, or an offset such as `+0200` in place of `UTC`.
fn moment(text: &str) -> Option<Timestamp> {
    let (local, zone) = text.trim().rsplit_once(' ')?;
    let local = humantime::parse_rfc3339_weak(local).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let local = Timestamp::default() + local;
    match zone.split_at_checked(1)? {
        ("+", offset) => Some(local - hours_and_minutes(offset)?),
        ("-", offset) => Some(local + hours_and_minutes(offset)?),
        _ => (zone == "UTC").then_some(local),
    }
}

/// Parses `0530` or `05:30`.
fn hours_and_minutes(text: &str) -> Option<Duration> {
    let digits = text.replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(Duration::from_secs((number / 100 * 60 + number % 100) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

    fn headers(name: &HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.clone(), value.parse().unwrap())])
    }

    #[test]
    fn scopes_that_are_not_known_to_be_harmless_see_private_data() {
        for (scopes, is_private) in [
            ("", false),
            (" , ", false),
            ("public_repo", false),
            ("public_repo, public_repo", false),
            ("repo", true),
            ("public_repo, repo", true),
            ("read:user", true),
            ("PUBLIC_REPO", true),
            ("something_new", true),
        ] {
            let mut rights = Rights::default();
            assert!(!rights.is_public() && !rights.is_private());
            assert_eq!(rights.read(&headers(&SCOPES, scopes), NOW), is_private, "{scopes:?}");
            assert_eq!((rights.is_private(), rights.is_public()), (is_private, !is_private));
        }
    }

    #[test]
    fn private_scopes_are_news_once_and_when_they_change() {
        let mut rights = Rights::default();
        let told = ["repo", "repo", "repo, gist", "", "repo, gist"];
        let news = told.map(|scopes| rights.read(&headers(&SCOPES, scopes), NOW));
        assert_eq!(news, [true, false, true, false, true]);
        assert_eq!(rights.scopes(), "repo, gist");
        assert!(
            !rights.read(&HeaderMap::new(), NOW),
            "an answer that tells nothing changes nothing"
        );
        rights.set_visibility_known();
        assert!(rights.is_private());
    }

    #[test]
    fn a_token_without_shown_scopes_counts_as_public() {
        let mut rights = Rights::default();
        rights.set_visibility_known();
        assert!(rights.is_public());
    }

    #[test]
    fn an_expiry_is_read_in_utc_or_with_an_offset() {
        let at = |text: &str| moment(text).map(|moment| moment.to_string());
        let want = Some("2026-07-02T09:51:24.000Z".to_owned());
        for text in [
            "2026-07-02 09:51:24 UTC",
            "2026-07-02 09:51:24 +0000",
            "2026-07-02 11:51:24 +0200",
            "2026-07-02 04:21:24 -05:30",
        ] {
            assert_eq!(at(text), want, "{text}");
        }
        for text in [
            "",
            "never",
            "2026-07-02",
            "2026-07-02 09:51:24",
            "2026-07-02 09:51:24 PST",
            "2026-07-02 09:51:24 +2",
            "2026-07-02 09:51:24 +a000",
            "2026-13-02 09:51:24 UTC",
            "1969-01-01 00:00:00 UTC",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_days_are_counted_down_and_logged_once_a_day() {
        let mut rights = Rights::default();
        assert_eq!((rights.expires_in_days(NOW), rights.expires_soon(NOW)), (None, None));
        // `NOW` is noon; this is ten days and an hour later.
        rights.read(&headers(&EXPIRATION, "2026-06-11 13:00:00 UTC"), NOW);
        assert_eq!((rights.expires_in_days(NOW), rights.expires_soon(NOW)), (Some(10), None));
        let told: Vec<_> = (0..12 * 24)
            .filter_map(|hour| rights.expires_soon(NOW + Duration::from_secs(hour * 3600)))
            .collect();
        assert_eq!(told, [6, 5, 4, 3, 2, 1, 0, -1, -2]);
        rights.read(&headers(&EXPIRATION, "soon"), NOW);
        assert_eq!(rights.expires_in_days(NOW), None, "what cannot be read is not known");
    }

    proptest::proptest! {
        #[test]
        fn any_header_values_are_read_without_panic(value in "\\PC{0,40}", days in 0..40_000u64) {
            let Ok(value) = HeaderValue::from_str(&value) else { return Ok(()) };
            let mut rights = Rights::default();
            rights.read(&HeaderMap::from_iter([(SCOPES, value.clone()), (EXPIRATION, value)]), NOW);
            let now = Timestamp::default() + DAY * u32::try_from(days).unwrap();
            let _ = (rights.expires_soon(now), rights.scopes());
        }
    }
}
