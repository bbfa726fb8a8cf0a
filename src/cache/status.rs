//! The origin of an answer, as values: the vocabulary of `Cache-Status` (RFC 9211), of the metrics
//! and of the log.
//!
//! `http::render` turns it into headers.

use http::StatusCode;

use crate::entry::Reason;
use crate::words::words;

words! {
    /// The outcome of a request, in one word.
    pub enum Outcome {
        /// A stored entry answered it.
        Hit = "HIT",
        /// The upstream answered it.
        Miss = "MISS",
        /// The upstream confirmed the stored entry, which answered it.
        Revalidated = "REVALIDATED",
        /// The request bypassed the cache: a refresh, or a request that was refused first.
        Bypass = "BYPASS",
    }
}

words! {
    /// The reason for a request to the upstream (RFC 9211, 2.2).
    pub enum Forward {
        /// Nothing was stored.
        UriMiss = "uri-miss",
        /// The stored entry had expired.
        Stale = "stale",
        /// The client demanded it.
        Request = "request",
    }
}

/// The part of `Cache-Status` beyond its standard parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The entry was promoted from the persistent tier.
    L2,
    /// The document does not exist; a negative entry remembers that.
    Negative,
    /// A copy stands in for a failing upstream.
    StaleIfError,
    /// A copy stands in for a slow upstream; the exchange goes on.
    StaleWhileRevalidate,
    /// The upstream's latest answer claims that the document is lost, and nothing confirms it. A
    /// copy was served, or that answer itself to a client that demands a refresh.
    Unconfirmed,
    /// The request was refused before the cache.
    InvalidParameter,
    /// The client has caused too many calls to the upstream.
    ClientRate,
    /// The upstream did not give the document, for this reason.
    Refused(Reason),
}

impl Detail {
    /// Returns the word for the header, the metric label and the log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::Negative => "negative",
            Self::StaleIfError => "stale-if-error",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
            Self::Unconfirmed => "unconfirmed",
            Self::InvalidParameter => "invalid-parameter",
            Self::ClientRate => "client-rate",
            Self::Refused(reason) => reason.as_str(),
        }
    }
}

/// The way of one answer through the cache, as `Cache-Status` reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// The outcome in one word.
    pub outcome: Outcome,
    /// The reason for the request to the upstream; `None` for a hit, and where no call was
    /// possible.
    pub forward: Option<Forward>,
    /// The upstream's status, if it gave one.
    pub forward_status: Option<StatusCode>,
    /// True if the upstream's answer was stored.
    pub stored: bool,
    /// The seconds for which the entry stays fresh; negative for an expired one.
    pub ttl: Option<i64>,
    /// True if the request shared the call of another one.
    pub collapsed: bool,
    /// The part beyond the standard parameters.
    pub detail: Option<Detail>,
}

impl Status {
    const fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            forward: None,
            forward_status: None,
            stored: false,
            ttl: None,
            collapsed: false,
            detail: None,
        }
    }

    /// Creates the status of an answer from a stored entry.
    pub const fn hit(ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::of(Outcome::Hit) }
    }

    /// Creates the status of an answer after a call to the upstream.
    pub const fn forwarded(outcome: Outcome, forward: Forward) -> Self {
        Self { forward: Some(forward), ..Self::of(outcome) }
    }

    /// Creates the status of a request that was refused before the cache.
    pub const fn invalid_parameter() -> Self {
        Self { detail: Some(Detail::InvalidParameter), ..Self::of(Outcome::Bypass) }
    }

    /// Creates the status of a request without a call, because its client has caused too many.
    pub const fn client_limited() -> Self {
        Self { detail: Some(Detail::ClientRate), ..Self::of(Outcome::Miss) }
    }

    /// Returns true if this request caused a call to the upstream.
    pub const fn is_own_call(&self) -> bool {
        let without_call =
            matches!(self.detail, Some(Detail::Refused(reason)) if reason.is_without_call());
        self.forward.is_some() && !self.collapsed && !without_call
    }

    /// Returns true if the next request should cause a check of the document that was served.
    pub const fn is_to_be_checked(&self) -> bool {
        let is_expired_hit = self.forward.is_none() && matches!(self.ttl, Some(..=0));
        is_expired_hit || self.is_stale() || matches!(self.detail, Some(Detail::Unconfirmed))
    }

    /// Returns true if a copy past its expiry was served.
    pub const fn is_stale(&self) -> bool {
        matches!(self.detail, Some(Detail::StaleIfError | Detail::StaleWhileRevalidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_without_lifetime_is_to_be_checked() {
        let fetched = Status::forwarded(Outcome::Miss, Forward::UriMiss);
        for (status, is_to_be_checked) in [
            (Status::hit(1), false),
            (Status::hit(0), true),
            (Status::hit(-1), true),
            (Status { detail: Some(Detail::L2), ..Status::hit(1) }, false),
            (Status { detail: Some(Detail::StaleIfError), ..Status::hit(1) }, true),
            (Status { detail: Some(Detail::Unconfirmed), ..fetched }, true),
            (Status { ttl: Some(0), ..fetched }, false),
        ] {
            assert_eq!(status.is_to_be_checked(), is_to_be_checked, "{status:?}");
        }
    }

    #[test]
    fn a_status_names_the_call_of_its_own_request() {
        let fetched = Status::forwarded(Outcome::Miss, Forward::UriMiss);
        let refused = |reason| Status { detail: Some(Detail::Refused(reason)), ..fetched };
        for (status, is_own_call) in [
            (fetched, true),
            (Status::forwarded(Outcome::Bypass, Forward::Request), true),
            (Status::forwarded(Outcome::Hit, Forward::Stale), true),
            (refused(Reason::Timeout), true),
            (refused(Reason::Internal), true),
            (refused(Reason::NoToken), false),
            (refused(Reason::HostRests), false),
            (refused(Reason::Crowded), false),
            (Status { collapsed: true, ..fetched }, false),
            (Status::hit(1), false),
            (Status { detail: Some(Detail::L2), ..Status::hit(1) }, false),
            (Status::client_limited(), false),
        ] {
            assert_eq!(status.is_own_call(), is_own_call, "{status:?}");
        }
    }
}
