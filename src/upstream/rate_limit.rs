//! The quota in GitHub's answers: rate limits with their scope, and the remaining requests.
//!
//! Pure. The status code alone decides nothing: a `403` has at least ten meanings, and a policy
//! that is taken for a limit would stop the whole pool (docs.github.com, "Rate limits for the REST
//! API", "Troubleshooting the REST API").

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::clock::Timestamp;

use super::server_time::{ServerTime, http_date, number};

/// The latest plausible reset. GitHub's windows last an hour; a later reset is a mistake, or comes
/// from a wrong clock.
pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(2 * 60 * 60);

/// The quota of a token as one answer showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Requests that the window allows.
    pub(crate) limit: u64,
    /// Requests left in the window.
    pub(crate) remaining: u64,
    /// The end of the window.
    pub(crate) reset_at: Timestamp,
}

impl Quota {
    /// Reads `x-ratelimit-*` of an answer that arrived at `now`; `None` if they are missing,
    /// unreadable, or about another resource than `core`.
    pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        if !is_core(headers) {
            return None;
        }
        let remaining = number(headers, "x-ratelimit-remaining")?;
        Some(Self {
            // A missing limit must not look like a quota that is nearly spent.
            limit: number(headers, "x-ratelimit-limit").unwrap_or(remaining),
            remaining,
            reset_at: reset_at(headers, now)?,
        })
    }
}

/// Reads how many requests of a window of `core` are used, and the end of that window.
pub(crate) fn used(headers: &HeaderMap, now: Timestamp) -> Option<(u64, Timestamp)> {
    let is_core = is_core(headers);
    is_core.then(|| Some((number(headers, "x-ratelimit-used")?, reset_at(headers, now)?)))?
}

/// A rate limit, by the subject of its cooldown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The token's quota is spent until the reset.
    Primary {
        /// The end of the window or of `Retry-After`, whichever is later, if the answer named one.
        reset_at: Option<Timestamp>,
    },
    /// The token was used too fast.
    Secondary {
        /// The time to wait, if the answer states it.
        retry_after: Option<Duration>,
    },
    /// An endpoint is throttled; nothing indicates that the token is the cause.
    Host {
        /// The time to wait, if the answer states it.
        retry_after: Option<Duration>,
    },
    /// The host limits our address, for all documents.
    Address {
        /// The time to wait, if the answer states it.
        retry_after: Option<Duration>,
    },
    /// The quota of another resource than `core` is spent, which svm does not use.
    OtherResource {
        /// The end of that window or of `Retry-After`, whichever is later, if the answer named one.
        reset_at: Option<Timestamp>,
    },
}

impl Limit {
    /// Returns true if slower requests would have met no limit; not for a spent window.
    pub(super) const fn is_for_rate(self) -> bool {
        matches!(self, Self::Secondary { .. } | Self::Host { .. })
    }

    /// All words for the metric label.
    pub const WORDS: [&'static str; 4] = ["primary", "secondary", "host", "other-resource"];

    /// Returns the word for the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary { .. } => "primary",
            Self::Secondary { .. } => "secondary",
            Self::Host { .. } | Self::Address { .. } => "host",
            Self::OtherResource { .. } => "other-resource",
        }
    }
}

/// Classifies an answer; `None` if it is no limit.
pub(crate) fn classify(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    with_token: bool,
    now: Timestamp,
) -> Option<Limit> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let message = message(body);
    let spent = number(headers, "x-ratelimit-remaining") == Some(0);
    let named = ["rate limit", "abuse detection"].iter().any(|words| message.contains(words));
    let retry_after = retry_after(headers, now);
    // After too many failed logins, GitHub refuses all tokens from our address, valid or not.
    if status == StatusCode::FORBIDDEN && message.contains("login attempts") {
        return Some(Limit::Address { retry_after });
    }
    // A `Retry-After` that cannot be read is evidence too.
    let waits = headers.contains_key(RETRY_AFTER);
    if status == StatusCode::FORBIDDEN && !spent && !named && !waits {
        return None;
    }
    let reset_at = reset_at(headers, now);
    // A request within `Retry-After` may meet a secondary limit, even after the reset.
    let later = reset_at.max(retry_after.map(|wait| now + wait));
    Some(match (with_token, spent) {
        (true, true) if !is_core(headers) => Limit::OtherResource { reset_at: later },
        (true, true) => Limit::Primary { reset_at: later },
        (true, false) if named || status == StatusCode::FORBIDDEN => {
            Limit::Secondary { retry_after }
        }
        (false, true) => {
            Limit::Address { retry_after: retry_after.or(reset_at.map(|at| at.since(now))) }
        }
        _ => Limit::Host { retry_after },
    })
}

/// Returns true if a `403` requires a token with single sign-on for an organization.
pub(super) fn wants_sign_on(headers: &HeaderMap, body: &[u8]) -> bool {
    headers.contains_key("x-github-sso") || message(body).contains("saml")
}

/// Reads `Retry-After` (RFC 9110, 10.2.3): seconds, or a date by the server's clock.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)?;
    Some(ServerTime::read(headers, now).ours(until).since(now))
}

/// Returns the `message` of an answer in lower case, or the whole body if it is not JSON.
pub(super) fn message(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
    match message {
        Some(message) => message.to_lowercase(),
        None => String::from_utf8_lossy(body).to_lowercase(),
    }
}

/// Returns the end of the window, by our clock.
fn reset_at(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let theirs = Timestamp::from_secs(number(headers, "x-ratelimit-reset")?);
    let ours = ServerTime::read(headers, now).ours(theirs);
    let is_near = |at: Timestamp| at <= now + LONGEST_WINDOW && now <= at + LONGEST_WINDOW;
    // If the converted reset is implausible, the server's `Date` is wrong, and the reset is taken
    // as a time of our clock.
    Some(if !is_near(ours) && is_near(theirs) { theirs } else { ours })
}

fn is_core(headers: &HeaderMap) -> bool {
    headers.get("x-ratelimit-resource").is_none_or(|resource| resource == "core")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn check(
        status: u16,
        head: &[(&str, &str)],
        body: &str,
        with_token: bool,
        want: Option<Limit>,
    ) {
        let headers = headers(head);
        let status = StatusCode::from_u16(status).unwrap();
        let got = classify(status, &headers, body.as_bytes(), with_token, NOW);
        assert_eq!(got, want, "{status} {head:?} {body}");
    }

    fn headers(head: &[(&str, &str)]) -> HeaderMap {
        head.iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn primary_limits_spend_the_token() {
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000600")];
        let reset_at = Some(Timestamp::from_secs(1_000_600));
        let body = r#"{"message":"API rate limit exceeded for user ID 1."}"#;
        check(403, &spent, body, true, Some(Limit::Primary { reset_at }));
        check(429, &spent, body, true, Some(Limit::Primary { reset_at }));
        check(
            403,
            &[("x-ratelimit-remaining", "0")],
            "",
            true,
            Some(Limit::Primary { reset_at: None }),
        );
    }

    #[test]
    fn retry_after_beside_a_spent_quota_counts_if_it_is_later() {
        let spent = ("x-ratelimit-remaining", "0");
        let search = ("x-ratelimit-resource", "search");
        let words = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
        for (reset, wait, end) in [
            (Some("1000004"), "600", 1_000_600),
            (Some("1000900"), "600", 1_000_900),
            (Some("999000"), "600", 1_000_600),
            (None, "600", 1_000_600),
            (Some("1000004"), "soon", 1_000_004),
        ] {
            let reset = reset.map(|reset| ("x-ratelimit-reset", reset));
            let head: Vec<_> = [spent, ("retry-after", wait)].into_iter().chain(reset).collect();
            let reset_at = Some(Timestamp::from_secs(end));
            check(403, &head, words, true, Some(Limit::Primary { reset_at }));
            check(429, &head, "{}", true, Some(Limit::Primary { reset_at }));
            let head: Vec<_> = head.into_iter().chain([search]).collect();
            check(403, &head, words, true, Some(Limit::OtherResource { reset_at }));
        }
    }

    #[test]
    fn an_anonymous_limit_cools_the_host_down() {
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000600")];
        let retry_after = Some(Duration::from_secs(600));
        check(403, &spent, "{}", false, Some(Limit::Address { retry_after }));
        check(429, &[], "429: Too Many Requests", false, Some(Limit::Host { retry_after: None }));
    }

    #[test]
    fn secondary_limits_are_known_by_their_words_or_by_retry_after() {
        let secondary = |retry_after| Some(Limit::Secondary { retry_after });
        let words = r#"{"message":"You have exceeded a secondary rate limit. Please wait."}"#;
        let abuse = r#"{"message":"You have triggered an abuse detection mechanism."}"#;
        let left = ("x-ratelimit-remaining", "4990");
        check(403, &[left], words, true, secondary(None));
        check(403, &[], abuse, true, secondary(None));
        check(403, &[("retry-after", "60")], "{}", true, secondary(Some(Duration::from_secs(60))));
        check(429, &[("retry-after", "7")], words, true, secondary(Some(Duration::from_secs(7))));
        for unreadable in ["60.5", "60, 60", "99999999999999999999999", "soon"] {
            check(403, &[("retry-after", unreadable)], "{}", true, secondary(None));
        }
    }

    #[test]
    fn a_throttled_endpoint_cools_the_host_down_and_not_the_token() {
        let body = r#"{"message":"This endpoint is temporarily being throttled.",
            "documentation_url":"https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"}"#;
        let left = [("x-ratelimit-remaining", "5000")];
        check(429, &left, body, true, Some(Limit::Host { retry_after: None }));
    }

    #[test]
    fn too_many_logins_cool_the_host_down() {
        let body =
            r#"{"message":"Maximum number of login attempts exceeded. Please try again later."}"#;
        check(403, &[], body, true, Some(Limit::Address { retry_after: None }));
        let retry_after = Some(Duration::from_secs(7));
        check(403, &[("retry-after", "7")], body, true, Some(Limit::Address { retry_after }));
        check(404, &[], body, true, None);
    }

    #[test]
    fn a_policy_is_no_limit() {
        let left = [("x-ratelimit-remaining", "4990")];
        for message in [
            "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled",
            "`acme` forbids access via a personal access token (classic).",
            "Resource protected by organization SAML enforcement.",
        ] {
            check(403, &left, &format!(r#"{{"message":"{message}"}}"#), true, None);
        }
        check(404, &[("x-ratelimit-remaining", "0")], "{}", true, None);
        check(401, &[("x-ratelimit-remaining", "0")], "{}", true, None);
    }

    #[test]
    fn another_resource_says_nothing_about_core() {
        let search = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1000060"),
            ("x-ratelimit-resource", "search"),
        ];
        let reset_at = Some(Timestamp::from_secs(1_000_060));
        check(403, &search, "{}", true, Some(Limit::OtherResource { reset_at }));
        assert_eq!(Quota::read(&headers(&search), NOW), None);
    }

    #[test]
    fn retry_after_may_be_a_date() {
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(1_000_090));
        let headers = headers(&[("retry-after", date.as_str())]);
        assert_eq!(retry_after(&headers, NOW), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(&headers, NOW + Duration::from_secs(900)), Some(Duration::ZERO));
    }

    #[test]
    fn a_reset_that_no_window_could_have_is_read_by_our_own_clock() {
        const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);
        const MINUTE: Duration = Duration::from_secs(60);
        let reset = NOW + 20 * MINUTE;
        let read = |date: Timestamp| {
            let at = std::time::UNIX_EPOCH + Duration::from_secs(date.as_secs());
            let (date, reset) = (httpdate::fmt_http_date(at), reset.as_secs().to_string());
            reset_at(&headers(&[("date", &date), ("x-ratelimit-reset", &reset)]), NOW).unwrap()
        };
        assert_eq!(read(NOW), reset);
        assert_eq!(read(NOW + 10 * MINUTE), NOW + 10 * MINUTE);
        for wrong in [NOW - 24 * 60 * MINUTE, NOW + 24 * 60 * MINUTE] {
            assert_eq!(read(wrong), reset);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_values_are_read_without_panic(
            remaining in "\\PC{0,24}", reset in "[0-9]{0,30}", after in "\\PC{0,40}", body in ".{0,64}",
            date in "\\PC{0,40}", now in proptest::num::u64::ANY,
        ) {
            let values = [("date", &date), ("x-ratelimit-remaining", &remaining), ("x-ratelimit-reset", &reset), ("retry-after", &after)];
            let headers: HeaderMap = values
                .into_iter()
                .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
                .collect();
            let _ = Quota::read(&headers, NOW);
            let _ = Quota::read(&headers, Timestamp::from_millis(now));
            let limit = classify(StatusCode::TOO_MANY_REQUESTS, &headers, body.as_bytes(), true, NOW);
            proptest::prop_assert!(limit.is_some(), "every 429 is a limit");
        }
    }
}
