//! One exchange: requests until there is an answer to keep, or nothing left to try.
//!
//! A request is repeated for six causes, each bounded: a redirect (3 hops), a passing fault (once), a limit or a
//! refusal of the token (each token once), a policy that another account may not fall under (once), a place where the
//! document is no more (once), a `304` about another body (once). The deadline of [`Upstream::get`] covers all of it.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::clock::Timestamp;
use crate::json;
use crate::target::Target;

use super::condition::Condition;
use super::etag::{self, Variant};
use super::hop::{self, GITHUB_JSON, Head, Hop};
use super::places::Place;
use super::planner::Question;
use super::rate_limit::{self, Limit};
use super::tokens::{Lease, Tried};
use super::{Ask, Failure, Reason, Reply, Route, Stored, Upstream, Validator, Validators, body};

const MOST_REDIRECTS: usize = 3;
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
    /// Whether to ask for the whole document: a `304` was about another one.
    in_full: bool,
    tried: Tried,
    retried: bool,
    denied: bool,
}

/// What a request is sent with.
#[derive(Clone, Copy)]
struct Gear {
    lease: Option<Lease>,
    validator: Validator,
}

/// The end of a chain of redirects.
struct Answered {
    target: Target,
    head: Head,
    route: Route,
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
            in_full: false,
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
                    return last.ok_or(failure);
                }
                Err(failure) => return Err(failure),
            };
            match self.judge(answered).await? {
                Next::Answer(reply) => return Ok(reply),
                // A policy is the document's own answer: what a second token meets instead is that token's trouble.
                Next::Again(reply) => last = last.filter(is_policy).or(Some(reply)),
                Next::Afresh => {}
            }
        }
    }

    /// One request, in a place that is good for it.
    async fn attempt(&mut self) -> Result<Answered, Failure> {
        self.place = Some(self.upstream.place(self.ask, self.place.take()).await?);
        self.follow().await
    }

    /// Sends the request and follows its redirects, each target through the whole validation again.
    async fn follow(&mut self) -> Result<Answered, Failure> {
        let mut target = self.moved_to.as_ref().unwrap_or(self.ask.target).clone();
        let mut gear = self.equip(&target, None)?;
        let (mut hops, mut lasts) = (0, true);
        loop {
            let condition = self.condition(&target, gear);
            let priority = self.ask.priority;
            let hop = Hop { target: &target, lease: gear.lease, condition: &condition, priority };
            let head = hop::send(self.upstream, hop).await?;
            let Some(location) = head.location() else {
                let route = self.route(&target, hops, lasts);
                return Ok(Answered { target, head, route });
            };
            if self.moved_to.take().is_some() {
                // It went on from there; the name that was asked for knows where to, or has it again.
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
            // A call was made by now, so a rest that is met here is a limit and no reason for silence.
            gear = self.equip(&target, Some(gear)).map_err(|rests| Failure {
                reason: Reason::Limited,
                status: Some(head.status()),
                ..rests
            })?;
        }
    }

    /// What a hop is sent with: no token for a host that gets none, else the one in hand, else the pool's.
    fn equip(&self, target: &Target, in_hand: Option<Gear>) -> Result<Gear, Failure> {
        let now = self.upstream.clock.now();
        if let Some(until) = self.upstream.hosts.resting_until(target.authority(), now) {
            return Err(Failure::resting(Reason::HostRests, until));
        }
        if !target.gets_token() {
            // The ETag of such a host depends on no token, and one that was got with a token is of another host.
            let stored = self.stored(target).filter(|stored| stored.token.is_none());
            let validator = stored.map_or(Validator::None, |_| Validator::Etag);
            return Ok(Gear { lease: None, validator });
        }
        if let Some(gear) = in_hand.filter(|gear| gear.lease.is_some()) {
            return Ok(gear);
        }
        let question = Question {
            stored: self.stored(target),
            priority: self.ask.priority,
            tried: &self.tried,
            by_date: self.upstream.config.by_date,
            doubted_at: self.upstream.drift.noticed_at(),
        };
        match self.upstream.tokens.lease(&question, now) {
            Ok((lease, validator)) => Ok(Gear { lease: Some(lease), validator }),
            Err(usable_at) => Err(Failure::resting(Reason::NoToken, usable_at)),
        }
    }

    /// The condition of a hop; validators mean something at the host alone that gave them.
    fn condition(&self, target: &Target, gear: Gear) -> Condition {
        let Some(stored) = self.stored(target) else { return Condition::NONE };
        let authorization = gear.lease.map(|lease| self.upstream.tokens.authorization(lease));
        Condition::new(gear.validator, &stored, authorization.as_ref().map(variant))
    }

    /// What is stored, if this target may be asked about it.
    fn stored(&self, target: &Target) -> Option<Stored<'a>> {
        self.ask.stored.filter(|_| !self.in_full && is_own_host(target, self.ask))
    }

    fn route(&self, target: &Target, hops: usize, lasts: bool) -> Route {
        match (hops, &self.moved_to) {
            (0, Some(_)) => Route::Remembered,
            (0, None) => Route::Direct,
            _ if lasts && is_own_host(target, self.ask) => Route::Moved(target.as_str().into()),
            _ => Route::Direct,
        }
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
        if let Some(lease) = head.lease.filter(|_| !reply.status.is_server_error()) {
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
                self.in_full = true;
                Ok(Next::Afresh)
            }
            // The name may belong to another document by now.
            StatusCode::NOT_FOUND | StatusCode::GONE if reply.route == Route::Remembered => {
                self.moved_to = None;
                Ok(Next::Afresh)
            }
            _ => {
                self.upstream.hosts.succeeded(target.authority(), now);
                self.watch_rule(&target, &reply, now);
                Ok(Next::Answer(reply))
            }
        }
    }

    /// Notices where GitHub's rule for ETags does not hold any more.
    fn watch_rule(&self, target: &Target, reply: &Reply, now: Timestamp) {
        let was_sent = matches!(reply.asked_by, Validator::Etag | Validator::ComputedEtag);
        let unchanged = |stored: &Stored<'_>| {
            stored.validators.follows_rule
                && reply.status == StatusCode::OK
                && reply.body == *stored.body
        };
        if !was_sent || self.stored(target).filter(unchanged).is_none() {
            return;
        }
        self.upstream.metrics.drifted(reply.asked_by);
        if self.upstream.drift.notice(now) {
            tracing::warn!("GitHub makes its ETags by another rule than before");
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
            if matches!(limit, Limit::Secondary { .. }) || usable_at > now {
                upstream.places.slow_down();
            }
            return Next::Again(Reply { limited_until: Some(usable_at), ..reply });
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

    /// Reads the body as its status asks for.
    async fn read(&self, target: &Target, head: &mut Head, route: Route) -> Result<Reply, Failure> {
        let status = head.status();
        let failed = |reason| Failure::after(status, reason);
        let asked_by = head.condition.by();
        let limit = self.upstream.config.max_response_bytes;
        let body = match status {
            StatusCode::NOT_MODIFIED if asked_by == Validator::None => {
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
        let validators = self.validators(target, head, &body);
        let token = head.lease.map(|lease| lease.fingerprint());
        Ok(Reply { status, body, validators, token, asked_by, route, limited_until: None })
    }

    /// What to ask again with. Validators of another host would be sent to this one, where they mean nothing.
    fn validators(&self, target: &Target, head: &Head, body: &[u8]) -> Validators {
        if !is_own_host(target, self.ask) {
            return Validators::default();
        }
        let mut validators = head.validators();
        if let (Some(etag), Some(lease), StatusCode::OK) =
            (&validators.etag, head.lease, head.status())
        {
            let authorization = self.upstream.tokens.authorization(lease);
            validators.follows_rule = etag::follows_rule(etag, variant(&authorization), body);
        }
        validators
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

/// The variant that a token gets.
fn variant(authorization: &HeaderValue) -> Variant<'_> {
    Variant { accept: &GITHUB_JSON, authorization }
}
