//! One HTTP request to one URL: its headers, and the head of its answer.

use http::header::{ACCEPT, AUTHORIZATION, ETAG, LAST_MODIFIED, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Request, Response};
use url::Url;

use crate::target::{Representation, Target};

use super::calls::{Calling, Cost};
use super::cause::Cause;
use super::condition::Condition;
use super::contacts::Contacts;
use super::context::Upstream;
use super::reply::Failure;
use super::slots::Priority;
use super::tokens::TokenUse;
use crate::entry::{Reason, Validators};

// The values of `Accept`. They are part of GitHub's ETag, so each is constant for its
// representation.
static GITHUB_JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
static FULL_JSON: HeaderValue = HeaderValue::from_static("application/vnd.github.full+json");
static HTML_JSON: HeaderValue = HeaderValue::from_static("application/vnd.github.html+json");
static TEXT_JSON: HeaderValue = HeaderValue::from_static("application/vnd.github.text+json");

const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
const VERSION_2022: HeaderValue = HeaderValue::from_static("2022-11-28");
const VERSION_2026: HeaderValue = HeaderValue::from_static("2026-03-10");

/// The longest validator that is sent back; GitHub's have fewer than 80 bytes.
const LONGEST_VALIDATOR: usize = 512;

/// An answer whose body has not been read yet.
pub(super) struct AnswerHead {
    pub(super) response: Response,
    /// The token that the request was sent with.
    pub(super) token_use: Option<TokenUse>,
    /// The condition of the request, which decides what a `304` confirms.
    pub(super) condition: Condition,
}

impl AnswerHead {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the target of a redirect; `Some(None)` for a redirect that cannot be followed.
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

    /// Returns true for a permanent redirect (RFC 9110, 15.4.2 and 15.4.9).
    pub(super) fn is_moved_for_good(&self) -> bool {
        matches!(self.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
    }

    pub(super) fn validators(&self) -> Validators {
        let text = |name: HeaderName| {
            let value = self.headers().get(name)?.to_str().ok()?;
            (value.len() <= LONGEST_VALIDATOR).then(|| value.into())
        };
        Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED), follows_rule: false }
    }
}

/// A request to send.
#[derive(Clone, Copy)]
pub(super) struct Hop<'a> {
    /// The target of the request.
    pub(super) target: &'a Target,
    /// The token to send.
    pub(super) token_use: Option<TokenUse>,
    /// The condition to send.
    pub(super) condition: &'a Condition,
    /// The priority of the exchange.
    pub(super) priority: Priority,
    /// The hosts that this exchange calls.
    pub(super) contacts: &'a Contacts,
}

/// The count of one request. A request that svm gives up counts too, as one without an answer.
struct RequestCount<'a> {
    upstream: &'a Upstream,
    hop: Hop<'a>,
    status: Option<StatusCode>,
}

impl RequestCount<'_> {
    fn add(&self) {
        let Hop { token_use, condition, priority, .. } = self.hop;
        let metrics = &self.upstream.metrics;
        metrics.request(self.status, token_use.is_some(), condition.by(), priority);
    }
}

impl Drop for RequestCount<'_> {
    fn drop(&mut self) {
        self.add();
    }
}

/// Sends one request and reads the head of its answer.
pub(super) async fn send(upstream: &Upstream, hop: Hop<'_>) -> Result<AnswerHead, Failure> {
    let Hop { target, token_use, condition, priority, contacts } = hop;
    let request = request(upstream, &hop)?;
    // Held until the cost of the answer is booked.
    let _reservation = token_use.map(|token_use| upstream.tokens.reserve(token_use));
    contacts.ask(target.authority());
    let token = token_use.map(|token_use| token_use.index());
    let sent_at = upstream.clock.now();
    let mut call = upstream.calls.begin(target, token, condition.by(), priority, sent_at);
    let mut count = RequestCount { upstream, hop, status: None };
    let on_second = || count.add();
    let sent = upstream.connections.send(target.authority(), &request, on_second).await;
    count.status = sent.as_ref().map(Response::status).ok();
    drop(count);
    let response = sent.map_err(|error| {
        // Without the URL, which may name a private branch; the line has the path as a field.
        let error = error.without_url();
        let cause = Cause::of(&error);
        contacts.failed(cause);
        call.failed(cause);
        let (error, cause) = (crate::telemetry::chain(&error), cause.as_str());
        tracing::debug!(error, cause, "upstream request failed");
        Failure::new(Reason::Unreachable)
    })?;
    let status = response.status();
    // If the head contains a token of ours, only its status is shown.
    upstream
        .refuse_leak_in_head(target, &response)
        .inspect_err(|_| call.answered(status, &HeaderMap::new()))?;
    call.answered(status, response.headers());
    // A switch of protocols that svm did not request is no answer.
    if response.status().is_informational() {
        contacts.failed(Cause::NotHttp);
        return Err(Failure::new(Reason::Unreachable));
    }
    contacts.answered(status);
    book(upstream, &hop, &response, &mut call);
    Ok(AnswerHead { response, token_use, condition: condition.clone() })
}

/// Books the head of an answer: GitHub's clock, the quota, and the cost of the call.
fn book(upstream: &Upstream, hop: &Hop<'_>, response: &Response, call: &mut Calling<'_>) {
    let (now, status, headers) = (upstream.clock.now(), response.status(), response.headers());
    if hop.target.gets_token() {
        upstream.clock_watch.watch(headers, now, &upstream.metrics);
        if hop.token_use.is_none() {
            upstream.tokens.saw_without_token(headers, now);
        }
    }
    // The quota in an answer to a refused token belongs to no account.
    let Some(token_use) = hop.token_use.filter(|_| status != StatusCode::UNAUTHORIZED) else {
        return;
    };
    upstream.tokens.saw(token_use, headers, now);
    let charged = upstream.tokens.was_charged(token_use, headers, now);
    if let Some(charged) = charged.filter(|_| status == StatusCode::NOT_MODIFIED) {
        upstream.metrics.not_modified(charged);
        call.costs(if charged { Cost::Charged } else { Cost::Free });
        upstream.tokens.saw_not_modified(token_use, charged);
    }
    if hop.priority == Priority::Background && is_charged(upstream, token_use, status) {
        upstream.tokens.charged_background(token_use, now);
    }
}

/// Returns true if an answer with this status costs quota: all do, except those of a failing server
/// and a `304`, unless GitHub charges the account for that.
fn is_charged(upstream: &Upstream, token_use: TokenUse, status: StatusCode) -> bool {
    match status {
        StatusCode::NOT_MODIFIED => upstream.tokens.charges_not_modified(token_use.fingerprint()),
        _ => !status.is_server_error(),
    }
}

/// Returns the `Accept` of requests for a target.
pub(super) fn accept(target: &Target) -> &'static HeaderValue {
    match target.representation() {
        Representation::Default | Representation::Version2026 => &GITHUB_JSON,
        Representation::Full => &FULL_JSON,
        Representation::Html => &HTML_JSON,
        Representation::Text => &TEXT_JSON,
    }
}

fn version(target: &Target) -> HeaderValue {
    match target.representation() {
        Representation::Version2026 => VERSION_2026,
        _ => VERSION_2022,
    }
}

fn request(upstream: &Upstream, hop: &Hop<'_>) -> Result<Request, Failure> {
    let text = hop.target.as_str();
    // The URL that is sent must be exactly the text that the allowlist has checked.
    let url = Url::parse(text).ok().filter(|url| url.as_str() == text);
    let url = url.ok_or_else(|| Failure::new(Reason::Unreachable))?;
    let mut request = Request::new(Method::GET, url);
    let headers = request.headers_mut();
    if let Some((name, value)) = hop.condition.header() {
        headers.insert(name, value);
    }
    if hop.target.gets_token() {
        headers.insert(ACCEPT, accept(hop.target).clone());
        headers.insert(API_VERSION, version(hop.target));
    }
    if let Some(token_use) = hop.token_use {
        headers.insert(AUTHORIZATION, upstream.tokens.authorization(token_use));
    }
    Ok(request)
}
