//! One exchange: requests until there is an answer to keep, or nothing left to try.
//!
//! A request is repeated for seven causes, each bounded: a redirect (3 hops), a passing fault or a
//! break (once), a limit or a refusal of the token (each token once), a refusal that another
//! account may not meet (once), one that a request without a token may not meet (once), a slot
//! where the document is no more (once), a `304` about another body (once by date, once by ETag).
//! The deadline of [`Upstream::get`] covers all of it. A request that meets a dead idle connection
//! is sent again below this module.

mod attempt;
mod judge;
mod reading;
mod refused;

use std::time::Duration;

use crate::target::Target;

use super::contacts::Contacts;
use super::context::{Ask, Upstream};
use super::reply::{Failure, Reply};
use super::slots::Slot;
use super::tokens::Tried;
use crate::entry::{Reason, Validator};

use refused::WithoutToken;

/// The pause before a retry, in milliseconds; the jitter keeps replicas from retrying in step.
const RETRY_PAUSE_MILLIS: std::ops::Range<u64> = 50..200;

pub(super) struct Exchange<'a> {
    upstream: &'a Upstream,
    ask: Ask<'a>,
    contacts: &'a Contacts,
    slot: Option<Slot<'a>>,
    /// The place to which the document moved, as long as nothing speaks against it.
    moved_to: Option<Target>,
    /// The validator that led to a `304` about another body.
    misled_by: Option<Validator>,
    tried: Tried,
    retried: bool,
    /// True if a token of another account was tried because a first one was denied the document.
    tried_other_account: bool,
    without_token: WithoutToken,
    /// An answer that stands unless a further attempt gets a better one.
    last: Option<Reply>,
}

/// The step after an attempt.
enum Step {
    /// This is the answer.
    Answer(Reply),
    /// Ask again, and take this one if that is not possible.
    Again(Reply),
    /// Ask again: this was no answer.
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
            retried: false,
            tried_other_account: false,
            without_token: WithoutToken::at_first(ask),
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
                    if self.goes_on_without_token() {
                        continue;
                    }
                    return self.last.map(|reply| ended(reply, &failure)).ok_or(failure);
                }
                Err(failure) if self.without_token == WithoutToken::Now => {
                    return self.last.ok_or(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// One request, in a slot that is good for it, and what its answer comes to.
    async fn attempt(&mut self) -> Result<Step, Failure> {
        let target = self.ask.target;
        self.take_slot(target).await?;
        let answered = self.follow().await?;
        self.judge(answered).await
    }

    /// Sees to it that what is sent next, to this target, has its slot.
    async fn take_slot(&mut self, target: &Target) -> Result<(), Failure> {
        let (priority, held) = (self.ask.priority, self.slot.take());
        self.slot = Some(self.upstream.slot(target, priority, held).await?);
        Ok(())
    }

    async fn retry(&mut self) {
        self.retried = true;
        let pause = Duration::from_millis(fastrand::u64(RETRY_PAUSE_MILLIS));
        tokio::time::sleep(pause).await;
    }
}

/// The reply in hand when nothing more can be sent. Of a limit it says when it is worth asking
/// again, and that was written while another token seemed usable.
fn ended(reply: Reply, failure: &Failure) -> Reply {
    let limited_until = reply.limited_until.map(|until| failure.retry_at.unwrap_or(until));
    Reply { limited_until, ..reply }
}

/// Returns true if an answer stands although another token got another one. Where the document
/// refuses a token, the trouble that the second token meets is its own. So is a refusal of that
/// token, where the first is usable again after its cooldown.
fn stands(last: &Reply, reply: &Reply) -> bool {
    let is_limit = last.limited_until.is_some();
    is_own_refusal(last) || is_limit && reply.is_about_token
}

/// Returns true if the document itself refuses who asks: by a policy, or since it wants another
/// kind of credential.
fn is_own_refusal(reply: &Reply) -> bool {
    reply.reason() == Reason::Denied && !reply.is_about_token
}

/// Returns true if no redirect has led to another host than the one that was asked for.
fn is_own_host(target: &Target, ask: Ask<'_>) -> bool {
    target.authority() == ask.target.authority()
}
