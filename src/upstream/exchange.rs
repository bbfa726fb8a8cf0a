//! One exchange: requests until there is an answer to keep, or nothing left to try.
//!
//! A request is repeated for six causes, each bounded: a redirect (3 hops), a passing fault (once), a limit or a
//! refusal of the token (each token once), a policy that another account may not fall under (once), a place where the
//! document is no more (once), a `304` about another body (once
//! by date, once by ETag). The deadline of [`Upstream::get`] covers all of it.

mod attempt;
mod reading;

use std::time::Duration;

use http::StatusCode;

use crate::clock::Timestamp;
use crate::target::Target;

use super::places::Place;
use super::rate_limit::{self, LONGEST_WINDOW, Limit};
use super::tokens::{Lease, Tried};
use super::{Ask, Failure, Reason, Reply, Route, Upstream, Validator};

use attempt::Answered;

/// The pause before a retry, in milliseconds; the jitter keeps replicas from retrying in step.
const RETRY_PAUSE_MILLIS: std::ops::Range<u64> = 50..200;
/// What a limit of another resource costs where the answer names no end.
const FALLBACK_REST: Duration = Duration::from_secs(60);

pub(super) struct Exchange<'a> {
    upstream: &'a Upstream,
    ask: Ask<'a>,
    place: Option<Place<'a>>,
    /// Where the document went, as long as nothing speaks against it.
    moved_to: Option<Target>,
    /// The validator that led to a `304` about another body.
    misled_by: Option<Validator>,
    tried: Tried,
    retried: bool,
    denied: bool,
}

/// What to do after an attempt.
enum Next {
    /// This is the answer.
    Answer(Reply),
    /// Ask again, and take this one if that is not possible.
    Again(Reply),
    /// Ask again: this was no answer.
    Afresh,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(upstream: &'a Upstream, ask: Ask<'a>) -> Self {
        let moved_to = ask.stored.and_then(|stored| stored.moved_to);
        let moved_to = moved_to
            .and_then(|url| Target::parse(url, &upstream.targets).ok())
            .filter(|moved_to| is_own_host(moved_to, ask));
        let (place, tried) = (None, Tried::default());
        Self {
            upstream,
            ask,
            place,
            moved_to,
            misled_by: None,
            tried,
            retried: false,
            denied: false,
        }
    }

    pub(super) async fn run(mut self) -> Result<Reply, Failure> {
        let mut last = None;
        loop {
            let answered = match self.attempt().await {
                Ok(answered) => answered,
                Err(failure) if failure.reason == Reason::Unreachable && !self.retried => {
                    self.retry().await;
                    continue;
                }
                Err(failure) if failure.reason.is_without_call() => {
                    return last.map(|reply| ended(reply, &failure)).ok_or(failure);
                }
                Err(failure) => return Err(failure),
            };
            match self.judge(answered).await? {
                Next::Answer(reply) => return Ok(reply),
                Next::Again(reply) => {
                    last = last.filter(|last| stands(last, &reply)).or(Some(reply));
                }
                Next::Afresh => {}
            }
        }
    }

    /// One request, in a place that is good for it.
    async fn attempt(&mut self) -> Result<Answered, Failure> {
        self.place = Some(self.upstream.place(self.ask, self.place.take()).await?);
        self.follow().await
    }

    /// Reads the answer and decides whether it is the last one.
    async fn judge(&mut self, answered: Answered) -> Result<Next, Failure> {
        let Answered { target, mut head, route } = answered;
        let reply = self.read(&target, &mut head, route).await?;
        let now = self.upstream.clock.now();
        let limit = rate_limit::classify(
            reply.status,
            head.headers(),
            &reply.body,
            head.lease.is_some(),
            now,
        );
        if let Some(limit) = limit {
            return Ok(self.limited(&target, head.lease, limit, reply, now));
        }
        if reply.status == StatusCode::UNAUTHORIZED {
            return Ok(self.rejected(head.lease, reply, now));
        }
        if let Some(lease) = head.lease.filter(|_| reply.reason() != Reason::ServerError) {
            self.upstream.tokens.succeeded(lease, now);
            if let Some(place) = &self.place {
                self.upstream.places.succeeded(place);
            }
        }
        match reply.status {
            StatusCode::FORBIDDEN => Ok(self.denied(head.lease, reply)),
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
                if !self.retried =>
            {
                self.retry().await;
                Ok(Next::Again(reply))
            }
            StatusCode::NOT_MODIFIED if !head.condition.is_met_by(head.headers()) => {
                self.upstream.metrics.misled(reply.asked_by);
                self.misled_by = Some(reply.asked_by);
                Ok(Next::Afresh)
            }
            // The name may belong to another document by now.
            StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS
                if reply.route == Route::Remembered =>
            {
                self.moved_to = None;
                Ok(Next::Afresh)
            }
            _ => {
                // A server in trouble has not shown that it is welcome to be asked again.
                if reply.reason() != Reason::ServerError {
                    self.upstream.hosts.succeeded(target.authority(), now);
                }
                self.watch_rule(&target, &reply, now);
                Ok(Next::Answer(reply))
            }
        }
    }

    /// A limit rests what it is about; where that is the token, another one may do.
    fn limited(
        &mut self,
        target: &Target,
        lease: Option<Lease>,
        limit: Limit,
        reply: Reply,
        now: Timestamp,
    ) -> Next {
        let upstream = self.upstream;
        upstream.metrics.limited(limit.as_str());
        if let Some(lease) = lease
            && upstream.tokens.rest(lease, limit, now)
        {
            self.tried.add(lease);
            let usable_at = upstream.tokens.usable_at(now);
            // Haste is resented of all who share an address, whichever token they show.
            if matches!(limit, Limit::Secondary { .. }) || usable_at > now {
                upstream.places.slow_down();
            }
            return Next::Again(Reply { limited_until: Some(usable_at), ..reply });
        }
        let limited_until = match limit {
            Limit::OtherResource { reset_at } => {
                reset_at.unwrap_or(now + FALLBACK_REST).min(now + LONGEST_WINDOW)
            }
            Limit::Primary { .. } | Limit::Secondary { .. } => upstream.tokens.usable_at(now),
            Limit::Host { retry_after } => {
                upstream.hosts.rest(target.authority(), retry_after, now)
            }
        };
        Next::Answer(Reply { limited_until: Some(limited_until), ..reply })
    }

    fn rejected(&mut self, lease: Option<Lease>, reply: Reply, now: Timestamp) -> Next {
        let Some(lease) = lease else { return Next::Answer(reply) };
        self.upstream.tokens.quarantine(lease, now);
        self.tried.add(lease);
        // When one works again, it must not meet all at once who waited for it.
        if self.upstream.tokens.usable_at(now) > now {
            self.upstream.places.slow_down();
        }
        Next::Again(reply)
    }

    /// A policy is the document's own answer, unless a token of another account does not fall under it.
    fn denied(&mut self, lease: Option<Lease>, reply: Reply) -> Next {
        match lease {
            Some(lease) if !self.denied => {
                self.denied = true;
                self.tried.add_account(lease);
                Next::Again(reply)
            }
            _ => Next::Answer(reply),
        }
    }

    async fn retry(&mut self) {
        self.retried = true;
        let pause = Duration::from_millis(fastrand::u64(RETRY_PAUSE_MILLIS));
        tokio::time::sleep(pause).await;
    }
}

/// The reply in hand when nothing more can be sent. Of a limit it says when it is worth asking again, and that was
/// written while another token seemed usable.
fn ended(reply: Reply, failure: &Failure) -> Reply {
    let limited_until = reply.limited_until.map(|until| failure.retry_at.unwrap_or(until));
    Reply { limited_until, ..reply }
}

/// Whether an answer stands although another token got another one. A policy is the document's own answer: what the
/// second token meets instead is that token's trouble. So is a refusal, where the first is good again after its rest.
fn stands(last: &Reply, reply: &Reply) -> bool {
    let is_limit = last.limited_until.is_some();
    is_policy(last) || is_limit && reply.status == StatusCode::UNAUTHORIZED
}

/// Whether this is a `403` that is no limit.
fn is_policy(reply: &Reply) -> bool {
    reply.reason() == Reason::Denied && reply.status == StatusCode::FORBIDDEN
}

/// Whether no redirect has led to another host than the one that was asked for.
fn is_own_host(target: &Target, ask: Ask<'_>) -> bool {
    target.authority() == ask.target.authority()
}
