//! The meaning of an answer to `GET /user` for the token that was sent.
//!
//! Pure. The request has two purposes: to learn the account of the token, since tokens of one
//! account share its quota, and to learn whether a refused token works again.

use http::{HeaderMap, StatusCode};

use crate::clock::Timestamp;

use super::rate_limit::{self, Limit};
use super::reply::is_trouble;

/// A phrase in the answers to tokens of apps, which have no user: `Resource not accessible by
/// integration`.
const NO_USER: &str = "not accessible by";

/// The account that a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountIdentity {
    /// GitHub's number of the account, which never changes.
    pub(crate) id: u64,
    /// Its name, for log lines.
    pub(crate) login: String,
}

/// The finding of an inquiry about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The token works, and belongs to this account.
    Known(AccountIdentity),
    /// The token works, and belongs to no user.
    NoUser,
    /// GitHub does not know the token.
    Refused,
    /// No finding: a limit was met first.
    Limited(Limit),
    /// No finding: the answer concerns something else.
    Unclear,
    /// No finding: there was no answer, or the server failed.
    NoAnswer,
}

impl Finding {
    /// Reads the answer to a request with a token.
    pub(crate) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        if let Some(limit) = rate_limit::classify(status, headers, body, true, now) {
            return Self::Limited(limit);
        }
        match status {
            StatusCode::OK => AccountIdentity::read(body).map_or(Self::Unclear, Self::Known),
            StatusCode::UNAUTHORIZED => Self::Refused,
            StatusCode::FORBIDDEN if rate_limit::message(body).contains(NO_USER) => Self::NoUser,
            status if is_trouble(status) => Self::NoAnswer,
            _ => Self::Unclear,
        }
    }
}

impl AccountIdentity {
    fn read(body: &[u8]) -> Option<Self> {
        let user: serde_json::Value = serde_json::from_slice(body).ok()?;
        let id = user.get("id")?.as_u64()?;
        let login = user.get("login")?.as_str()?.to_owned();
        Some(Self { id, login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[track_caller]
    fn check(status: u16, body: &str, want: &Finding) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(Finding::read(status, &HeaderMap::new(), body.as_bytes(), NOW), *want, "{body}");
    }

    #[test]
    fn a_user_is_known_by_id_and_login() {
        let octocat = AccountIdentity { id: 583_231, login: "octocat".to_owned() };
        let body = r#"{"login":"octocat","id":583231,"node_id":"MDQ6VXNlcjU4MzIzMQ=="}"#;
        check(200, body, &Finding::Known(octocat));
        for body in ["", "[]", "{}", r#"{"login":"octocat"}"#, r#"{"id":"1","login":"octocat"}"#] {
            check(200, body, &Finding::Unclear);
        }
    }

    #[test]
    fn only_a_401_refuses_a_token() {
        check(401, r#"{"message":"Bad credentials"}"#, &Finding::Refused);
        let logins =
            r#"{"message":"Maximum number of login attempts exceeded. Please try again later."}"#;
        check(403, logins, &Finding::Limited(Limit::Address { retry_after: None }));
        check(404, r#"{"message":"Not Found"}"#, &Finding::Unclear);
        check(301, "", &Finding::Unclear);
        for status in [500, 502, 503, 504, 600, 999] {
            check(status, r#"{"message":"Server Error"}"#, &Finding::NoAnswer);
        }
    }

    #[test]
    fn a_limit_says_nothing_of_the_token() {
        let words = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        check(403, words, &Finding::Limited(Limit::Secondary { retry_after: None }));
        check(429, "", &Finding::Limited(Limit::Host { retry_after: None }));
    }

    #[test]
    fn a_token_of_an_app_is_nobodys() {
        check(403, r#"{"message":"Resource not accessible by integration"}"#, &Finding::NoUser);
    }
}
