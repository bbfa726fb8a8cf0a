//! HTTP responses. Only this module sets header fields of responses, and only this module turns
//! failures of the cache into statuses.

mod frames;
mod heads;
mod link;
mod message_fields;
pub(super) mod mirror;
pub(super) mod status;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use salvo::http::ResBody;
use salvo::{Request, Response};
use serde_json::json;

use crate::cache::{Answer, Outcome, Payload, Status};
use crate::clock::Timestamp;
use crate::entry::{Body, Coding, Entry, Reason};
use crate::json::is_valid;
use crate::target::Key;
use crate::upstream::Failure;

use super::coding;
use super::conditional;
use super::request_fields::{Field, RequestFields};
use super::values::Values;

use frames::{Interface, Kind};
pub(super) use heads::HeadCache;
use heads::HeadInputs;
pub(super) use message_fields::{close_connection, date, request_id};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const X_CACHE_KEY: HeaderName = HeaderName::from_static("x-cache-key");
const X_UPSTREAM_STATUS: HeaderName = HeaderName::from_static("x-upstream-status");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The text for a request that arrived while every connection within the limit had a request, and
/// the wait after which the client may try again.
const OVERLOADED: &str = "every connection has a request; try again in a second";
const A_SECOND: Duration = Duration::from_secs(1);
/// The title of a `503` for want of a token, or during a cooldown of the host.
const RATE_LIMITED: &str = "Upstream rate limited";

/// An answer of the cache, with all that its rendering needs.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The document.
    pub(super) key: Key,
    /// The answer.
    pub(super) answer: &'a Answer,
    /// The time at which the client gets the answer.
    pub(super) now: Timestamp,
    /// The header fields of the request.
    pub(super) fields: RequestFields,
    /// The cache of response heads.
    pub(super) heads: &'a HeadCache,
}

/// Renders the answer of the cache to a request for `/version`. Returns the number of bytes that
/// gzip saved, if the body is sent as gzip.
pub(super) fn answer(req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize> {
    let Given { key, answer, .. } = given;
    let (status, body, retry_after) = match &answer.given {
        Payload::Document(entry) => {
            let served = Served::own(entry, &entry.body);
            return document(req, res, given, served, |headers| {
                if let Some(links) = entry.extras.links() {
                    link::as_given(headers, links);
                }
            });
        }
        Payload::Passed { status, body, retry_after } => {
            (*status, passed(*status, body), *retry_after)
        }
        Payload::Failed { failure, retry_after } => {
            let (status, title, detail) = failed(failure, *retry_after);
            (status, error(title, &detail), *retry_after)
        }
    };
    provenance(res.headers_mut(), Some(key), &answer.status, &mut Values::new());
    send_uncached(req, res, status, body, retry_after);
    None
}

/// Renders a part of a document. Returns the number of bytes that gzip saved, if the part is sent
/// as gzip.
pub(super) fn part(
    req: &Request,
    res: &mut Response,
    given: Given<'_>,
    entry: &Entry,
    body: &Body,
) -> Option<usize> {
    document(req, res, given, Served::own(entry, body), |_| {})
}

/// Renders the `404` for a part that the document does not have.
pub(super) fn no_part(req: &Request, res: &mut Response, given: Given<'_>, detail: &str) {
    provenance(res.headers_mut(), Some(given.key), &given.answer.status, &mut Values::new());
    send_uncached(req, res, StatusCode::NOT_FOUND, error("Not in the document", detail), None);
}

/// Renders the `400` for a request whose URL or parameters are invalid.
pub(super) fn invalid_parameter(req: &Request, res: &mut Response, detail: &str) {
    provenance(res.headers_mut(), None, &Status::invalid_parameter(), &mut Values::new());
    send_uncached(req, res, StatusCode::BAD_REQUEST, error("Invalid parameter", detail), None);
}

/// Renders the `429` for a client that exceeds its rate.
pub(super) fn too_many_requests(req: &Request, res: &mut Response, key: Key, wait: Duration) {
    provenance(res.headers_mut(), Some(key), &Status::client_limited(), &mut Values::new());
    let detail = format!(
        "this client requests uncached documents too often; wait another {} seconds",
        seconds(wait)
    );
    let body = error("Too many requests", &detail);
    send_uncached(req, res, StatusCode::TOO_MANY_REQUESTS, body, Some(wait));
}

/// Renders the answer to an unknown path.
pub(super) fn not_found(req: &Request, res: &mut Response) {
    let detail = "the paths are /version, /explain, /openapi.json, /status.json, /ping, /healthz, /livez, /readyz and /metrics";
    send_uncached(req, res, StatusCode::NOT_FOUND, error("Not found", detail), None);
}

/// Renders the answer to an unsupported method.
pub(super) fn method_not_allowed(req: &Request, res: &mut Response) {
    res.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    let body = error("Method not allowed", "use GET or HEAD");
    send_uncached(req, res, StatusCode::METHOD_NOT_ALLOWED, body, None);
}

/// Renders the `405` for a request to the webhook page that is not a POST.
pub(super) fn only_post(req: &Request, res: &mut Response) {
    res.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    let body = error("Method not allowed", "use POST");
    send_uncached(req, res, StatusCode::METHOD_NOT_ALLOWED, body, None);
}

/// Renders the refusal of a webhook delivery.
pub(super) fn refused_delivery(
    req: &Request,
    res: &mut Response,
    status: StatusCode,
    detail: &str,
) {
    send_uncached(req, res, status, error("Delivery refused", detail), None);
}

/// Renders the `400` for a malformed request, which reaches no page.
pub(super) fn bad_request(req: &Request, res: &mut Response, detail: &str) {
    send_uncached(req, res, StatusCode::BAD_REQUEST, error("Bad request", detail), None);
}

/// Renders the `503` for a request that arrived while every connection within the limit had a
/// request.
pub(super) fn overloaded(req: &Request, res: &mut Response) {
    let body = error("Too many connections", OVERLOADED);
    send_uncached(req, res, StatusCode::SERVICE_UNAVAILABLE, body, Some(A_SECOND));
}

/// Renders JSON of the service itself. The response forbids caches to store it.
pub(super) fn json(req: &Request, res: &mut Response, status: StatusCode, body: impl Into<Bytes>) {
    send_uncached(req, res, status, body.into(), None);
}

/// Renders text of the service itself. The response forbids caches to store it.
pub(super) fn text(req: &Request, res: &mut Response, content_type: &'static str, body: String) {
    let headers = res.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    send(req, res, StatusCode::OK, body.into());
}

/// Sets the header fields that tell the client how the cache produced the answer.
fn provenance(headers: &mut HeaderMap, key: Option<Key>, status: &Status, values: &mut Values) {
    if let Some(key) = key {
        values.text(key.to_text());
    }
    headers.insert(X_CACHE, HeaderValue::from_static(status.outcome.as_str()));
    headers.insert(X_CACHE_KEY, values.cut());
    headers.insert(X_UPSTREAM_STATUS, upstream_status(status));
    headers.insert(CACHE_STATUS, cache_status(status, values));
}

/// A document in the form in which an interface serves it.
struct Served<'a> {
    interface: Interface,
    entry: &'a Entry,
    /// The body to send: the whole document, a part of it, or a rewritten form.
    body: &'a Body,
    /// The upstream's `Last-Modified` of the document.
    last_modified: Option<HeaderValue>,
    /// True if the client has the document according to `If-Modified-Since`.
    is_unmodified: bool,
}

impl<'a> Served<'a> {
    /// Returns the document as `/version` serves it.
    fn own(entry: &'a Entry, body: &'a Body) -> Self {
        let interface = Interface::Version;
        Self { interface, entry, body, last_modified: None, is_unmodified: false }
    }
}

/// Renders a document. `complete` adds fields to the head. All fields, also those of a `304`,
/// describe the one coding that is chosen. Returns the number of bytes that gzip saved, if the body
/// is sent as gzip.
fn document(
    req: &Request,
    res: &mut Response,
    given: Given<'_>,
    served: Served<'_>,
    complete: impl FnOnce(&mut HeaderMap),
) -> Option<usize> {
    let Given { key, answer, now, fields, heads } = given;
    let Served { interface, entry, body, last_modified, is_unmodified } = served;
    let coding = match fields.has(Field::AcceptEncoding) {
        true => coding::preferred(req.headers()),
        false => Coding::Identity,
    };
    let (coding, bytes) = body.form(coding);
    let age = now.since(entry.times.checked_at).as_secs();
    let (status, tag) = (answer.status, body.tag());
    let known = match fields.has(Field::IfNoneMatch) {
        true => conditional::known(req.headers(), tag, coding),
        false => None,
    };
    let is_unmodified = is_unmodified || known.is_some();
    let coding = known.unwrap_or(coding);
    let kind = Kind { interface, coding, is_unmodified };
    let inputs = HeadInputs { kind, key, status, age, tag };
    *res.headers_mut() = heads.head(&inputs, last_modified);
    complete(res.headers_mut());
    if is_unmodified {
        res.status_code(StatusCode::NOT_MODIFIED);
        return None;
    }
    send(req, res, StatusCode::OK, bytes.clone());
    let is_sent_as_gzip = coding == Coding::Gzip && req.method() == Method::GET;
    is_sent_as_gzip.then(|| body.len() - bytes.len())
}

/// Sends JSON that caches must not store.
fn send_uncached(
    req: &Request,
    res: &mut Response,
    status: StatusCode,
    body: Bytes,
    retry_after: Option<Duration>,
) {
    let headers = res.headers_mut();
    headers.insert(CACHE_CONTROL, NO_STORE);
    if let Some(wait) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    // The mirror has already set its own content type.
    headers.entry(CONTENT_TYPE).or_insert(JSON);
    send(req, res, status, body);
}

/// Sets status and body. For a HEAD it also sets the length of the body (RFC 9110, 9.3.2), since
/// the HTTP library drops the body and its length. A `204` has no length (RFC 9110, 8.6).
fn send(req: &Request, res: &mut Response, status: StatusCode, body: Bytes) {
    res.status_code(status);
    let headers = res.headers_mut();
    if req.method() == Method::HEAD && status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    res.body(ResBody::Once(body));
}

/// Returns the body for an answer that the upstream gave. It wraps an error, so that the client
/// gets a JSON object for every error.
fn passed(status: StatusCode, body: &Bytes) -> Bytes {
    if status.as_u16() < 400 {
        return body.clone();
    }
    if !is_valid(body) {
        let reason = status.canonical_reason().unwrap_or("Unknown status");
        return json!({ "error": "Upstream API error", "message": reason }).to_string().into();
    }
    [br#"{"error":"Upstream API error","message":"#, body.trim_ascii(), b"}"].concat().into()
}

fn error(error: &str, detail: &str) -> Bytes {
    json!({ "error": error, "detail": detail }).to_string().into()
}

/// Turns a failure into a status, a title and a message. No other function does so. The message
/// holds no address, no token and no internal error text.
fn failed(failure: &Failure, retry_after: Option<Duration>) -> (StatusCode, &'static str, String) {
    let (status, title) = match failure.reason {
        Reason::Timeout | Reason::TooSlow => (StatusCode::GATEWAY_TIMEOUT, "Upstream timed out"),
        Reason::NoToken | Reason::HostRests | Reason::Limited => {
            (StatusCode::SERVICE_UNAVAILABLE, RATE_LIMITED)
        }
        Reason::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests wait"),
        Reason::Redirect
        | Reason::NotJson
        | Reason::TooLarge
        | Reason::CutShort
        | Reason::LeakedToken
        | Reason::UnaskedNotModified => (StatusCode::BAD_GATEWAY, "Bad upstream response"),
        Reason::Internal => (StatusCode::BAD_GATEWAY, "Internal error"),
        _ => (StatusCode::BAD_GATEWAY, "Upstream unreachable"),
    };
    let detail = match failure.reason {
        Reason::NoToken => "no token is usable",
        Reason::HostRests => "calls to the upstream host are paused",
        Reason::Limited if failure.is_rate_limited => "a rate limit is in force",
        Reason::Limited => "no further call is possible",
        Reason::Crowded => "the upstream is too slow for this many requests",
        Reason::Redirect => "the upstream redirects to where svm does not follow",
        Reason::NotJson => "the upstream's answer is not JSON",
        Reason::TooLarge => "the upstream's answer is too large",
        Reason::CutShort => "the upstream's answer ended early",
        Reason::LeakedToken => "the upstream's answer holds a credential of this service",
        Reason::UnaskedNotModified => "the upstream answered 304 to a request without a validator",
        Reason::Internal => "the request failed inside svm",
        _ => "the upstream could not be reached",
    };
    let limit = failure.limit.unwrap_or_default().as_secs_f64();
    let detail = match (failure.reason, status) {
        (Reason::Timeout, _) => format!("no complete answer within {limit} seconds"),
        (Reason::TooSlow, _) => {
            format!("the upstream's answer came too slowly: less than 4 KiB within {limit} seconds")
        }
        (_, StatusCode::SERVICE_UNAVAILABLE) => {
            format!("{detail} for another {} seconds", retry_after.map_or(1, seconds))
        }
        _ => detail.to_owned(),
    };
    (status, title, detail)
}

/// Rounds up to whole seconds. The result is never 0, which would ask for an immediate retry.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}

/// Renders `Cache-Control`. Clients may reuse a fresh answer for `lifetime` from now. `max-age`
/// counts from age 0, so it is the sum of the age and `lifetime`.
fn cache_control(
    status: &Status,
    age: u64,
    lifetime: Duration,
    values: &mut Values,
) -> HeaderValue {
    if status.is_to_be_checked() {
        return NO_CACHE;
    }
    values.text("public, max-age=").number(age + seconds(lifetime)).cut()
}

fn upstream_status(status: &Status) -> HeaderValue {
    match status.forward_status {
        Some(status) => HeaderValue::from(status.as_u16()),
        None => HeaderValue::from_static("0"),
    }
}

/// Renders `Cache-Status` (RFC 9211).
fn cache_status(status: &Status, values: &mut Values) -> HeaderValue {
    values.text("svm");
    if status.forward.is_none() && status.outcome == Outcome::Hit {
        values.text("; hit");
    }
    if let Some(forward) = status.forward {
        values.text("; fwd=").text(forward.as_str());
    }
    if let Some(status) = status.forward_status {
        values.text("; fwd-status=").text(status.as_str());
    }
    if status.stored {
        values.text("; stored");
    }
    if let Some(ttl) = status.ttl {
        values.text("; ttl=").number(ttl);
    }
    if status.collapsed {
        values.text("; collapsed");
    }
    if let Some(detail) = status.detail {
        values.text("; detail=").text(detail.as_str());
    }
    values.cut()
}
