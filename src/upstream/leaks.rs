//! Answers that contain one of our tokens: an upstream, or a proxy in front of it, has echoed
//! `Authorization`. They are neither stored, shown nor followed; the log and a counter report them.

use http::StatusCode;
use reqwest::Response;

use crate::target::Target;

use super::context::Upstream;
use super::reply::Failure;
use crate::entry::Reason;

impl Upstream {
    /// Fails if a header of this answer contains a token. All headers are searched, since any of
    /// them may be read later.
    pub(super) fn refuse_leak_in_head(
        &self,
        target: &Target,
        response: &Response,
    ) -> Result<(), Failure> {
        let mut values = response.headers().values();
        let holds_token = values.any(|value| self.tokens.are_shown_in(value.as_bytes()));
        self.refuse(target, response.status(), holds_token)
    }

    /// Fails if this decoded body contains a token.
    pub(super) fn refuse_leak(
        &self,
        target: &Target,
        status: StatusCode,
        body: &[u8],
    ) -> Result<(), Failure> {
        self.refuse(target, status, self.tokens.are_shown_in(body))
    }

    fn refuse(
        &self,
        target: &Target,
        status: StatusCode,
        holds_token: bool,
    ) -> Result<(), Failure> {
        if !holds_token {
            return Ok(());
        }
        self.metrics.leaks.inc();
        let (host, code) = (target.authority(), status.as_u16());
        tracing::error!(host, status = code, "an upstream's answer holds one of our tokens");
        Err(Failure::after(status, Reason::LeakedToken))
    }
}
