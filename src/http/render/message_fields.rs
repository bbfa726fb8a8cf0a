//! The header fields that do not depend on the page: the request id, the date, and the end of the
//! connection.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderValue;
use http::header::{CONNECTION, DATE};
use salvo::Response;

use crate::clock::Timestamp;
use crate::telemetry::RequestId;

use super::super::request_ids::X_REQUEST_ID;

/// Sets the request id.
pub(in crate::http) fn request_id(res: &mut Response, id: &RequestId) {
    let headers = res.headers_mut();
    match headers.iter_mut().next() {
        // In a head from the cache it is the first field, so this needs no search.
        Some((name, value)) if *name == X_REQUEST_ID => *value = id.to_header(),
        _ => drop(headers.insert(X_REQUEST_ID, id.to_header())),
    }
}

/// Tells the client to use another connection for its next request.
pub(in crate::http) fn close_connection(res: &mut Response) {
    res.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Sets `Date`. Without this field the HTTP library would write a different time.
pub(in crate::http) fn date(res: &mut Response, now: Timestamp) {
    // The format has four digits for the year, as RFC 3339 has.
    if now > Timestamp::LAST_SHOWN {
        return;
    }
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now.as_secs()));
    if let Ok(date) = HeaderValue::try_from(date) {
        res.headers_mut().insert(DATE, date);
    }
}
