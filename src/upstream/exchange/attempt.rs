//! One attempt of an exchange: a request and its redirects, each hop with the token and the
//! condition that are valid for its host.

use http::{HeaderValue, StatusCode};

use crate::target::Target;

use super::{Exchange, is_own_host};
use crate::entry::{Reason, Validator};
use crate::upstream::condition::Condition;
use crate::upstream::etag::Variant;
use crate::upstream::hop::{self, AnswerHead, Hop};
use crate::upstream::reply::Failure;
use crate::upstream::stored::{DateCheck, Redirection, Stored};
use crate::upstream::tokens::{TokenRequest, TokenUse};

const MOST_REDIRECTS: usize = 3;

/// The token and the validator of a request.
#[derive(Clone, Copy)]
struct Credentials {
    token_use: Option<TokenUse>,
    validator: Validator,
}

/// The answer at the end of a chain of redirects.
pub(super) struct Answered {
    pub(super) target: Target,
    pub(super) head: AnswerHead,
    pub(super) route: Redirection,
}

impl<'a> Exchange<'a> {
    /// Sends the request and follows its redirects; each target is validated in full.
    pub(super) async fn follow(&mut self) -> Result<Answered, Failure> {
        let mut target = self.moved_to.as_ref().unwrap_or(self.ask.target).clone();
        let mut chosen = self.choose_credentials(&target, None)?;
        let (mut hops, mut lasts, mut redirect) = (0, true, None);
        self.led_by = None;
        loop {
            let head = self.send(&target, chosen, redirect).await?;
            let Some(location) = head.location() else {
                let route = self.route(&target, hops, lasts);
                return Ok(Answered { target, head, route });
            };
            if self.moved_to.take().is_some() {
                // The remembered place redirects further; the original URL leads to the current
                // place.
                target = self.ask.target.clone();
            } else {
                let refused = || Failure::after(head.status(), Reason::Redirect);
                hops += 1;
                lasts &= head.is_moved_for_good();
                if hops > MOST_REDIRECTS {
                    return Err(refused());
                }
                let location = location.ok_or_else(refused)?;
                target =
                    target.redirect(location, &self.upstream.targets).map_err(|_| refused())?;
            }
            // A call has been made by now, so a cooldown that is met here counts as a limit, not as
            // a missing call.
            let status = head.status();
            redirect = Some(status);
            self.led_by = head.token_use.or(self.led_by);
            chosen = self.go_on(head, &target, chosen).await.map_err(|failure| {
                match failure.reason {
                    Reason::Crowded => failure,
                    _ => Failure { reason: Reason::Limited, status: Some(status), ..failure },
                }
            })?;
        }
    }

    /// Sends one hop. If its connection breaks behind a redirect, only this hop is sent again: the
    /// redirect has cost a call.
    async fn send(
        &mut self,
        target: &Target,
        chosen: Credentials,
        redirect: Option<StatusCode>,
    ) -> Result<AnswerHead, Failure> {
        let condition = self.condition(target, chosen);
        let (priority, contacts) = (self.ask.priority, self.contacts);
        let token_use = chosen.token_use;
        let hop = Hop { target, token_use, condition: &condition, priority, contacts };
        let sent = hop::send(self.upstream, hop).await;
        let is_broken = sent.as_ref().is_err_and(|failure| failure.reason.is_broken());
        if !is_broken || redirect.is_none() || self.retried {
            return sent.map_err(|failure| failure.behind(redirect));
        }
        self.retry().await;
        hop::send(self.upstream, hop).await.map_err(|failure| failure.behind(redirect))
    }

    /// Prepares the hop to the target of a redirect. A hop to another host waits for a slot there,
    /// so a hanging host holds only its own share of the slots, even if many exchanges are
    /// redirected to it.
    async fn go_on(
        &mut self,
        from: AnswerHead,
        target: &Target,
        chosen: Credentials,
    ) -> Result<Credentials, Failure> {
        // Frees the connection before the wait for a slot.
        drop(from);
        self.take_slot(target).await?;
        self.choose_credentials(target, Some(chosen))
    }

    /// Chooses the credentials of a hop: no token for a host that gets none; otherwise the current
    /// token, unless it was limited or refused since; otherwise one from the pool.
    fn choose_credentials(
        &self,
        target: &Target,
        in_hand: Option<Credentials>,
    ) -> Result<Credentials, Failure> {
        let now = self.upstream.clock.now();
        self.upstream.cooldowns.check(target, now)?;
        if !target.gets_token() || self.goes_without_token(now)? {
            // An ETag from an answer to a token depends on that token, so it would not match here.
            let stored = self.stored(target).filter(|stored| stored.token.is_none());
            let validator = match stored.map(|stored| stored.date_check) {
                Some(DateCheck::Only) => Validator::Date,
                Some(_) => Validator::Etag,
                None => Validator::None,
            };
            return Ok(Credentials { token_use: None, validator });
        }
        let is_usable = |token_use| self.upstream.tokens.is_usable(token_use, now);
        if let Some(chosen) = in_hand.filter(|chosen| chosen.token_use.is_some_and(is_usable)) {
            return Ok(chosen);
        }
        let owner = self.ask.at_stake.owner();
        let is_hidden = self.hidden_by.is_some();
        let only_owner = owner.filter(|it| is_hidden && self.upstream.tokens.may_ask(*it));
        let request = TokenRequest {
            stored: self.stored(target),
            priority: self.ask.priority,
            tried: &self.tried,
            owner,
            only_owner: only_owner.is_some(),
            by_date: self.upstream.config.by_date,
            doubted_at: self.upstream.drift.noticed_at(),
        };
        match self.upstream.tokens.choose(&request, now) {
            Ok((token_use, validator)) => Ok(Credentials { token_use: Some(token_use), validator }),
            Err(usable_at) => Err(match only_owner {
                Some(owner) => self.upstream.no_owner(owner, usable_at),
                None => self.upstream.no_token(usable_at, now),
            }),
        }
    }

    /// Returns the condition of a hop; a validator is valid only at the host that sent it.
    fn condition(&self, target: &Target, chosen: Credentials) -> Condition {
        let Some(stored) = self.stored(target) else { return Condition::NONE };
        let authorization =
            chosen.token_use.map(|token_use| self.upstream.tokens.authorization(token_use));
        Condition::new(
            chosen.validator,
            &stored,
            authorization.as_ref().map(|it| variant(target, it)),
        )
    }

    /// Returns the stored document, if its validators are valid for this target. A token of another
    /// account fetches the whole document, so that the next check begins with that token: each
    /// refusal of the first one is charged.
    pub(super) fn stored(&self, target: &Target) -> Option<Stored<'a>> {
        let is_valid = is_own_host(target, self.ask) && !self.tried_other_account;
        let stored = self.ask.stored.filter(|_| is_valid)?;
        match self.misled_by {
            None => Some(stored),
            Some(Validator::Date) => Some(Stored { date_check: DateCheck::Never, ..stored }),
            Some(_) => None,
        }
    }

    fn route(&self, target: &Target, hops: usize, lasts: bool) -> Redirection {
        match (hops, &self.moved_to) {
            (0, Some(_)) => Redirection::Remembered,
            (0, None) => Redirection::Direct,
            _ if lasts && is_own_host(target, self.ask) => {
                Redirection::Moved(target.as_str().into())
            }
            _ => Redirection::Direct,
        }
    }
}

/// Returns the variant of the ETag for a token.
pub(super) fn variant<'a>(target: &Target, authorization: &'a HeaderValue) -> Variant<'a> {
    Variant { accept: hop::accept(target), authorization }
}
