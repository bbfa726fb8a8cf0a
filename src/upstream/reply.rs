//! The result of an exchange with the upstream: a reply, or a failure with its reason.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::clock::Timestamp;

use super::stored::Redirection;
use crate::entry::{Links, Notices, Reason, Validator, Validators};
use crate::secret::Fingerprint;

/// An upstream's answer, read to its end.
///
/// A `200` is valid JSON here; a `304` answers the validators that were sent.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The upstream's status, redirects followed.
    pub status: StatusCode,
    /// The upstream's bytes, decoded from their content coding; of an error, the beginning.
    pub body: Bytes,
    /// The validators for the next request.
    pub validators: Validators,
    /// The links to other pages, of a page of several.
    pub links: Links,
    /// The notices that the endpoint comes to its end.
    pub notices: Notices,
    /// The token that the request was sent with.
    pub token: Option<Fingerprint>,
    /// The validator that the request carried.
    pub asked_by: Validator,
    /// The way to the document.
    pub route: Redirection,
    /// For a rate limit: when it is worth asking again.
    pub limited_until: Option<Timestamp>,
    /// For other answers with `Retry-After`: when the upstream wants to be asked again.
    pub retry_at: Option<Timestamp>,
    /// True if the answer is about the token and not about the document.
    pub is_about_token: bool,
}

impl Reply {
    /// Returns why an answer like this one is no document.
    pub fn reason(&self) -> Reason {
        match self.status {
            _ if self.limited_until.is_some() => Reason::Limited,
            status if is_trouble(status) => Reason::ServerError,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Denied,
            _ => Reason::OtherStatus,
        }
    }
}

/// Returns true if a status is one of a server in trouble: one past 599 is invalid, and counts as
/// this (RFC 9110, 15).
pub(super) fn is_trouble(status: StatusCode) -> bool {
    status.as_u16() >= 500
}

/// The reason for which an exchange gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, as a value.
    pub reason: Reason,
    /// The status, where the upstream got as far as one.
    pub status: Option<StatusCode>,
    /// The time of the next possible call, where none was possible.
    pub retry_at: Option<Timestamp>,
    /// For a timeout: the limit that passed.
    pub limit: Option<Duration>,
}

impl Failure {
    /// A failure before any status arrived.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, status: None, retry_at: None, limit: None }
    }

    /// A failure after the upstream's head arrived.
    pub const fn after(status: StatusCode, reason: Reason) -> Self {
        Self { reason, status: Some(status), retry_at: None, limit: None }
    }

    /// No call is possible before `retry_at`.
    pub const fn without_call(reason: Reason, retry_at: Timestamp) -> Self {
        Self { reason, status: None, retry_at: Some(retry_at), limit: None }
    }

    /// The limit of the whole exchange passed.
    pub const fn timeout(limit: Duration) -> Self {
        Self { reason: Reason::Timeout, status: None, retry_at: None, limit: Some(limit) }
    }
}
