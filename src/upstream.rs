//! The way to GitHub: one conditional GET, with its redirects, retries and tokens, under one deadline.
//!
//! The cache says what it has; this module decides with which token and validator to ask, and comes back with a
//! [`Reply`] or a [`Failure`]. It knows nothing of entries and stores nothing but what it learns of tokens and
//! hosts. A token goes to the token hosts and nowhere else, on any hop.

mod body;
mod client;
mod condition;
mod connections;
mod content_coding;
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
mod places;
mod planner;
pub(crate) mod rate_limit;
mod reason;
mod reply;
mod resolver;
mod rest;
mod secret;
mod special_purpose;
mod stored;
mod tls;
mod token_check;
mod tokens;
mod validators;

use std::sync::Arc;

pub use places::Priority;
pub use reason::Reason;
pub use reply::{Failure, Reply};
pub use resolver::LOOK_UPS;
pub use secret::{Fingerprint, Secret};
pub use stored::{Moved, Route, Stored};
pub use tls::ClientError;
pub use tokens::{Report, TokenPool};
pub use validators::{Validator, Validators};

use client::ClientBuilder;
use connections::Connections;
use cooldowns::Cooldowns;
use drift::Drift;
use exchange::Exchange;
use places::{Crowded, Place, Places};
use token_check::TokenChecks;

use crate::clock::{Clock, Stopwatch};
use crate::config;
use crate::metrics::Metrics;
use crate::target::{self, Target};

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The document.
    pub target: &'a Target,
    /// What is stored of it, if anything; its validators are sent where they can be worth something.
    pub stored: Option<Stored<'a>>,
    /// On whose behalf.
    pub priority: Priority,
}

/// The client, the tokens and what is known of hosts.
pub struct Upstream {
    connections: Connections,
    config: config::Upstream,
    targets: target::Policy,
    tokens: Arc<TokenPool>,
    token_checks: TokenChecks,
    cooldowns: Cooldowns,
    places: Places,
    drift: Drift,
    clock: Clock,
    metrics: Metrics,
}

impl Upstream {
    /// Sets up the client; nothing is dialled yet.
    pub fn new(
        config: config::Upstream,
        targets: target::Policy,
        tokens: Arc<TokenPool>,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, ClientError> {
        let connections = Connections::new(&config, &targets)?;
        let places = Places::new(config.max_concurrency);
        let token_checks = TokenChecks::new(tokens.count());
        let (cooldowns, drift) = (Cooldowns::default(), Drift::default());
        Ok(Self {
            connections,
            config,
            targets,
            tokens,
            token_checks,
            cooldowns,
            places,
            drift,
            clock,
            metrics,
        })
    }

    /// Whether the client can be set up.
    ///
    /// # Errors
    ///
    /// [`ClientError`] where [`Upstream::new`] would give it.
    pub fn check(config: &config::Upstream) -> Result<(), ClientError> {
        ClientBuilder::new(config)?.pooled().map(drop)
    }

    /// Asks, within `UPSTREAM_TIMEOUT` for all of it: waiting for a place, hops, retries and other tokens.
    pub async fn get(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        let stopwatch = Stopwatch::start();
        let limit = self.config.timeout;
        let exchange = Exchange::new(self, ask).run();
        let result = tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::timeout(limit)));
        self.metrics.exchange(&result, ask.priority, stopwatch.elapsed());
        log(ask, &result, &stopwatch);
        result
    }

    /// How many exchanges with a token may run at once.
    pub fn window(&self) -> usize {
        self.places.window()
    }

    /// The place for what an exchange sends next to this target: the one that it holds, or, if that
    /// is from before a slow-down or at another host, another one. It waits for that as all do, and
    /// holds no place meanwhile, unless nothing could be sent anyway.
    async fn place<'a>(
        &'a self,
        target: &Target,
        priority: Priority,
        mut held: Option<Place<'a>>,
    ) -> Result<Place<'a>, Failure> {
        let host = target.authority();
        loop {
            if let Some(place) = held.filter(|place| self.places.is_good_for(place, host)) {
                return Ok(place);
            }
            self.is_awake(target)?;
            let taken = self.places.take(priority, host, target.gets_token()).await;
            held = Some(taken.map_err(|Crowded| self.crowded())?);
        }
    }

    /// Whether this document can be asked for now: where every place hangs, a rest must not look like a timeout.
    fn is_awake(&self, target: &Target) -> Result<(), Failure> {
        let now = self.clock.now();
        self.cooldowns.check(target, now)?;
        match self.tokens.usable_at(now) {
            usable_at if target.gets_token() && usable_at > now => {
                Err(Failure::resting(Reason::NoToken, usable_at))
            }
            _ => Ok(()),
        }
    }

    fn crowded(&self) -> Failure {
        Failure::resting(Reason::Crowded, self.clock.now() + self.config.timeout)
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
        Err(failure) => {
            let status = failure.status.map(|status| status.as_u16());
            let reason = failure.reason.as_str();
            tracing::warn!(host, path, status, reason, priority, millis, "upstream failed");
        }
    }
}
