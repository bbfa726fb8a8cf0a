//! The ids of requests: the value of `X-Request-Id` if a trusted proxy sends it, otherwise an id of
//! svm's.
//!
//! The ids of svm count up from a random number. So the ids of two processes differ, and requests
//! that arrive one after the other have consecutive ids.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue};
use salvo::Request;

use crate::telemetry::RequestId;

use super::client_ip::Proxies;

/// The header field of the id, in requests and responses.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The length of the longest id that svm accepts, in bytes.
const LONGEST: usize = 128;

/// The source of ids.
#[derive(Debug)]
pub(super) struct RequestIds {
    next: AtomicU64,
    proxies: Proxies,
}

impl RequestIds {
    /// Creates a source that accepts the ids of these proxies.
    pub(super) fn new(proxies: Proxies) -> Self {
        Self { next: AtomicU64::new(fastrand::u64(..)), proxies }
    }

    /// Returns the id of a request.
    pub(super) fn of(&self, req: &Request) -> RequestId {
        self.given(req).unwrap_or_else(|| RequestId::Own(self.next.fetch_add(1, Ordering::Relaxed)))
    }

    /// Returns the id that a trusted proxy gave. An id from any other client is ignored, since it
    /// could be the id of another request.
    fn given(&self, req: &Request) -> Option<RequestId> {
        if !self.proxies.have_sent(req) {
            return None;
        }
        let id = req.headers().get(X_REQUEST_ID)?;
        is_plain(id).then(|| RequestId::Given(Box::new(id.clone())))
    }
}

/// Returns true if an id needs no escaping in a header or in a log.
fn is_plain(id: &HeaderValue) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_needs_an_escape_is_not_taken() {
        let longest = "x".repeat(LONGEST);
        let ids = ["7", "a-b_c.d:e/f+g=@", "3f2a-11", &longest];
        let others = ["", "a b", "a\"b", "a\\b", "a,b", "é", "a\tb", "<b>"];
        let is_taken = |id: &&str| is_plain(&HeaderValue::from_bytes(id.as_bytes()).unwrap());
        assert!(ids.iter().all(is_taken));
        assert!(!others.iter().any(is_taken));
        assert!(!is_taken(&&*format!("{longest}x")));
    }
}
