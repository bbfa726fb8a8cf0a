//! The origin of an answer, as values: the vocabulary of `Cache-Status` (RFC 9211), of metrics and
//! of the log.
//!
//! `http::render` makes the headers from it.

use http::StatusCode;

use crate::entry::Reason;
use crate::words::words;

words! {
    /// The outcome of a request, in one word.
    pub enum Outcome {
        /// Answered from what was stored.
        Hit = "HIT",
        /// Answered from the upstream.
        Miss = "MISS",
        /// The upstream vouched for what was stored.
        Revalidated = "REVALIDATED",
        /// The cache was passed over: a refresh, or a request refused before it.
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
    /// The document does not exist, which is remembered for a while.
    Negative,
    /// A copy stands in for a failing upstream.
    StaleIfError,
    /// A copy stands in for a slow upstream, which is still being waited for.
    StaleWhileRevalidate,
    /// A copy is served although the upstream's latest answer claims that the document is lost, or
    /// that answer itself is, to a client that demands it.
    Unconfirmed,
    /// The request was refused before the cache.
    InvalidParameter,
    /// The client has had the upstream asked too often.
    ClientRate,
    /// The upstream did not give the document, for this reason.
    Refused(Reason),
}

impl Detail {
    /// The token shown in header, metric label and log field.
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

/// The way of one answer through the cache; what `Cache-Status` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// In one word.
    pub outcome: Outcome,
    /// The reason for the request to the upstream; `None` for a hit, and where no call was
    /// possible.
    pub forward: Option<Forward>,
    /// The upstream's status, if it gave one.
    pub forward_status: Option<StatusCode>,
    /// True if the upstream's answer was stored.
    pub stored: bool,
    /// Seconds that the entry stays fresh; negative for an expired one.
    pub ttl: Option<i64>,
    /// True if the request shared another one's call.
    pub collapsed: bool,
    /// The rest of the truth.
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

    /// An answer from what is stored.
    pub const fn hit(ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::of(Outcome::Hit) }
    }

    /// An answer for which the upstream was asked.
    pub const fn forwarded(outcome: Outcome, forward: Forward) -> Self {
        Self { forward: Some(forward), ..Self::of(outcome) }
    }

    /// A request refused before the cache.
    pub const fn invalid_parameter() -> Self {
        Self { detail: Some(Detail::InvalidParameter), ..Self::of(Outcome::Bypass) }
    }

    /// A request for which the upstream was not asked, because its client had it asked too often.
    pub const fn client_limited() -> Self {
        Self { detail: Some(Detail::ClientRate), ..Self::of(Outcome::Miss) }
    }

    /// Returns true if the upstream was asked for this request and for no other one's sake.
    pub const fn is_own_call(&self) -> bool {
        let without_call =
            matches!(self.detail, Some(Detail::Refused(reason)) if reason.is_without_call());
        self.forward.is_some() && !self.collapsed && !without_call
    }

    /// Returns true if the next request should not be answered by what was served now.
    pub const fn is_to_be_checked(&self) -> bool {
        self.is_stale() || matches!(self.detail, Some(Detail::Unconfirmed))
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
