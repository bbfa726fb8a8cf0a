//! The reading of an answer: its body, and the validators for the next check.

use bytes::Bytes;
use http::header::LINK;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::clock::Timestamp;
use crate::json;
use crate::target::Target;

use super::attempt::variant;
use super::{Exchange, is_own_host};
use crate::entry::{Links, Notices, Reason, Validator, Validators};
use crate::upstream::body::BodyBounds;
use crate::upstream::hop::AnswerHead;
use crate::upstream::reply::{Failure, Reply};
use crate::upstream::stored::{DateCheck, Redirection, Stored};
use crate::upstream::{body, etag, rate_limit};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

impl Exchange<'_> {
    /// Reads the body as the status requires.
    pub(super) async fn read(
        &self,
        target: &Target,
        head: &mut AnswerHead,
        route: Redirection,
    ) -> Result<Reply, Failure> {
        let status = head.status();
        let failed = |reason| Failure::after(status, reason);
        let asked_by = head.condition.by();
        let body = match status {
            StatusCode::NOT_MODIFIED if asked_by == Validator::None => {
                return Err(failed(Reason::UnaskedNotModified));
            }
            // A `205` has no content either (RFC 9110, 15.3.6).
            StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => {
                Bytes::new()
            }
            // svm asks for no ranges, so a part is not the answer.
            StatusCode::PARTIAL_CONTENT => return Err(failed(Reason::CutShort)),
            _ if status.is_success() => {
                let config = &self.upstream.config;
                let bounds = BodyBounds::new(config.max_response_bytes, config.timeout);
                let body = body::read(&mut head.response, bounds).await;
                if body == Err(Reason::TooSlow) {
                    // The idle connections of the host may be dead too.
                    self.upstream.connections.drop_idle(target.authority());
                }
                // The check precedes all log lines: an error page may contain a token too.
                self.upstream.refuse_leak(target, status, body.as_deref().unwrap_or_default())?;
                match body.and_then(valid) {
                    // A success other than `200` needs only its status, so a body that is not JSON
                    // is dropped.
                    Err(Reason::NotJson) if status != StatusCode::OK => Bytes::new(),
                    Err(Reason::TooSlow) => {
                        return Err(failed(Reason::TooSlow).within(bounds.patience));
                    }
                    body => body.map_err(failed)?,
                }
            }
            _ => {
                let body = body::read_error(&mut head.response).await;
                self.upstream.refuse_leak(target, status, &body)?;
                body
            }
        };
        let validators = self.validators(target, head, &body);
        let links = self.links(target, head);
        let notices = self.notices(target, head);
        // Another host gets no token, but the redirect to it may be hidden from other tokens.
        let led_by = self.led_by.filter(|_| !is_own_host(target, self.ask));
        let token = head.token_use.or(led_by).map(|token_use| token_use.fingerprint());
        let now = self.upstream.clock.now();
        let retry_after = rate_limit::retry_after(head.headers(), now);
        Ok(Reply {
            status,
            body,
            validators,
            links,
            notices,
            token,
            asked_by,
            is_full_check: asked_by.is_full() || self.has_date_only(target),
            route,
            limited_until: None,
            retry_at: retry_after.map(|wait| now + wait),
            is_about_token: false,
        })
    }

    /// Returns true if the date is the only validator of the stored document.
    fn has_date_only(&self, target: &Target) -> bool {
        let date_check = self.stored(target).map(|stored| stored.date_check);
        matches!(date_check, Some(DateCheck::Only))
    }

    /// Returns the validators for the next check; none if another host answered, since the next
    /// check goes to the original host, where they are not valid.
    fn validators(&self, target: &Target, head: &AnswerHead, body: &[u8]) -> Validators {
        if !is_own_host(target, self.ask) {
            return Validators::default();
        }
        let mut validators = head.validators();
        if let (Some(etag), Some(token_use), StatusCode::OK) =
            (&validators.etag, head.token_use, head.status())
        {
            let authorization = self.upstream.tokens.authorization(token_use);
            validators.follows_rule =
                etag::follows_rule(etag, variant(target, &authorization), body);
        }
        validators
    }

    /// Returns the links of a page, unless they are from another host.
    fn links(&self, target: &Target, head: &AnswerHead) -> Links {
        if head.status() != StatusCode::OK || !is_own_host(target, self.ask) {
            return Links::default();
        }
        let lines = head.headers().get_all(LINK).iter().map(HeaderValue::as_bytes);
        Links::parse(lines, target.authority())
    }

    /// Returns the notices about the endpoint, unless they are from another host.
    fn notices(&self, target: &Target, head: &AnswerHead) -> Notices {
        if head.status() != StatusCode::OK || !is_own_host(target, self.ask) {
            return Notices::default();
        }
        let value = |name| head.headers().get(name).map(HeaderValue::as_bytes);
        Notices::parse(value(DEPRECATION), value(SUNSET))
    }

    /// Counts and logs an answer that contradicts GitHub's rule for ETags.
    pub(super) fn watch_rule(&self, target: &Target, reply: &Reply, now: Timestamp) {
        let was_sent = matches!(reply.asked_by, Validator::Etag | Validator::ComputedEtag);
        let unchanged = |stored: &Stored<'_>| {
            stored.validators.follows_rule
                && !reply.validators.follows_rule
                && reply.status == StatusCode::OK
                && reply.body == *stored.body
        };
        if !was_sent || self.stored(target).filter(unchanged).is_none() {
            return;
        }
        self.upstream.metrics.drifted(reply.asked_by);
        if self.upstream.drift.notice(now) {
            tracing::warn!("GitHub has changed its rule for ETags");
        }
    }
}

/// Returns the body, if it is JSON.
fn valid(body: Bytes) -> Result<Bytes, Reason> {
    if json::is_valid(&body) { Ok(body) } else { Err(Reason::NotJson) }
}
