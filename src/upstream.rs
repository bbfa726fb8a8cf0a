//! The way to GitHub: one conditional GET, with its redirects, retries and tokens, under one
//! deadline.
//!
//! The cache says what it has; this module decides with which token and validator to ask, and comes
//! back with a [`Reply`] or a [`Failure`]. It knows nothing of entries and stores nothing but what
//! it learns of tokens and hosts. A token goes to the token hosts and nowhere else, on any hop.

mod body;
mod cause;
mod client;
mod clock_watch;
mod condition;
mod connections;
mod contacts;
mod content_coding;
mod cooldown;
mod cooldowns;
mod dial;
mod drift;
mod endpoint;
mod etag;
mod exchange;
mod framing;
mod hop;
mod identify;
pub(crate) mod identity;
mod intake;
mod leaks;
mod metrics;
pub(crate) mod rate_limit;
mod reachability;
mod reply;
mod resolver;
mod server_time;
mod slots;
mod special_purpose;
mod stored;
mod token_check;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use cause::Cause;
pub use client::ClientError;
pub use metrics::UpstreamMetrics;
pub use reachability::{Failing, HostReport, Reachability};
pub use reply::{Failure, Reply};
pub use resolver::LOOK_UPS;
pub use slots::Priority;
pub use stored::{Redirection, Stored};
pub use tokens::{Report, TokenPool};

use client::ClientBuilder;
use clock_watch::ClockWatch;
use connections::ConnectionPools;
use contacts::Contacts;
use cooldowns::Cooldowns;
use drift::Drift;
use exchange::Exchange;
use reachability::{HostNews, Subject};
use slots::{QueueFull, Slot, Slots};
use token_check::TokenChecks;

use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::entry::Reason;
use crate::target::{self, Target};

/// A question to the upstream.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The document.
    pub target: &'a Target,
    /// The stored document, if there is one; svm sends its validators where they can help.
    pub stored: Option<Stored<'a>>,
    /// On whose behalf.
    pub priority: Priority,
}

/// The client, the tokens and what is known of hosts.
pub struct Upstream {
    connections: ConnectionPools,
    config: config::Upstream,
    targets: target::Policy,
    tokens: Arc<TokenPool>,
    token_checks: TokenChecks,
    cooldowns: Cooldowns,
    reachability: Arc<Reachability>,
    slots: Slots,
    limits_of_haste: AtomicU64,
    drift: Drift,
    clock: Clock,
    clock_watch: ClockWatch,
    metrics: UpstreamMetrics,
}

impl Upstream {
    /// Sets up the client; nothing is dialled yet.
    pub fn new(
        config: config::Upstream,
        targets: target::Policy,
        tokens: Arc<TokenPool>,
        reachability: Arc<Reachability>,
        clock: Clock,
        metrics: UpstreamMetrics,
    ) -> Result<Self, ClientError> {
        let connections = ConnectionPools::new(&config, &targets)?;
        let slots = Slots::new(config.max_concurrency);
        let token_checks = TokenChecks::new(tokens.count());
        let (cooldowns, drift) = (Cooldowns::default(), Drift::default());
        Ok(Self {
            connections,
            config,
            targets,
            tokens,
            token_checks,
            cooldowns,
            reachability,
            slots,
            limits_of_haste: AtomicU64::new(0),
            drift,
            clock,
            clock_watch: ClockWatch::default(),
            metrics,
        })
    }

    /// Checks that the client can be set up.
    ///
    /// # Errors
    ///
    /// [`ClientError`] where [`Upstream::new`] would give it.
    pub fn check(config: &config::Upstream) -> Result<(), ClientError> {
        ClientBuilder::new(config)?.pooled().map(drop)
    }

    /// Asks, within `UPSTREAM_TIMEOUT` for all of it: waiting for a slot, hops, retries and other
    /// tokens.
    pub async fn get(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        let stopwatch = Stopwatch::start();
        let limit = self.config.timeout;
        let contacts = Contacts::default();
        let exchange = Exchange::new(self, ask, &contacts).run();
        let result = tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::timeout(limit)));
        self.metrics.exchange(&result, ask.priority, stopwatch.elapsed());
        log(ask, &result, &stopwatch);
        self.observe(contacts, Subject::Document, result.as_ref().err());
        result
    }

    /// Remembers how the hosts took an exchange, and tells the log where that is news.
    fn observe(&self, contacts: Contacts, subject: Subject, failure: Option<&Failure>) {
        let now = self.clock.now();
        for contact in contacts.ended(failure) {
            let (host, result) = (&*contact.authority, contact.result);
            let Some(result) = result else { continue };
            if let Err(cause) = result {
                self.metrics.host_failed(cause);
            }
            match (self.reachability.observe(host, subject, result, now), result) {
                (Some(HostNews::Fails(told)), Err(cause)) => {
                    let (error, since) = (cause.sentence(), told.since);
                    let (cause, failures) = (cause.as_str(), told.failures);
                    tracing::warn!(host, cause, error, failures, %since, "the upstream fails");
                }
                (Some(HostNews::Works(ended)), _) => {
                    let (failures, since) = (ended.failures, ended.since);
                    tracing::info!(host, failures, %since, "the upstream works again");
                }
                _ => {}
            }
        }
    }

    /// Returns how many exchanges with a token may run at once.
    pub fn window(&self) -> usize {
        self.slots.window()
    }

    /// Returns how often an answer said that svm asks too fast.
    pub fn limits_of_haste(&self) -> u64 {
        self.limits_of_haste.load(Ordering::Relaxed)
    }

    /// The slot for what an exchange sends next to this target: the one that it holds, or, if that
    /// is from before a slow-down or at another host, another one. It waits for that as all do, and
    /// holds no slot meanwhile, unless nothing could be sent anyway.
    async fn slot<'a>(
        &'a self,
        target: &Target,
        priority: Priority,
        mut held: Option<Slot<'a>>,
    ) -> Result<Slot<'a>, Failure> {
        let host = target.authority();
        loop {
            if let Some(slot) = held.filter(|slot| self.slots.is_good_for(slot, host)) {
                return Ok(slot);
            }
            self.check_usable(target)?;
            let taken = self.slots.take(priority, host, target.gets_token()).await;
            held = Some(taken.map_err(|QueueFull| self.crowded())?);
        }
    }

    /// Fails if no request for this document is possible now: where every slot hangs, a cooldown
    /// must not look like a timeout.
    fn check_usable(&self, target: &Target) -> Result<(), Failure> {
        let now = self.clock.now();
        self.cooldowns.check(target, now)?;
        match self.tokens.usable_at(now) {
            usable_at if target.gets_token() && usable_at > now => {
                Err(Failure::without_call(Reason::NoToken, usable_at))
            }
            _ => Ok(()),
        }
    }

    fn crowded(&self) -> Failure {
        Failure::without_call(Reason::Crowded, self.clock.now() + self.config.timeout)
    }
}

fn log(ask: Ask<'_>, result: &Result<Reply, Failure>, stopwatch: &Stopwatch) {
    let millis = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (host, path) = (ask.target.authority(), ask.target.path());
    let priority = ask.priority.as_str();
    match result {
        Ok(reply) => {
            let status = reply.status.as_u16();
            tracing::info!(host, path, status, priority, millis, "upstream answered");
        }
        Err(failure) if failure.reason.is_without_call() => {
            tracing::debug!(host, path, reason = failure.reason.as_str(), "upstream not asked");
        }
        // The host's outage has lines of its own, which do not repeat for each exchange.
        Err(failure) if failure.reason.is_of_outage() => {
            let reason = failure.reason.as_str();
            tracing::debug!(host, path, reason, priority, millis, "upstream failed");
        }
        Err(failure) => {
            let status = failure.status.map(|status| status.as_u16());
            let reason = failure.reason.as_str();
            tracing::warn!(host, path, status, reason, priority, millis, "upstream failed");
        }
    }
}
