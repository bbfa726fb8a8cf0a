//! Answers that refuse the document: limits, refused tokens and policies, and the next step after
//! each.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::redacted::without_tokens;
use crate::entry::Reason;
use crate::target::Target;
use crate::upstream::context::Ask;
use crate::upstream::rate_limit::{LONGEST_WINDOW, Limit};
use crate::upstream::reply::{Failure, Reply};
use crate::upstream::slots::Priority;
use crate::upstream::tokens::TokenUse;

use super::{Exchange, Step, is_refusal, stands};

/// The cooldown after a limit of another resource, if the answer states no end.
const FALLBACK_COOLDOWN: Duration = Duration::from_secs(60);

/// The state of the request without a token that an exchange may send once to a token host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithoutToken {
    /// No request without a token is needed.
    No,
    /// An organization requires single sign-on: if no other token is left, one request is sent
    /// without a token.
    Allowed,
    /// The next request is sent without a token.
    Now,
    /// The request was sent.
    Tried,
}

impl WithoutToken {
    /// Returns the first state. A copy that was got without a token is checked without one, since
    /// its organization refuses all tokens.
    pub(super) fn at_first(ask: Ask<'_>) -> Self {
        let is_such = ask.stored.is_some_and(|stored| stored.is_without_token);
        if is_such && ask.target.gets_token() { Self::Now } else { Self::No }
    }
}

impl Exchange<'_> {
    /// Begins the cooldown for a limit. If the limit concerns the token, another token may be
    /// tried.
    pub(super) fn limited(
        &mut self,
        target: &Target,
        token_use: Option<TokenUse>,
        limit: Limit,
        reply: Reply,
        now: Timestamp,
    ) -> Step {
        let upstream = self.upstream;
        upstream.metrics.limited(limit.as_str());
        if limit.is_for_rate() {
            upstream.rate_limits_met.fetch_add(1, Ordering::Relaxed);
        }
        let was_usable = upstream.cooldowns.until(target, now).is_none()
            && token_use.is_none_or(|token_use| upstream.tokens.is_usable(token_use, now));
        if let Some(token_use) = token_use
            && upstream.tokens.cool_down(token_use, limit, now)
        {
            self.tried.add(token_use);
            let usable_at = upstream.tokens.usable_at(now);
            if was_usable {
                let until = upstream.tokens.cools_down_until(token_use, now);
                log_limit(target, Some(token_use), limit, until);
            }
            // Secondary limits apply to the client address, not only to the token.
            if matches!(limit, Limit::Secondary { .. }) || usable_at > now {
                upstream.slots.slow_down();
            }
            return Step::Again(Reply { limited_until: Some(usable_at), ..reply });
        }
        if let (Some(token_use), Limit::OtherResource { reset_at }) = (token_use, limit) {
            return self.spent_resource(target, token_use, reset_at, reply);
        }
        let cooled_until = upstream.cooldowns.begin_for(limit, target, now);
        if let Some(until) = cooled_until.filter(|_| was_usable) {
            log_limit(target, None, limit, until);
        }
        let limited_until = cooled_until.unwrap_or_else(|| upstream.tokens.usable_at(now));
        Step::Answer(Reply { limited_until: Some(limited_until), ..reply })
    }

    /// Handles the spent quota of a resource that GitHub counts apart. Each account has its own, so
    /// another token may be tried. Once all accounts have spent it, the endpoint cools down until
    /// the first reset.
    fn spent_resource(
        &mut self,
        target: &Target,
        token_use: TokenUse,
        reset_at: Option<Timestamp>,
        reply: Reply,
    ) -> Step {
        let (upstream, now) = (self.upstream, self.upstream.clock.now());
        let until = reset_at.filter(|at| *at > now).unwrap_or(now + FALLBACK_COOLDOWN);
        let until = until.min(now + LONGEST_WINDOW);
        self.tried.add(token_use);
        self.spent.push((token_use, until));
        let first = self.spent.iter().map(|(_, until)| *until).min().unwrap_or(until);
        let reply = Reply { limited_until: Some(first), ..reply };
        let spent = self.spent.iter().map(|(token_use, _)| *token_use);
        if !upstream.tokens.are_all_accounts_of(spent, now) {
            return Step::Again(reply);
        }
        if upstream.cooldowns.spend_resource(target, first, now) {
            log_limit(target, None, Limit::OtherResource { reset_at }, first);
        }
        Step::Answer(reply)
    }

    /// Handles a `401`: it concerns the document, unless the token is refused elsewhere too.
    pub(super) async fn unauthorized(
        &mut self,
        target: &Target,
        token_use: Option<TokenUse>,
        reply: Reply,
    ) -> Step {
        let Some(token_use) = token_use else { return Step::Answer(reply) };
        if !self.upstream.refuses(token_use, target).await {
            return self.other_account(token_use, reply);
        }
        let now = self.upstream.clock.now();
        self.upstream.tokens.quarantine(token_use, now);
        self.tried.add(token_use);
        self.upstream.slow_if_none(now);
        Step::Again(Reply { is_about_token: true, ..reply })
    }

    /// Handles a policy: it concerns the document, unless a token of another account, or no token
    /// at all, gets the document.
    pub(super) fn denied(
        &mut self,
        token_use: Option<TokenUse>,
        wants_sign_on: bool,
        reply: Reply,
    ) -> Step {
        let Some(token_use) = token_use else { return Step::Answer(reply) };
        if wants_sign_on && self.without_token == WithoutToken::No {
            self.without_token = WithoutToken::Allowed;
        }
        self.other_account(token_use, reply)
    }

    /// Tries a token of another account once; the next attempt finds out whether there is one.
    fn other_account(&mut self, token_use: TokenUse, reply: Reply) -> Step {
        if !self.tried_other_account {
            self.tried_other_account = true;
            self.tried.add_account(token_use);
            return Step::Again(reply);
        }
        if self.switch_to_no_token() {
            return Step::Again(reply);
        }
        let first = self.last.take().filter(|last| stands(last, &reply));
        Step::Answer(first.unwrap_or(reply))
    }

    /// Handles an absence that may concern only this token. The token of the copy decides; if that
    /// one has left the configuration or must not be used, all others together do. While they are
    /// not usable, the refusal of a token stands, or the exchange fails.
    pub(super) fn hidden(&mut self, token_use: TokenUse, reply: Reply, now: Timestamp) -> Step {
        let tokens = &self.upstream.tokens;
        let refusal = self.last.take_if(|last| is_refusal(last));
        let Some(owner) = self.ask.at_stake.owner() else {
            let refusal = refusal.unwrap_or(reply);
            let usable_at = refusal.token.map(|token| tokens.own_usable_at(token, now));
            let limited_until = refusal.limited_until.map(|until| usable_at.max(Some(until)));
            return Step::Answer(Reply { limited_until: limited_until.flatten(), ..refusal });
        };
        if !tokens.may_ask(owner) {
            self.tried.add(token_use);
            if tokens.are_all_tried(&self.tried) {
                return Step::Answer(refusal.unwrap_or(reply));
            }
        }
        self.hidden_by = Some(reply.status);
        refusal.map_or(Step::Afresh, Step::Again)
    }

    /// Switches to a request without a token, if one is allowed and possible now. Returns true if
    /// it did.
    pub(super) fn switch_to_no_token(&mut self) -> bool {
        let now = self.upstream.clock.now();
        let may = self.without_token == WithoutToken::Allowed
            && self.upstream.tokens.without_token_at(self.ask.priority, now) <= now;
        if may {
            self.without_token = WithoutToken::Now;
        }
        may
    }

    /// Returns true if the next request to this token host is sent without a token. An exchange of
    /// the background fails until such a request is possible: with a token, it would be refused
    /// again, and charged.
    pub(super) fn goes_without_token(&self, now: Timestamp) -> Result<bool, Failure> {
        if self.without_token != WithoutToken::Now {
            return Ok(false);
        }
        let free_at = self.upstream.tokens.without_token_at(self.ask.priority, now);
        match self.ask.priority {
            Priority::Background if free_at > now => {
                Err(Failure::without_call(Reason::NoToken, free_at).by_rate_limit(true))
            }
            _ => Ok(free_at <= now),
        }
    }

    /// Handles a request without a token that did not get the document: the earlier answer to a
    /// token stands; without one, the tokens are tried now.
    pub(super) fn refused_without_token(&mut self, limit: Option<Limit>, now: Timestamp) -> Step {
        self.without_token = WithoutToken::Tried;
        if let Some(limit) = limit {
            self.upstream.metrics.limited(limit.as_str());
            self.upstream.tokens.cool_down_without_token(limit, now);
        }
        self.last.take().map_or(Step::Afresh, Step::Answer)
    }
}

/// Logs a limit once per cooldown: answers to concurrent requests meet it again.
fn log_limit(target: &Target, token_use: Option<TokenUse>, limit: Limit, until: Timestamp) {
    let (host, limit) = (target.authority(), limit.as_str());
    let path = &*without_tokens(target.path());
    let token = token_use.map(|token_use| token_use.index());
    tracing::warn!(host, path, limit, token, %until, "a rate limit is met");
}
