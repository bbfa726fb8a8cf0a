//! Answers by which the simulated GitHub fails on purpose, and when it gives them.

use super::account::Account;
use super::answer::Answer;
use super::errors;
use super::received::Received;

/// A way to fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// 502, JSON, "Server Error".
    ServerError502,
    /// 502, the HTML page of the unicorn.
    Unicorn502,
    /// 503, the HTML page of the unicorn.
    Unicorn503,
    /// 403 as if the caller's quota were spent, without spending it.
    PrimaryLimit,
    /// 403, the secondary limit, with `Retry-After` in seconds or without.
    SecondaryLimit(Option<u64>),
    /// 403, the secondary limit in its old wording.
    Abuse,
    /// 429, JSON: the endpoint is throttled, whoever asks.
    Throttled429,
    /// 429, text: the limit of the hosts that serve files.
    RawThrottled429,
    /// 403: the organisation has an IP allow list.
    IpAllowList,
    /// 403: the organisation wants single sign-on.
    Saml,
    /// 403: the organisation bans classic tokens.
    ClassicTokenBanned,
    /// 403: the organisation bans tokens that live this long.
    FineGrainedLifetime,
    /// 401.
    BadCredentials,
    /// 403 after too many 401s.
    TooManyLogins,
    /// 404.
    NotFound404,
    /// 410.
    Gone410,
    /// 403: the repository breaks the terms of service.
    TosBlocked403,
    /// 451: the repository was taken down.
    Blocked451,
    /// 422: too deep a page.
    TooDeep422,
}

impl Failure {
    /// The answer, if this failure is one.
    pub fn answer(&self, account: &Account, request: &Received) -> Answer {
        match self {
            Self::ServerError502 => errors::server_error(),
            Self::Unicorn502 => errors::unicorn(502),
            Self::Unicorn503 => errors::unicorn(503),
            Self::PrimaryLimit => errors::primary_limit(account, request),
            Self::SecondaryLimit(retry_after_secs) => {
                errors::secondary_limit(*retry_after_secs, request)
            }
            Self::Abuse => errors::abuse(request),
            Self::Throttled429 => errors::throttled(request),
            Self::RawThrottled429 => errors::raw_throttled(),
            Self::BadCredentials => errors::bad_credentials(request),
            Self::TosBlocked403 => errors::blocked(403, "tos", request),
            Self::Blocked451 => errors::blocked(451, "dmca", request),
            Self::Saml => self.error(403, request).header(
                "x-github-sso",
                "required; url=https://github.com/orgs/octo/sso?authorization_request=AAAA",
            ),
            Self::NotFound404 => self.error(404, request),
            Self::Gone410 => self.error(410, request),
            Self::TooDeep422 => self.error(422, request),
            _ => self.error(403, request),
        }
    }

    /// Whether the request counts: a repository's or an organisation's own answer does.
    pub fn is_charged(&self) -> bool {
        use Failure::{
            Blocked451, ClassicTokenBanned, FineGrainedLifetime, Gone410, IpAllowList, NotFound404,
        };
        use Failure::{Saml, TooDeep422, TosBlocked403};
        matches!(
            self,
            IpAllowList | Saml | ClassicTokenBanned | FineGrainedLifetime | TosBlocked403
        ) || matches!(self, NotFound404 | Gone410 | Blocked451 | TooDeep422)
    }

    /// Whether the answer carries the limit headers.
    pub fn shows_limits(&self) -> bool {
        use Failure::{PrimaryLimit, Throttled429, Unicorn502, Unicorn503};
        self.is_charged() || matches!(self, PrimaryLimit | Throttled429 | Unicorn502 | Unicorn503)
    }

    fn error(&self, status: u16, request: &Received) -> Answer {
        errors::error(status, self.message(), request)
    }

    fn message(&self) -> &'static str {
        match self {
            Self::IpAllowList => {
                "Although you appear to have the correct authorization credentials, the `octo` organization has an \
                IP allow list enabled, and your IP address is not permitted to access this resource."
            }
            Self::Saml => {
                "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                access to this organization."
            }
            Self::ClassicTokenBanned => {
                "`octo` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or \
                a personal access token with fine-grained permissions."
            }
            Self::FineGrainedLifetime => {
                "The 'octo' organization forbids access via a fine-grained personal access tokens if the token's \
                lifetime is greater than 90 days. Please adjust your token's lifetime."
            }
            Self::TooManyLogins => {
                "Maximum number of login attempts exceeded. Please try again later."
            }
            Self::TooDeep422 => "Only the first 1000 results are available.",
            Self::Gone410 => "Gone",
            _ => "Not Found",
        }
    }
}

/// A failure that waits for its requests.
#[derive(Debug)]
pub struct Script {
    /// What happens.
    pub failure: Failure,
    /// Which request it happens to.
    pub scope: Scope,
    /// Only to requests with this token, if one is named.
    pub token: Option<String>,
    /// How often it still happens; `None` until it is cleared.
    pub left: Option<u32>,
    /// How the handle finds it again.
    pub number: u64,
}

/// Which requests a script is for.
#[derive(Clone, Debug)]
pub enum Scope {
    /// One path and query, on any host.
    Target(String),
    /// Everything on one host.
    Host(String),
    /// Everything.
    Everything,
}

impl Script {
    /// Whether this script is for `request`.
    pub fn applies_to(&self, request: &Received) -> bool {
        let in_scope = match &self.scope {
            Scope::Target(target) => *target == request.target,
            Scope::Host(host) => *host == request.host,
            Scope::Everything => true,
        };
        in_scope && self.token.as_deref().is_none_or(|token| request.token() == Some(token))
    }
}
