//! The result of an exchange with the upstream: a reply, or a failure with its reason.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::clock::Timestamp;

use super::stored::Redirection;
use crate::entry::{Links, Notices, Reason, Validator, Validators};
use crate::secret::Fingerprint;

/// A complete answer of the upstream.
///
/// A `200` has valid JSON; a `304` answers the validators that were sent.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The upstream's status, after redirects.
    pub status: StatusCode,
    /// The upstream's bytes, decoded; of an error, the beginning.
    pub body: Bytes,
    /// The validators for the next request.
    pub validators: Validators,
    /// The links to other pages, if the document is a page of several.
    pub links: Links,
    /// The notices about the end of the endpoint.
    pub notices: Notices,
    /// The token that the request was sent with, or the redirect to another host.
    pub token: Option<Fingerprint>,
    /// The validator that the request carried.
    pub asked_by: Validator,
    /// True if a `304` confirms each byte of the body: not one to a date, unless that is the only
    /// validator.
    pub is_full_check: bool,
    /// The way to the document.
    pub route: Redirection,
    /// For a rate limit, the time at which to try again.
    pub limited_until: Option<Timestamp>,
    /// For other answers with `Retry-After`, the time at which to try again.
    pub retry_at: Option<Timestamp>,
    /// True if the answer concerns the token and not the document.
    pub is_about_token: bool,
}

impl Reply {
    /// Returns the reason why this answer is no document.
    pub fn reason(&self) -> Reason {
        match self.status {
            _ if self.limited_until.is_some() => Reason::Limited,
            status if is_trouble(status) => Reason::ServerError,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::Denied,
            _ => Reason::OtherStatus,
        }
    }
}

/// Returns true for the status of a failing server. A status above 599 is invalid and counts as one
/// (RFC 9110, 15).
pub(super) fn is_trouble(status: StatusCode) -> bool {
    status.as_u16() >= 500
}

/// The reason why an exchange gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, as a value.
    pub reason: Reason,
    /// The status, if the upstream sent one.
    pub status: Option<StatusCode>,
    /// The time of the next possible call, if none is possible now.
    pub retry_at: Option<Timestamp>,
    /// The time limit that passed: for the exchange, or for a part of its body.
    pub limit: Option<Duration>,
    /// True if a rate limit is the cause.
    pub is_rate_limited: bool,
}

impl Failure {
    /// Creates a failure before any status arrived.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, status: None, retry_at: None, limit: None, is_rate_limited: false }
    }

    /// Creates a failure after a status arrived.
    pub const fn after(status: StatusCode, reason: Reason) -> Self {
        Self { status: Some(status), ..Self::new(reason) }
    }

    /// Creates a failure without a call; none is possible before `retry_at`.
    pub const fn without_call(reason: Reason, retry_at: Timestamp) -> Self {
        Self { retry_at: Some(retry_at), ..Self::new(reason) }
    }

    /// Creates the failure of an exchange whose deadline has passed.
    pub const fn timeout(limit: Duration) -> Self {
        Self { limit: Some(limit), ..Self::new(Reason::Timeout) }
    }

    /// Adds the status of the redirect that led to the failed request, if there was one.
    #[must_use]
    pub(super) fn behind(self, redirect: Option<StatusCode>) -> Self {
        Self { status: self.status.or(redirect), ..self }
    }

    /// Adds the time limit that passed.
    #[must_use]
    pub const fn within(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Adds whether a rate limit is the cause.
    #[must_use]
    pub const fn by_rate_limit(self, is_rate_limited: bool) -> Self {
        Self { is_rate_limited, ..self }
    }
}
