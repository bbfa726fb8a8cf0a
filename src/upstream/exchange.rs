//! One exchange: requests until there is an answer to keep, or nothing left to try.
//!
//! A request is repeated for these causes, each bounded:
//!
//! * a redirect (3 hops);
//! * a transient fault or a broken connection (once);
//! * a limit or a refusal of the token (each token once);
//! * a refusal that may not apply to another account (once), or to a request without a token
//!   (once);
//! * a remembered place that redirects, or has no document any more (once);
//! * a `304` about another body (once by date, once by ETag);
//! * an absence that may concern only the token (once with the token of the copy, or with each
//!   other one if that has left the configuration).
//!
//! The deadline of [`Upstream::get`] covers all of them. [`super::connections`] repeats a request
//! on a dead idle connection.

mod attempt;
mod judge;
mod reading;
mod refused;

use std::time::Duration;

use http::StatusCode;

use crate::clock::Timestamp;
use crate::target::Target;

use super::contacts::Contacts;
use super::context::{Ask, Upstream};
use super::reply::{Failure, Reply};
use super::slots::Slot;
use super::tokens::{TokenUse, Tried};
use crate::entry::{Reason, Validator};

use refused::WithoutToken;

/// The pause before a retry, in milliseconds; the jitter keeps replicas from retrying at the same
/// time.
const RETRY_PAUSE_MILLIS: std::ops::Range<u64> = 50..200;

pub(super) struct Exchange<'a> {
    upstream: &'a Upstream,
    ask: Ask<'a>,
    contacts: &'a Contacts,
    slot: Option<Slot<'a>>,
    /// The new place of the document, until an answer contradicts it.
    moved_to: Option<Target>,
    /// The validator that got a `304` about another body.
    misled_by: Option<Validator>,
    tried: Tried,
    retried: bool,
    /// The tokens without quota for a resource that GitHub counts apart, with their resets.
    spent: Vec<(TokenUse, Timestamp)>,
    /// True if a token of another account was tried after the document was denied to the first.
    tried_other_account: bool,
    without_token: WithoutToken,
    /// The token that got the last redirect of this attempt.
    led_by: Option<TokenUse>,
    /// The status of an absence that another token than that of the copy got. From then on, only
    /// the token of the copy is used, if there still is one.
    hidden_by: Option<StatusCode>,
    /// The answer so far, unless a further attempt gets a better one.
    last: Option<Reply>,
}

/// The step after an attempt.
enum Step {
    /// Return this answer.
    Answer(Reply),
    /// Try again, and return this answer if that is not possible.
    Again(Reply),
    /// Try again; there was no usable answer.
    Afresh,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(upstream: &'a Upstream, ask: Ask<'a>, contacts: &'a Contacts) -> Self {
        let moved_to = ask.stored.and_then(|stored| stored.moved_to);
        let moved_to = moved_to
            .and_then(|url| Target::parse(url, &upstream.targets).ok())
            .map(|moved_to| moved_to.in_representation(ask.target.representation()))
            .filter(|moved_to| is_own_host(moved_to, ask));
        let (slot, tried) = (None, Tried::default());
        Self {
            upstream,
            ask,
            contacts,
            slot,
            moved_to,
            misled_by: None,
            tried,
            spent: Vec::new(),
            retried: false,
            tried_other_account: false,
            without_token: WithoutToken::at_first(ask),
            led_by: None,
            hidden_by: None,
            last: None,
        }
    }

    pub(super) async fn run(mut self) -> Result<Reply, Failure> {
        loop {
            match self.attempt().await {
                Ok(Step::Answer(reply)) => return Ok(reply),
                Ok(Step::Again(reply)) => {
                    self.last = self.last.filter(|last| stands(last, &reply)).or(Some(reply));
                }
                Ok(Step::Afresh) => {}
                Err(failure) if failure.reason.is_broken() && !self.retried => self.retry().await,
                Err(failure) if failure.reason.is_without_call() => {
                    if self.switch_to_no_token() {
                        continue;
                    }
                    // The resets of another resource do not depend on when tokens are usable.
                    let keeps_time = !self.spent.is_empty();
                    let ended = |last| if keeps_time { last } else { ended(last, &failure) };
                    return self.last.map(ended).ok_or(unseen(self.hidden_by, failure));
                }
                Err(failure) if self.without_token == WithoutToken::Now => {
                    return self.last.ok_or(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Sends one request in a slot for its target, and judges its answer.
    async fn attempt(&mut self) -> Result<Step, Failure> {
        let target = self.ask.target;
        self.take_slot(target).await?;
        let answered = self.follow().await?;
        self.judge(answered).await
    }

    /// Takes the slot for the next request to this target.
    async fn take_slot(&mut self, target: &Target) -> Result<(), Failure> {
        let (priority, held) = (self.ask.priority, self.slot.take());
        let now = self.upstream.clock.now();
        let needs_token = target.gets_token() && !self.goes_without_token(now)?;
        self.slot = Some(self.upstream.slot(target, needs_token, priority, held).await?);
        Ok(())
    }

    async fn retry(&mut self) {
        self.retried = true;
        let pause = Duration::from_millis(fastrand::u64(RETRY_PAUSE_MILLIS));
        tokio::time::sleep(pause).await;
    }
}

/// Returns the last answer when no more requests can be sent. For a limit, the failure states the
/// better time to try again: when the answer was kept, another token seemed usable. The refusal of
/// a token counts as a limit if a limit alone keeps another token from use.
fn ended(reply: Reply, failure: &Failure) -> Reply {
    let is_limit = reply.limited_until.is_some() || reply.is_about_token && failure.is_rate_limited;
    let limited_until = failure.retry_at.filter(|_| is_limit).or(reply.limited_until);
    Reply { limited_until, ..reply }
}

/// Returns the failure of an exchange whose next request is not possible. After an absence that
/// only another token can confirm, a call has been made, and the cooldown of that token counts as a
/// limit.
fn unseen(hidden_by: Option<StatusCode>, failure: Failure) -> Failure {
    match hidden_by {
        Some(status) if failure.reason != Reason::Crowded => {
            Failure { reason: Reason::Limited, status: Some(status), ..failure }
        }
        _ => failure,
    }
}

/// Returns true if the earlier answer stands although a second token got another one. Either the
/// document itself refused the first token, so the second answer concerns only the second token; or
/// the first token met a limit and will be usable again, and the second one was refused.
fn stands(last: &Reply, reply: &Reply) -> bool {
    let is_limit = last.limited_until.is_some();
    is_own_refusal(last) || is_limit && reply.is_about_token
}

/// Returns true if a token did not get the document for a reason that does not show whether it
/// exists: a limit, a refusal of the token, or a policy.
fn is_refusal(reply: &Reply) -> bool {
    reply.limited_until.is_some() || reply.reason() == Reason::Denied
}

/// Returns true if the document itself refuses the token: by a policy, or because it requires
/// another kind of credential.
fn is_own_refusal(reply: &Reply) -> bool {
    reply.reason() == Reason::Denied && !reply.is_about_token
}

/// Returns true if the target is on the host of the requested document.
fn is_own_host(target: &Target, ask: Ask<'_>) -> bool {
    target.authority() == ask.target.authority()
}
