//! The responses of the mirror, in GitHub's form.
//!
//! Clients of GitHub's API understand GitHub's errors, so the errors of svm have the same form. A
//! client takes a `401` as a fault of its own token, so svm never sends one for its tokens.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, IF_MODIFIED_SINCE, LOCATION, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use salvo::{Request, Response};
use serde_json::{Value, json};

use crate::cache::{Answer, Detail, Payload, Status};
use crate::clock::Timestamp;
use crate::entry::{Body, Entry, Notices, Reason};
use crate::http::request_fields::{Field, RequestFields};
use crate::http::values::Values;
use crate::json::is_valid;
use crate::target::{Key, Representation};

use super::frames::{GITHUB_JSON, Interface};
use super::{
    A_SECOND, Given, OVERLOADED, RATE_LIMITED, Served, document, failed, link, provenance, seconds,
    send, send_uncached,
};

const DOCUMENTATION: &str = "https://docs.github.com/rest";
const SECONDARY: &str = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";
const LIMITS: &str =
    "https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting";

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const USED: HeaderName = HeaderName::from_static("x-ratelimit-used");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RESOURCE: HeaderName = HeaderName::from_static("x-ratelimit-resource");

const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");
const ACCEPT: HeaderValue = HeaderValue::from_static("Accept");

/// The number of calls per hour that GitHub grants to a user.
const HOURLY: u64 = 5_000;

/// The form of the document that is sent.
#[derive(Clone, Copy, Default)]
pub(in crate::http) struct Sent<'a> {
    /// The representation of the document.
    pub(in crate::http) representation: Representation,
    /// The body with rewritten URLs, if the mirror rewrites URLs.
    pub(in crate::http) body: Option<&'a Body>,
}

/// Renders an answer of the cache. `page` returns the URL of the request without its query, for the
/// links to other pages. Returns the number of bytes that gzip saved, if the body is sent as gzip.
pub(in crate::http) fn answer(
    req: &Request,
    res: &mut Response,
    given: Given<'_>,
    sent: Sent<'_>,
    page: impl FnOnce() -> Option<String>,
) -> Option<usize> {
    let Given { key, answer, now, fields, .. } = given;
    let entry = match &answer.given {
        Payload::Document(entry) => entry,
        Payload::Passed { status, body, retry_after } => {
            provenance(res.headers_mut(), Some(key), &answer.status, &mut Values::new());
            passed(req, res, answer, (*status, body, *retry_after), now);
            return None;
        }
        Payload::Failed { failure, retry_after } => {
            provenance(res.headers_mut(), Some(key), &answer.status, &mut Values::new());
            if failure.is_rate_limited {
                rate_limited(req, res, *retry_after, now);
            } else {
                let (status, error, detail) = failed(failure, *retry_after);
                // Clients wait for the reset if an error names a rate limit.
                let error = if error == RATE_LIMITED { "Upstream unavailable" } else { error };
                error_with(req, res, status, &format!("{error}: {detail}"), *retry_after);
            }
            return None;
        }
    };
    let body = sent.body.unwrap_or(&entry.body);
    let date = last_modified(entry);
    let is_unmodified = date.as_ref().is_some_and(|date| is_unmodified(req, fields, date));
    let interface = Interface::Mirror(sent.representation);
    let served = Served { interface, entry, body, last_modified: date, is_unmodified };
    document(req, res, given, served, |headers| {
        if let Some(links) = entry.extras.links() {
            link::on_page(headers, links, page());
        }
        if let Some(notices) = entry.extras.notices() {
            pass_on(headers, notices);
        }
    })
}

/// Passes on the notices as the upstream gave them.
fn pass_on(headers: &mut HeaderMap, notices: &Notices) {
    for (name, notice) in [(DEPRECATION, &notices.deprecation), (SUNSET, &notices.sunset)] {
        // A stored record may hold text that is no valid header value.
        let value = notice.as_deref().and_then(|notice| HeaderValue::from_str(notice).ok());
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
}

/// Returns the `Last-Modified` of a single document. A list has none: the upstream's value is the
/// date of its newest element.
fn last_modified(entry: &Entry) -> Option<HeaderValue> {
    let date = entry.validators.last_modified.as_deref()?;
    if entry.body.starts_with(b"[") { None } else { HeaderValue::from_str(date).ok() }
}

/// Returns true if `If-Modified-Since` equals the date. As GitHub does, it compares the texts, and
/// only in a request without `If-None-Match`.
fn is_unmodified(req: &Request, fields: RequestFields, date: &HeaderValue) -> bool {
    fields.has(Field::IfModifiedSince)
        && !fields.has(Field::IfNoneMatch)
        && req.headers().get(IF_MODIFIED_SINCE).is_some_and(|since| since == date)
}

/// Renders an answer that the upstream gave, byte for byte, except for a rate limit, a `401` and an
/// error that is not JSON.
fn passed(
    req: &Request,
    res: &mut Response,
    answer: &Answer,
    (status, body, retry_after): (StatusCode, &Bytes, Option<Duration>),
    now: Timestamp,
) {
    if answer.status.detail == Some(Detail::Refused(Reason::Limited)) {
        return rate_limited(req, res, retry_after, now);
    }
    if status == StatusCode::UNAUTHORIZED {
        let text = "GitHub refuses every token of this cache";
        return error_with(req, res, StatusCode::SERVICE_UNAVAILABLE, text, retry_after);
    }
    if status.as_u16() >= 400 && !is_valid(body) {
        let text = status.canonical_reason().unwrap_or("Unknown status");
        return error_with(req, res, status, text, retry_after);
    }
    send_json(req, res, status, body.clone(), retry_after);
}

/// Renders a rate limit in the form that all clients understand, so that they wait for the reset.
fn rate_limited(req: &Request, res: &mut Response, wait: Option<Duration>, now: Timestamp) {
    let reset = now.as_secs() + wait.map_or(1, seconds);
    limits(res.headers_mut(), HOURLY, reset);
    let body = shape("API rate limit exceeded for svm.", LIMITS, StatusCode::FORBIDDEN);
    send_json(req, res, StatusCode::FORBIDDEN, body, None);
}

/// Renders the `403` for a client that exceeds its rate, as GitHub does for a secondary limit.
pub(in crate::http) fn too_many_requests(
    req: &Request,
    res: &mut Response,
    key: Key,
    wait: Duration,
) {
    provenance(res.headers_mut(), Some(key), &Status::client_limited(), &mut Values::new());
    let text = "You have exceeded a secondary rate limit of this cache";
    let body = shape(text, SECONDARY, StatusCode::FORBIDDEN);
    send_json(req, res, StatusCode::FORBIDDEN, body, Some(wait));
}

/// Renders a redirect to the location of a download.
pub(in crate::http) fn redirect(req: &Request, res: &mut Response, location: &str) {
    let Ok(location) = HeaderValue::from_str(location) else { return not_found(req, res) };
    let headers = res.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, FOR_A_MINUTE);
    headers.insert(VARY, ACCEPT);
    send(req, res, StatusCode::FOUND, Bytes::new());
}

/// Sets the header fields that tell the client that no request reached the cache.
pub(in crate::http) fn mark_refused(res: &mut Response) {
    provenance(res.headers_mut(), None, &Status::invalid_parameter(), &mut Values::new());
}

/// Renders the answer to a path that svm does not serve.
pub(in crate::http) fn not_found(req: &Request, res: &mut Response) {
    error(req, res, StatusCode::NOT_FOUND, "Not Found");
}

/// Renders the answer to a method other than GET and HEAD.
pub(in crate::http) fn read_only(req: &Request, res: &mut Response) {
    res.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    error(req, res, StatusCode::FORBIDDEN, "This is a read-only cache of the GitHub API");
}

/// Renders the answer to a client that wants a representation that svm does not have.
pub(in crate::http) fn unsupported_media_type(req: &Request, res: &mut Response) {
    error(req, res, StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported 'Accept' header");
}

/// Renders the answer to a client that wants a version of the API that svm does not serve.
pub(in crate::http) fn unknown_api_version(req: &Request, res: &mut Response) {
    let text = "This cache serves the versions 2022-11-28 and 2026-03-10 of the GitHub API";
    error(req, res, StatusCode::BAD_REQUEST, text);
}

/// Renders the answer to a path or a query that is not valid.
pub(in crate::http) fn invalid(req: &Request, res: &mut Response, detail: &str) {
    error(req, res, StatusCode::BAD_REQUEST, detail);
}

/// Renders the `503` for a request that arrived while every connection within the limit had a
/// request.
pub(in crate::http) fn overloaded(req: &Request, res: &mut Response) {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    error_with(req, res, status, OVERLOADED, Some(A_SECOND));
}

/// Renders the root of the API, which clients request to check that the API exists.
pub(in crate::http) fn root(req: &Request, res: &mut Response, base: &str) {
    // Browsers may get the status page at this path, so the answer depends on `Accept`.
    res.headers_mut().insert(VARY, ACCEPT);
    let body = json!({
        "current_user_url": format!("{base}/user"),
        "rate_limit_url": format!("{base}/rate_limit"),
        "repository_url": format!("{base}/repos/{{owner}}/{{repo}}"),
    });
    own(req, res, &body);
}

/// Renders the rate limits of a client: always unused, since svm does not count hits.
pub(in crate::http) fn rate_limit(req: &Request, res: &mut Response, now: Timestamp) {
    let reset = (now.as_secs() / 3_600 + 1) * 3_600;
    let full = json!({ "limit": HOURLY, "used": 0, "remaining": HOURLY, "reset": reset });
    let resources = json!({ "core": full, "search": full, "graphql": full });
    limits(res.headers_mut(), 0, reset);
    own(req, res, &json!({ "resources": resources, "rate": full }));
}

/// Renders the facts about the server that clients ask for.
pub(in crate::http) fn meta(req: &Request, res: &mut Response, is_enterprise: bool) {
    let mut body = json!({ "verifiable_password_authentication": false });
    if is_enterprise {
        body["installed_version"] = "3.17.0".into();
    }
    own(req, res, &body);
}

fn limits(headers: &mut HeaderMap, used: u64, reset: u64) {
    headers.insert(LIMIT, HeaderValue::from(HOURLY));
    headers.insert(REMAINING, HeaderValue::from(HOURLY - used));
    headers.insert(USED, HeaderValue::from(used));
    headers.insert(RESET, HeaderValue::from(reset));
    headers.insert(RESOURCE, HeaderValue::from_static("core"));
}

fn own(req: &Request, res: &mut Response, body: &Value) {
    send_json(req, res, StatusCode::OK, body.to_string().into(), None);
}

fn error(req: &Request, res: &mut Response, status: StatusCode, text: &str) {
    error_with(req, res, status, text, None);
}

fn error_with(
    req: &Request,
    res: &mut Response,
    status: StatusCode,
    text: &str,
    retry_after: Option<Duration>,
) {
    send_json(req, res, status, shape(text, DOCUMENTATION, status), retry_after);
}

/// Returns an error in GitHub's form.
fn shape(text: &str, documentation: &str, status: StatusCode) -> Bytes {
    let error =
        json!({ "message": text, "documentation_url": documentation, "status": status.as_str() });
    error.to_string().into()
}

/// Renders JSON in GitHub's content type. The response forbids caches to store it.
fn send_json(
    req: &Request,
    res: &mut Response,
    status: StatusCode,
    body: Bytes,
    retry_after: Option<Duration>,
) {
    res.headers_mut().insert(CONTENT_TYPE, GITHUB_JSON);
    send_uncached(req, res, status, body, retry_after);
}
