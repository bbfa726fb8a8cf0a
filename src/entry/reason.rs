//! The reasons why an exchange with the upstream gives nothing to store, as values for counters.

use crate::words::words;

words! {
    /// The reason why an exchange with the upstream gave nothing to store.
    pub enum Reason {
        /// No connection, or it broke before the answer.
        Unreachable = "unreachable",
        /// The deadline of the exchange passed.
        Timeout = "timeout",
        /// A redirect that must not be followed.
        Redirect = "redirect",
        /// A `200` that is not JSON.
        NotJson = "not-json",
        /// A body over the limit.
        TooLarge = "too-large",
        /// A body that ended early.
        CutShort = "cut-short",
        /// A body that came too slowly.
        TooSlow = "too-slow",
        /// An answer that contains one of our tokens.
        LeakedToken = "leaked-token",
        /// A `304` to a request without a validator.
        UnaskedNotModified = "unasked-304",
        /// A rate limit.
        Limited = "limited",
        /// `401`, or a `403` that is no limit.
        Denied = "denied",
        /// A `5xx`.
        ServerError = "server-error",
        /// Any other status.
        OtherStatus = "other-status",
        /// No token is usable now, so no call was made.
        NoToken = "no-token",
        /// The host is in a cooldown, so no call was made.
        HostRests = "host-rests",
        /// Too many exchanges wait already, so no call was made.
        Crowded = "crowded",
        /// A defect of svm.
        Internal = "internal",
    }
}

impl Reason {
    /// Returns true if the upstream answered and svm cannot pass its answer on.
    pub const fn is_bad_answer(self) -> bool {
        matches!(self, Self::Redirect | Self::NotJson | Self::TooLarge)
    }

    /// Returns true if a negative entry with this reason remembers a failure: it has no answer that
    /// svm passes on. It remembers a limit or a broken connection only if that came after a
    /// redirect.
    pub const fn is_remembered_failure(self) -> bool {
        self.is_bad_answer() || matches!(self, Self::Limited | Self::Unreachable)
    }

    /// Returns true if the connection broke, before the answer or within it, so that a retry may
    /// succeed.
    pub const fn is_broken(self) -> bool {
        matches!(self, Self::Unreachable | Self::CutShort)
    }

    /// Returns true for an outage: the upstream gives no complete answer.
    pub const fn is_of_outage(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::CutShort)
    }

    /// Describes the reason for an operator.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unreachable => "there is no connection, or it broke",
            Self::Timeout => "no answer came within UPSTREAM_TIMEOUT",
            Self::Redirect => "the answer is a redirect that must not be followed",
            Self::NotJson => "the answer is not JSON",
            Self::TooLarge => "the answer is larger than MAX_UPSTREAM_RESPONSE_BYTES",
            Self::CutShort => "the answer stopped before its end",
            Self::TooSlow => "the answer came too slowly",
            Self::LeakedToken => "the answer holds a token of svm",
            Self::UnaskedNotModified => "the answer is a 304 to a request without a condition",
            Self::Limited => "the answer is a rate limit",
            Self::Denied => "GitHub refuses the document to the token",
            Self::ServerError => "the answer is a server error (5xx)",
            Self::OtherStatus => "the answer has a status that svm does not store",
            Self::NoToken => "every token is in a cooldown, is refused, or must not be used",
            Self::HostRests => {
                "the host, or this endpoint of it, is in a cooldown after a limit or a 5xx"
            }
            Self::Crowded => "too many requests wait for the host",
            Self::Internal => "svm has a defect",
        }
    }

    /// Returns true if no request was sent.
    pub const fn is_without_call(self) -> bool {
        matches!(self, Self::NoToken | Self::HostRests | Self::Crowded)
    }
}
