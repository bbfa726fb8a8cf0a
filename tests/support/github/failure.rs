//! The failures of the simulated GitHub that tests can cause. Some of them are GitHub's own
//! answers.
//!
//! A failure of the transport does not replace the answer: the rules answer, and charge, as usual,
//! and the terminator damages their answer.

use std::time::Duration;

use super::account::Account;
use super::answer::Answer;
use super::coding::Coding;
use super::echo::Echo;
use super::received::Received;
use super::tls::Defect;
use super::wire::Wire;
use super::{errors, nasty};

/// A way to fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// 502, JSON, "Server Error".
    ServerError502,
    /// 502, the HTML page of the unicorn.
    Unicorn502,
    /// 503, the HTML page of the unicorn.
    Unicorn503,
    /// 403 as if the quota of the account were spent, without spending it.
    PrimaryLimit,
    /// 403, the secondary limit, with `Retry-After` in seconds or without.
    SecondaryLimit(Option<u64>),
    /// 403, the secondary limit in its old wording.
    Abuse,
    /// 429, JSON: the endpoint is throttled for every user.
    Throttled429,
    /// 429, text: the limit of the hosts that serve files.
    RawThrottled429,
    /// 403: the organisation has an IP allow list.
    IpAllowList,
    /// 403: the organisation requires single sign-on.
    Saml,
    /// 403: the organisation bans classic tokens.
    ClassicTokenBanned,
    /// 403: the organisation bans tokens with such a long lifetime.
    FineGrainedLifetime,
    /// 401.
    BadCredentials,
    /// 401 of a gateway: without a body.
    Bare401,
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
    /// 409: the repository is empty.
    Empty409,
    /// 202: the answer is still being prepared, with `Retry-After` in seconds or without.
    Unfinished202(Option<u64>),
    /// 503 with `Retry-After` in seconds.
    Maintenance503(u64),

    /// 200 with an HTML page.
    HtmlWith200,
    /// 200, JSON with bytes that are not UTF-8.
    InvalidUtf8,
    /// 200, 100,000 nested arrays.
    DeepJson,
    /// 200, with 1,000 headers.
    ManyHeaders,
    /// 200, with a tag that is not text.
    OddEtag,
    /// 200, labelled gzip but plain.
    FakeGzip,
    /// 200, a gzip stream that stops in the middle, in a complete body.
    CutGzip,
    /// 200, gzip that inflates a thousandfold, to 256 MiB.
    GzipBomb,
    /// 304, even for a request without a condition.
    UnaskedNotModified,
    /// 301 to the same URL.
    RedirectLoop,
    /// The answer repeats the token of the request.
    Echo(Echo),

    /// The answer is delayed.
    Latency(Duration),
    /// The answer never comes.
    Hang,
    /// The body arrives one byte at a time, with this pause between bytes.
    Drip(Duration),
    /// The connection ends in good order in the middle of the body.
    CutBody,
    /// The body arrives in chunks, without the last one.
    CutChunked,
    /// `Content-Length` states half of the body's length.
    LyingLength,
    /// A chunked body, JSON so far, that never ends.
    EndlessBody,
    /// The answer has another content coding.
    Coded(Coding),
    /// These bytes replace the answer.
    Wire(Wire),
    /// The connection is reset without an answer.
    Reset,
    /// The connection ends in good order without an answer.
    CloseBeforeAnswer,
    /// The TLS handshake fails; for a host or for everything, not for a path. An open connection
    /// ends at its next request.
    TlsHandshake,
    /// The certificate is from an unknown authority; otherwise like [`Failure::TlsHandshake`].
    UntrustedCertificate,
    /// The certificate is from the trusted authority and has this defect; otherwise like
    /// [`Failure::TlsHandshake`].
    DefectiveCertificate(Defect),
}

impl Failure {
    /// Returns the answer of the rules; a failure of the transport has no answer of its own.
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
            Self::Empty409 => self.error(409, request),
            Self::Bare401 => Answer::empty(401),
            Self::Unfinished202(seconds) => errors::unfinished(*seconds, request),
            Self::Maintenance503(seconds) => {
                errors::unicorn(503).header("retry-after", seconds.to_string())
            }
            Self::HtmlWith200 => nasty::html(),
            Self::InvalidUtf8 => nasty::invalid_utf8(),
            Self::DeepJson => nasty::deep_json(),
            Self::ManyHeaders => nasty::many_headers(),
            Self::OddEtag => nasty::odd_etag(),
            Self::FakeGzip => nasty::fake_gzip(),
            Self::CutGzip => nasty::cut_gzip(),
            Self::GzipBomb => nasty::gzip_bomb(),
            Self::UnaskedNotModified => nasty::unasked_not_modified(),
            Self::RedirectLoop => nasty::redirect_loop(request),
            Self::Echo(echo) => echo.answer(request),
            _ => self.error(403, request),
        }
    }

    /// Returns true if the request costs quota: an answer of the repository or the organisation
    /// does.
    pub fn is_charged(&self) -> bool {
        use Failure::{
            Blocked451, ClassicTokenBanned, FineGrainedLifetime, Gone410, IpAllowList, NotFound404,
        };
        use Failure::{Empty409, Saml, TooDeep422, TosBlocked403, Unfinished202};
        matches!(
            self,
            IpAllowList | Saml | ClassicTokenBanned | FineGrainedLifetime | TosBlocked403
        ) || matches!(self, NotFound404 | Gone410 | Blocked451 | TooDeep422 | Empty409)
            || matches!(self, Unfinished202(_))
    }

    /// Returns true if the answer carries the limit headers.
    pub fn shows_limits(&self) -> bool {
        use Failure::{PrimaryLimit, Throttled429, Unicorn502, Unicorn503};
        self.is_charged() || matches!(self, PrimaryLimit | Throttled429 | Unicorn502 | Unicorn503)
    }

    /// Returns true if the terminator causes the failure on a connection, instead of the rules.
    pub fn spoils_answers(&self) -> bool {
        use Failure::{
            CloseBeforeAnswer, Coded, CutBody, CutChunked, Drip, EndlessBody, Hang, Latency,
            LyingLength, Reset, Wire,
        };
        matches!(self, Latency(_) | Hang | Drip(_) | CutBody | CutChunked | LyingLength)
            || matches!(self, EndlessBody | Coded(_) | Wire(_) | Reset | CloseBeforeAnswer)
    }

    /// Returns true if the failure happens before the request.
    pub fn spoils_handshakes(&self) -> bool {
        matches!(
            self,
            Self::TlsHandshake | Self::UntrustedCertificate | Self::DefectiveCertificate(_)
        )
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
            Self::Empty409 => "Git Repository is empty.",
            _ => "Not Found",
        }
    }
}
