//! The reasons to refuse a URL. Clients get each message as the `detail` of a 400.

/// The reason why a URL is not a valid target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another scheme, a relative reference, no host.
    #[error("url must be an absolute https URL")]
    NotHttps,
    /// More than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("url must have at most 2048 bytes")]
    TooLong,
    /// A blank, a control character, a byte outside ASCII, or one that is never valid in a URL.
    #[error("url holds a character that must be percent-encoded")]
    Character,
    /// `user@`, `user:password@`, or a bare `@`.
    #[error("url must not carry user information")]
    UserInfo,
    /// Not a host name of letters, digits and hyphens, nor an IP address.
    #[error("url must name a valid host")]
    Host,
    /// A port that is neither 443 nor the one the allowlist names for the host.
    #[error("url must not name a port other than 443")]
    Port,
    /// A raw `#`, which would cut a branch name short and return the document of another branch.
    #[error(
        "url must not have a fragment: percent-encode the `#` of a name as `%23`, and then the whole url"
    )]
    Fragment,
    /// `%` without two hexadecimal digits.
    #[error("url holds a `%` that is not followed by two hexadecimal digits")]
    Percent,
    /// `%00` to `%1F`, `%7F` or `%5C`.
    #[error("url must not hold an encoded control character or backslash")]
    Encoded,
    /// Bytes that are not UTF-8 after full decoding.
    #[error("url must be UTF-8 once it is percent-decoded")]
    Utf8,
    /// `//`, `/./`, `/../` or a trailing `/`, spelt out or encoded.
    #[error("url path must not have an empty, `.` or `..` segment")]
    Segment,
    /// Some servers split a query at `;`, others do not.
    #[error("url query must not hold a semicolon")]
    Semicolon,
    /// A credential in the query, which caches and logs on the way would store.
    #[error("url query must not carry a credential")]
    Credential,
    /// The `url` crate reads the canonical form differently.
    #[error("url can be read in more than one way")]
    Ambiguous,
    /// The allowlist does not name the host.
    #[error("upstream host is not allowlisted")]
    HostNotAllowed,
    /// The host gets a token, and the path is not among the open ones.
    #[error("upstream path is not allowlisted")]
    PathNotAllowed,
}
