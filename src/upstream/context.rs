//! The parts of the upstream: the client, the tokens, the slots, and the state of hosts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::entry::Reason;
use crate::secret::Fingerprint;
use crate::target::{self, Target};

use super::calls::Calls;
use super::client::{ClientError, tls_config};
use super::clock_watch::ClockWatch;
use super::connections::ConnectionPools;
use super::cooldowns::Cooldowns;
use super::drift::Drift;
use super::metrics::UpstreamMetrics;
use super::reachability::Reachability;
use super::reply::Failure;
use super::slots::{Priority, QueueFull, Slot, Slots};
use super::stored::Stored;
use super::token_checks::TokenChecks;
use super::tokens::TokenPool;

/// A request to the upstream.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The document.
    pub target: &'a Target,
    /// The stored document, if there is one; svm may send its validators.
    pub stored: Option<Stored<'a>>,
    /// The priority of the exchange.
    pub priority: Priority,
    /// The copy that an absence would cost.
    pub at_stake: AtStake,
}

/// The copy that is lost if the document turns out to be absent. GitHub hides private repositories
/// from accounts without access, so a `404` may concern only the token that got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStake {
    /// No copy that may be served.
    Nothing,
    /// Perhaps a copy, of an unknown token. The document is not absent if only one token does not
    /// find it, after another one was limited or refused.
    Unknown,
    /// A copy that this token fetched: the document is absent once this token does not find it.
    CopyOf(Fingerprint),
}

impl AtStake {
    /// Returns the token that fetched the copy.
    pub(super) fn owner(self) -> Option<Fingerprint> {
        match self {
            Self::CopyOf(owner) => Some(owner),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

/// The client, the tokens, the slots, and the state of hosts.
pub struct Upstream {
    pub(super) connections: ConnectionPools,
    pub(super) config: config::Upstream,
    pub(super) targets: target::Policy,
    pub(super) tokens: Arc<TokenPool>,
    pub(super) token_checks: TokenChecks,
    pub(super) cooldowns: Cooldowns,
    pub(super) reachability: Arc<Reachability>,
    pub(super) calls: Arc<Calls>,
    pub(super) slots: Slots,
    pub(super) rate_limits_met: AtomicU64,
    pub(super) drift: Drift,
    pub(super) clock: Clock,
    pub(super) clock_watch: ClockWatch,
    pub(super) metrics: UpstreamMetrics,
}

impl Upstream {
    /// Creates the client without dialling.
    pub fn new(
        config: config::Upstream,
        targets: target::Policy,
        tokens: Arc<TokenPool>,
        reachability: Arc<Reachability>,
        calls: Arc<Calls>,
        clock: Clock,
        metrics: UpstreamMetrics,
    ) -> Result<Self, ClientError> {
        let connections = ConnectionPools::new(&config, &targets)?;
        targets.token_hosts.iter().for_each(|host| metrics.expect_host(&host.to_string()));
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
            calls,
            slots,
            rate_limits_met: AtomicU64::new(0),
            drift,
            clock,
            clock_watch: ClockWatch::default(),
            metrics,
        })
    }

    /// Checks the certificates to trust: those of the system and those of the file.
    ///
    /// # Errors
    ///
    /// [`ClientError`], as [`Upstream::new`] would return it.
    pub fn check(ca_file: Option<&Path>) -> Result<(), ClientError> {
        Ok(tls_config(ca_file).map(drop)?)
    }

    /// Returns how many exchanges with a token may run at once.
    pub fn window(&self) -> usize {
        self.slots.window()
    }

    /// Returns true if a limit has reduced how many exchanges with a token may run at once.
    pub fn is_slowed_down(&self) -> bool {
        self.slots.window() < self.config.max_concurrency
    }

    /// Returns true if a token has more quota left than the part that is kept for clients.
    pub fn has_quota_to_spare(&self) -> bool {
        self.tokens.has_quota_to_spare(self.clock.now())
    }

    /// Returns how many answers said that svm sends requests too fast.
    pub fn rate_limits_met(&self) -> u64 {
        self.rate_limits_met.load(Ordering::Relaxed)
    }

    /// Returns the slot for the next request of an exchange to this target. Keeps the held slot if
    /// it is for this host and was taken after the last slow-down; otherwise releases it and waits
    /// for another one. Fails at once if no request could be sent anyway.
    pub(super) async fn slot<'a>(
        &'a self,
        target: &Target,
        needs_token: bool,
        priority: Priority,
        mut held: Option<Slot<'a>>,
    ) -> Result<Slot<'a>, Failure> {
        let host = target.authority();
        loop {
            if let Some(slot) = held.filter(|slot| self.slots.is_good_for(slot, host)) {
                return Ok(slot);
            }
            self.check_possible(target, needs_token)?;
            let taken = self.slots.take(priority, host, target.gets_token()).await;
            held = Some(taken.map_err(|QueueFull| self.crowded())?);
        }
    }

    /// Fails if no request for this document is possible now. Without this check before the wait
    /// for a slot, a cooldown would look like a timeout while every slot hangs.
    ///
    /// # Errors
    ///
    /// The [`Failure`] that a request would get.
    pub fn check_possible(&self, target: &Target, needs_token: bool) -> Result<(), Failure> {
        let now = self.clock.now();
        self.cooldowns.check(target, now)?;
        match self.tokens.usable_at(now) {
            usable_at if needs_token && usable_at > now => Err(self.no_token(usable_at, now)),
            _ => Ok(()),
        }
    }

    /// Returns the failure of a request for which no token is usable before that time.
    pub(super) fn no_token(&self, usable_at: Timestamp, now: Timestamp) -> Failure {
        let failure = Failure::without_call(Reason::NoToken, usable_at);
        failure.by_rate_limit(self.tokens.are_limited(now))
    }

    /// Returns the failure of a request for which only this token would do, which is not usable
    /// before that time.
    pub(super) fn no_owner(&self, owner: Fingerprint, usable_at: Timestamp) -> Failure {
        let failure = Failure::without_call(Reason::NoToken, usable_at);
        failure.by_rate_limit(self.tokens.is_in_order(owner))
    }

    fn crowded(&self) -> Failure {
        Failure::without_call(Reason::Crowded, self.clock.now() + self.config.timeout)
    }
}
