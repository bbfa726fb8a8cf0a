//! The responses of the status page. No cache stores them, and no page of another origin can read
//! them, show them in a frame, or make them load anything.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use salvo::{Request, Response};

use super::{JSON, NO_STORE, send};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");
/// The content security policy of a response that loads nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Renders the page with this content security policy. `Vary` is set because clients that do not
/// accept HTML get another answer at this path.
pub(in crate::http) fn page(req: &Request, res: &mut Response, policy: &HeaderValue, body: String) {
    let headers = res.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    protect(headers);
    send(req, res, StatusCode::OK, body.into());
}

/// Renders the facts of the page as JSON.
pub(in crate::http) fn json(req: &Request, res: &mut Response, body: String) {
    let headers = res.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CONTENT_SECURITY_POLICY, NOTHING);
    protect(headers);
    send(req, res, StatusCode::OK, body.into());
}

fn protect(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}
