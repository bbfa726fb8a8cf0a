//! The reasons for which an exchange with the upstream gives nothing to store, as values that can
//! be counted.

/// The reason why an exchange with the upstream gave nothing to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No connection, or it broke before the answer.
    Unreachable,
    /// The limit for the whole exchange passed.
    Timeout,
    /// A redirect that must not be followed.
    Redirect,
    /// A `200` that is not JSON.
    NotJson,
    /// A body over the limit.
    TooLarge,
    /// A body that ended early.
    CutShort,
    /// A body that came too slowly.
    TooSlow,
    /// An answer that holds one of our tokens.
    LeakedToken,
    /// A `304` to a request without a validator.
    UnaskedNotModified,
    /// A rate limit.
    Limited,
    /// `401`, or a `403` that is no limit.
    Denied,
    /// A `5xx`.
    ServerError,
    /// Any other status.
    OtherStatus,
    /// No token may be used now, so no call was made.
    NoToken,
    /// The host rests after a limit, so no call was made.
    HostRests,
    /// Too many exchanges wait already, so no call was made.
    Crowded,
    /// A defect of ours.
    Internal,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Redirect,
        Self::NotJson,
        Self::TooLarge,
        Self::CutShort,
        Self::TooSlow,
        Self::LeakedToken,
        Self::UnaskedNotModified,
        Self::Limited,
        Self::Denied,
        Self::ServerError,
        Self::OtherStatus,
        Self::NoToken,
        Self::HostRests,
        Self::Crowded,
        Self::Internal,
    ];

    /// The token shown in header, metric label and log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::NotJson => "not-json",
            Self::TooLarge => "too-large",
            Self::CutShort => "cut-short",
            Self::TooSlow => "too-slow",
            Self::LeakedToken => "leaked-token",
            Self::UnaskedNotModified => "unasked-304",
            Self::Limited => "limited",
            Self::Denied => "denied",
            Self::ServerError => "server-error",
            Self::OtherStatus => "other-status",
            Self::NoToken => "no-token",
            Self::HostRests => "host-rests",
            Self::Crowded => "crowded",
            Self::Internal => "internal",
        }
    }

    /// Returns true if the upstream answered, and its answer cannot be passed on.
    pub const fn is_bad_answer(self) -> bool {
        matches!(self, Self::Redirect | Self::NotJson | Self::TooLarge)
    }

    /// Returns true if the connection broke, before the answer or within it, so that another one
    /// may do better.
    pub const fn is_broken(self) -> bool {
        matches!(self, Self::Unreachable | Self::CutShort)
    }

    /// Returns true if an upstream that is asked gives no whole answer.
    pub const fn is_of_outage(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::CutShort)
    }

    /// Returns true if no request was sent.
    pub const fn is_without_call(self) -> bool {
        matches!(self, Self::NoToken | Self::HostRests | Self::Crowded)
    }
}
