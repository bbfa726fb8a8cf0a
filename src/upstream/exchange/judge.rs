//! The judgement of an answer: whether it ends the exchange, and its effect on token and host.

use http::StatusCode;

use crate::clock::Timestamp;
use crate::entry::Reason;
use crate::target::Target;
use crate::upstream::context::AtStake;
use crate::upstream::cooldowns::{CooldownCause, Scope};
use crate::upstream::hop::AnswerHead;
use crate::upstream::rate_limit::{self, Limit};
use crate::upstream::reply::{Failure, Reply};
use crate::upstream::stored::Redirection;
use crate::upstream::tokens::TokenUse;

use super::attempt::Answered;
use super::{Exchange, Step, is_refusal};

/// The meaning of an answer for the exchange.
enum Meaning {
    /// A request without a token did not get the document.
    WithoutTokenInVain(Option<Limit>),
    /// A limit.
    Limited(Limit),
    /// The token is refused, or the document refuses the token.
    Unauthorized,
    /// A policy refuses the document.
    Denied,
    /// The server is unavailable and states when to try again.
    Unavailable,
    /// A transient fault.
    Fault,
    /// A `304` about another body.
    OtherBody,
    /// The document is no longer at its remembered place.
    Misplaced,
    /// The answer of the exchange.
    Final,
}

impl Meaning {
    fn of(reply: &Reply, head: &AnswerHead, target: &Target, now: Timestamp) -> Self {
        let (status, with_token) = (reply.status, head.token_use.is_some());
        let limit = rate_limit::classify(status, head.headers(), &reply.body, with_token, now);
        if !with_token && target.gets_token() && !is_document(reply) {
            return Self::WithoutTokenInVain(limit);
        }
        if let Some(limit) = limit {
            return Self::Limited(limit);
        }
        let is_server_error = reply.reason() == Reason::ServerError;
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Denied,
            _ if is_server_error && reply.retry_at.is_some() => Self::Unavailable,
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Fault,
            StatusCode::NOT_MODIFIED if !head.condition.is_met_by(head.headers()) => {
                Self::OtherBody
            }
            // The original URL may lead to another document by now.
            StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS
                if reply.route == Redirection::Remembered =>
            {
                Self::Misplaced
            }
            _ => Self::Final,
        }
    }

    /// Returns true if the answer shows that GitHub accepts the token.
    fn accepts_token(&self) -> bool {
        !matches!(self, Self::WithoutTokenInVain(_) | Self::Limited(_) | Self::Unauthorized)
    }
}

impl Exchange<'_> {
    /// Reads the answer and decides whether it ends the exchange.
    pub(super) async fn judge(&mut self, answered: Answered) -> Result<Step, Failure> {
        let Answered { target, mut head, route } = answered;
        let reply = self.read(&target, &mut head, route).await?;
        let now = self.upstream.clock.now();
        let meaning = Meaning::of(&reply, &head, &target, now);
        if meaning.accepts_token() && reply.reason() != Reason::ServerError {
            self.record_success(&target, head.token_use, &reply, now);
        }
        Ok(match meaning {
            Meaning::WithoutTokenInVain(limit) => self.refused_without_token(limit, now),
            Meaning::Limited(limit) => self.limited(&target, head.token_use, limit, reply, now),
            Meaning::Unauthorized => self.unauthorized(&target, head.token_use, reply).await,
            Meaning::Denied => {
                let wants_sign_on = rate_limit::wants_sign_on(head.headers(), &reply.body);
                self.denied(head.token_use, wants_sign_on, reply)
            }
            Meaning::Unavailable => self.unavailable(&target, reply, now),
            Meaning::Fault if !self.retried => {
                self.retry().await;
                Step::Again(reply)
            }
            Meaning::OtherBody => {
                self.upstream.metrics.misled(reply.asked_by);
                self.misled_by = Some(reply.asked_by);
                Step::Afresh
            }
            Meaning::Misplaced => {
                self.moved_to = None;
                Step::Afresh
            }
            Meaning::Final => match head.token_use.filter(|it| self.may_be_hidden(&reply, *it)) {
                Some(token_use) => self.hidden(token_use, reply, now),
                None => self.finish(&target, reply, now),
            },
            Meaning::Fault => self.finish(&target, reply, now),
        })
    }

    /// Returns true if a document that this token does not find may exist all the same: GitHub
    /// hides private repositories from accounts without access.
    fn may_be_hidden(&self, reply: &Reply, token_use: TokenUse) -> bool {
        let is_absent = matches!(reply.status, StatusCode::NOT_FOUND | StatusCode::GONE);
        is_absent
            && match self.ask.at_stake {
                AtStake::Nothing => false,
                AtStake::Unknown => self.last.as_ref().is_some_and(is_refusal),
                AtStake::CopyOf(owner) => token_use.fingerprint() != owner,
            }
    }

    /// Records that GitHub has accepted the token.
    fn record_success(
        &self,
        target: &Target,
        token_use: Option<TokenUse>,
        reply: &Reply,
        now: Timestamp,
    ) {
        let Some(token_use) = token_use else { return };
        self.upstream.tokens.succeeded(token_use, now);
        if is_document(reply) {
            self.upstream.token_checks.record(token_use, target);
        }
        if let Some(slot) = &self.slot {
            self.upstream.slots.succeeded(slot);
        }
    }

    /// Handles a server that states when to try again: its endpoint cools down until then.
    fn unavailable(&self, target: &Target, reply: Reply, now: Timestamp) -> Step {
        let asked = reply.retry_at.map(|retry_at| retry_at.since(now));
        let concerned = (Scope::Endpoint, CooldownCause::Unavailable);
        let until = self.upstream.cooldowns.begin(target, concerned, asked, now);
        Step::Answer(Reply { retry_at: Some(until), ..reply })
    }

    fn finish(&self, target: &Target, reply: Reply, now: Timestamp) -> Step {
        // A failing server has not shown that it accepts further requests.
        if reply.reason() != Reason::ServerError {
            self.upstream.cooldowns.succeeded(target, now);
        }
        self.watch_rule(target, &reply, now);
        Step::Answer(reply)
    }
}

fn is_document(reply: &Reply) -> bool {
    matches!(reply.status, StatusCode::OK | StatusCode::NOT_MODIFIED)
}
