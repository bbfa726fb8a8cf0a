//! One exchange: requests until there is an answer to keep, or nothing left to try.
//!
//! A request is repeated for four causes, each bounded: a redirect (3 hops), a passing fault (once), a limit or a
//! refusal of the token (each token once), a policy that another account may not fall under (once). The deadline
//! of [`Upstream::get`] covers all of it.

use std::time::Duration;

use http::StatusCode;

use crate::clock::Timestamp;
use crate::json;
use crate::target::Target;

use super::hop::{self, Head};
use super::rate_limit::{self, Limit};
use super::tokens::Lease;
use super::{Ask, Failure, Reason, Reply, Upstream, Validators, body};

const MOST_REDIRECTS: usize = 3;
/// The pause before a retry, in milliseconds; the jitter keeps replicas from retrying in step.
const RETRY_PAUSE_MILLIS: std::ops::Range<u64> = 50..200;
/// What a limit of another resource costs where the answer names no end.
const FALLBACK_REST: Duration = Duration::from_secs(60);

pub(super) struct Exchange<'a> {
    upstream: &'a Upstream,
    ask: Ask<'a>,
    tried: Vec<Lease>,
    retried: bool,
    denied: bool,
}

/// What to do after an attempt.
enum Next {
    /// This is the answer.
    Answer(Reply),
    /// Ask again, and take this one if that is not possible.
    Again(Reply),
}

impl<'a> Exchange<'a> {
    pub(super) fn new(upstream: &'a Upstream, ask: Ask<'a>) -> Self {
        Self { upstream, ask, tried: Vec::new(), retried: false, denied: false }
    }

    pub(super) async fn run(mut self) -> Result<Reply, Failure> {
        let mut last = None;
        loop {
            let (target, head) = match self.follow().await {
                Ok(answered) => answered,
                Err(failure) if failure.reason == Reason::Unreachable && !self.retried => {
                    self.retry().await;
                    continue;
                }
                Err(failure) if failure.reason.is_without_call() => {
                    return last.ok_or(failure);
                }
                Err(failure) => return Err(failure),
            };
            match self.judge(&target, head).await? {
                Next::Answer(reply) => return Ok(reply),
                // A policy is the document's own answer: what a second token meets instead is that token's trouble.
                Next::Again(reply) => last = last.filter(is_policy).or(Some(reply)),
            }
        }
    }

    /// Sends the request and follows its redirects, each target through the whole validation again.
    async fn follow(&self) -> Result<(Target, Head), Failure> {
        let mut target = self.ask.target.clone();
        let mut lease = self.lease(&target, None)?;
        let mut hops = 0;
        loop {
            let validators = self.validators(&target, lease);
            let head = hop::send(self.upstream, &target, lease, validators).await?;
            let Some(location) = head.location() else { return Ok((target, head)) };
            let refused = || Failure::after(head.status(), Reason::Redirect);
            hops += 1;
            if hops > MOST_REDIRECTS {
                return Err(refused());
            }
            let location = location.ok_or_else(refused)?;
            target = target.redirect(location, &self.upstream.targets).map_err(|_| refused())?;
            // A call was made by now, so a rest that is met here is a limit and no reason for silence.
            lease = self.lease(&target, lease).map_err(|rests| Failure {
                reason: Reason::Limited,
                status: Some(head.status()),
                ..rests
            })?;
        }
    }

    /// The token for a hop: none for a host that gets none, else the one in hand, else the pool's.
    fn lease(&self, target: &Target, in_hand: Option<Lease>) -> Result<Option<Lease>, Failure> {
        let now = self.upstream.clock.now();
        if let Some(until) = self.upstream.hosts.resting_until(target.authority(), now) {
            return Err(Failure::resting(Reason::HostRests, until));
        }
        if !target.gets_token() {
            return Ok(None);
        }
        if in_hand.is_some() {
            return Ok(in_hand);
        }
        let Ask { token, priority, validators, .. } = self.ask;
        // Without a validator its own token is worth no more to an entry than another.
        let own = token.filter(|_| !validators.is_empty());
        let leased = self.upstream.tokens.lease(own, priority, &self.tried, now);
        leased.map(Some).map_err(|usable_at| Failure::resting(Reason::NoToken, usable_at))
    }

    /// The validators, where they can be worth something: with the token that fetched the body, at the host that
    /// gave them.
    fn validators(&self, target: &Target, lease: Option<Lease>) -> Option<&'a Validators> {
        let own_token = lease.map(|lease| lease.fingerprint()) == self.ask.token;
        (own_token && is_own_host(target, self.ask)).then_some(self.ask.validators)
    }

    /// Reads the answer and decides whether it is the last one.
    async fn judge(&mut self, target: &Target, mut head: Head) -> Result<Next, Failure> {
        let reply =
            read(self.upstream.config.max_response_bytes, target, self.ask, &mut head).await?;
        let now = self.upstream.clock.now();
        let limit = rate_limit::classify(
            reply.status,
            head.headers(),
            &reply.body,
            head.lease.is_some(),
            now,
        );
        if let Some(limit) = limit {
            return Ok(self.limited(target, head.lease, limit, reply, now));
        }
        if reply.status == StatusCode::UNAUTHORIZED {
            return Ok(self.rejected(head.lease, reply, now));
        }
        if let Some(lease) = head.lease.filter(|_| !reply.status.is_server_error()) {
            self.upstream.tokens.succeeded(lease, now);
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
            _ => {
                self.upstream.hosts.succeeded(target.authority(), now);
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
            self.tried.push(lease);
            let limited_until = Some(upstream.tokens.usable_at(now));
            return Next::Again(Reply { limited_until, ..reply });
        }
        let limited_until = match limit {
            Limit::OtherResource { reset_at } => reset_at.unwrap_or(now + FALLBACK_REST),
            Limit::Primary { .. } | Limit::Secondary { .. } => upstream.tokens.usable_at(now),
            Limit::Host { retry_after } => {
                upstream.hosts.rest(target.authority(), retry_after, now)
            }
        };
        Next::Answer(Reply { limited_until: Some(limited_until), ..reply })
    }

    fn rejected(&mut self, lease: Option<Lease>, reply: Reply, now: Timestamp) -> Next {
        let Some(lease) = lease else { return Next::Answer(reply) };
        tracing::warn!(
            token = lease.index(),
            "GitHub refused a token; it is put aside for a while"
        );
        self.upstream.tokens.quarantine(lease, now);
        self.tried.push(lease);
        Next::Again(reply)
    }

    /// A policy is the document's own answer, unless a token of another account does not fall under it.
    fn denied(&mut self, lease: Option<Lease>, reply: Reply) -> Next {
        match lease {
            Some(lease) if !self.denied => {
                self.denied = true;
                self.tried.push(lease);
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

/// Whether no redirect has led to another host than the one that was asked for.
fn is_own_host(target: &Target, ask: Ask<'_>) -> bool {
    target.authority() == ask.target.authority()
}

/// Whether this is a `403` that is no limit.
fn is_policy(reply: &Reply) -> bool {
    reply.reason() == Reason::Denied && reply.status == StatusCode::FORBIDDEN
}

/// Reads the body as its status asks for.
async fn read(
    limit: u64,
    target: &Target,
    ask: Ask<'_>,
    head: &mut Head,
) -> Result<Reply, Failure> {
    let status = head.status();
    let failed = |reason| Failure::after(status, reason);
    let body = match status {
        StatusCode::NOT_MODIFIED if !head.conditional => {
            return Err(failed(Reason::UnaskedNotModified));
        }
        StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT => bytes::Bytes::new(),
        _ if status.is_success() => {
            let body = body::read(&mut head.response, limit).await.map_err(failed)?;
            match json::is_valid(&body) {
                true => body,
                false if status == StatusCode::OK => return Err(failed(Reason::NotJson)),
                // Any other status speaks for itself, and its body would not be what we say it is.
                false => bytes::Bytes::new(),
            }
        }
        _ => body::read_error(&mut head.response).await,
    };
    // Validators of another host would be sent to this one, where they mean nothing.
    let validators =
        if is_own_host(target, ask) { head.validators() } else { Validators::default() };
    let token = head.lease.map(|lease| lease.fingerprint());
    Ok(Reply { status, body, validators, token, limited_until: None })
}
