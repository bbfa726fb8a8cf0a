//! One HTTP request to one URL: what it carries, and what its head says.

use http::header::{
    ACCEPT, AUTHORIZATION, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::Response;

use crate::target::Target;

use super::rate_limit::Quota;
use super::tokens::Lease;
use super::{Failure, Reason, Upstream, Validators};

/// Part of GitHub's ETag, so always the same.
const GITHUB_JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
/// A validator is sent back as it came; one longer than this is somebody's joke.
const LONGEST_VALIDATOR: usize = 512;

/// An answer of which only the head has been read.
pub(super) struct Head {
    pub(super) response: Response,
    /// The token that the request was sent with.
    pub(super) lease: Option<Lease>,
    /// Whether a validator was sent, so that a `304` means something.
    pub(super) conditional: bool,
}

impl Head {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Where the answer sends us, if it is a redirect; `Some(None)` for one that cannot be followed.
    pub(super) fn location(&self) -> Option<Option<&str>> {
        match self.status().as_u16() {
            301 | 302 | 303 | 307 | 308 => {
                Some(self.headers().get(LOCATION).and_then(|value| value.to_str().ok()))
            }
            304 => None,
            300..=399 => Some(None),
            _ => None,
        }
    }

    pub(super) fn validators(&self) -> Validators {
        let text = |name: HeaderName| {
            let value = self.headers().get(name)?.to_str().ok()?;
            (value.len() <= LONGEST_VALIDATOR).then(|| value.into())
        };
        Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
    }
}

/// Sends one request and reads the head of its answer.
pub(super) async fn send(
    upstream: &Upstream,
    target: &Target,
    lease: Option<Lease>,
    validators: Option<&Validators>,
) -> Result<Head, Failure> {
    let (conditions, conditional) = conditions(validators);
    let mut request = upstream.client.get(target.as_str()).headers(conditions);
    if target.gets_token() {
        let (name, value) = API_VERSION;
        request = request.header(ACCEPT, GITHUB_JSON).header(name, value);
    }
    if let Some(lease) = lease {
        request = request.header(AUTHORIZATION, upstream.tokens.authorization(lease));
    }
    let sent = request.send().await;
    upstream.metrics.request(sent.as_ref().map(Response::status).ok(), lease.is_some());
    let response = sent.map_err(|error| {
        // Without the URL: it may name a private branch, and the line beside it has the path.
        let error = error.without_url();
        tracing::debug!(error = crate::telemetry::chain(&error), "upstream request failed");
        Failure::new(Reason::Unreachable)
    })?;
    if let (Some(lease), Some(quota)) = (lease, Quota::read(response.headers())) {
        // What an answer to a refused token says is about nobody's quota.
        if response.status() != StatusCode::UNAUTHORIZED {
            upstream.tokens.book(lease, quota, upstream.clock.now());
        }
    }
    Ok(Head { response, lease, conditional })
}

/// `If-None-Match` where there is an ETag, else `If-Modified-Since` (RFC 9110, 13.1), to the letter.
fn conditions(validators: Option<&Validators>) -> (HeaderMap, bool) {
    let mut headers = HeaderMap::new();
    let Some(validators) = validators else { return (headers, false) };
    let condition = match (&validators.etag, &validators.last_modified) {
        (Some(etag), _) => Some((IF_NONE_MATCH, etag)),
        (None, Some(date)) => Some((IF_MODIFIED_SINCE, date)),
        (None, None) => None,
    };
    if let Some((name, value)) = condition
        && let Ok(value) = HeaderValue::from_str(value)
    {
        headers.insert(name, value);
    }
    let conditional = !headers.is_empty();
    (headers, conditional)
}
