//! A property of rate limits and quota headers in answers.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::clock::Timestamp;
use crate::upstream::rate_limit::{Limit, Quota, classify};

/// A moment in 2026.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_780_315_200);

/// Checks that only a `403` or a `429` is a limit: each `429` is one, a `403` only with evidence.
pub fn rate_limit(data: &[u8]) {
    let Some(answer) = FuzzedAnswer::read(data) else { return };
    let FuzzedAnswer { status, headers, body } = &answer;
    let quota = Quota::read(headers, NOW);
    assert!(quota.is_none_or(|quota| answer.says("x-ratelimit-remaining", quota.remaining)));
    for with_token in [true, false] {
        let limit = classify(*status, headers, body, with_token, NOW);
        assert!(limit.is_none() || matches!(status.as_u16(), 403 | 429));
        assert!(limit.is_some() || status.as_u16() != 429);
        let is_spent = answer.says("x-ratelimit-remaining", 0);
        let text = String::from_utf8_lossy(body).to_lowercase();
        // A word may be written with escapes, which only a JSON parser decodes.
        let is_named = ["rate limit", "abuse", "login attempts", "\\"];
        let is_named = is_named.iter().any(|words| text.contains(words));
        let has_evidence = is_spent || is_named || headers.contains_key("retry-after");
        assert!(limit.is_none() || status.as_u16() == 429 || has_evidence, "{limit:?}");
        if let Some(Limit::Primary { .. } | Limit::OtherResource { .. }) = limit {
            assert!(with_token && is_spent);
        }
        if let Some(Limit::Secondary { .. }) = limit {
            assert!(with_token && !is_spent);
        }
    }
}

/// An answer in the fuzzer's format: a line with the status, a line for each header, an empty line,
/// the body.
#[derive(Debug)]
pub(super) struct FuzzedAnswer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: &'a [u8],
}

impl<'a> FuzzedAnswer<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let (status, mut rest) = line(data);
        let status = StatusCode::from_bytes(status).ok()?;
        let mut headers = HeaderMap::new();
        while !rest.is_empty() {
            let (header, after) = line(rest);
            rest = after;
            if header.is_empty() {
                break;
            }
            let colon = header.iter().position(|&byte| byte == b':')?;
            let name = HeaderName::from_bytes(&header[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(header[colon + 1..].trim_ascii()).ok()?);
        }
        Some(Self { status, headers, body: rest })
    }

    fn says(&self, name: &str, number: u64) -> bool {
        let said = self.headers.get(name).and_then(|value| value.to_str().ok());
        said.and_then(|said| said.trim().parse().ok()) == Some(number)
    }
}

fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[]),
    }
}
