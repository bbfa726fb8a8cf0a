//! The client of GitHub: one conditional GET with its redirects, retries and tokens, under one
//! deadline.
//!
//! The cache passes the stored document; this module chooses the token and the validator, and
//! returns a [`Reply`] or a [`Failure`]. It knows no entries and remembers only what it learns
//! about tokens and hosts. A token is sent to the token hosts only, on any hop.

mod body;
mod calls;
mod cause;
mod client;
mod clock_watch;
mod condition;
mod connections;
mod contacts;
mod content_coding;
mod context;
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
mod token_checks;
mod tokens;

pub use calls::{CallResult, Calls, Cost, PastCall};
pub use cause::Cause;
pub use client::ClientError;
pub use context::{Ask, AtStake, Upstream};
pub use metrics::UpstreamMetrics;
pub use reachability::{Failing, HostReport, Reachability};
pub use reply::{Failure, Reply};
pub use resolver::LOOK_UPS;
pub use slots::Priority;
pub use stored::{DateCheck, Redirection, Stored};
pub use tokens::{Report, TokenPool};

use contacts::Contacts;
use exchange::Exchange;
use reachability::{HostNews, Subject};

use std::time::Duration;

use crate::clock::Stopwatch;
use crate::config::redacted::without_tokens;
use crate::entry::Reason;

impl Upstream {
    /// Runs one exchange within `UPSTREAM_TIMEOUT`, which covers the wait for a slot, hops, retries
    /// and other tokens.
    pub async fn get(&self, ask: Ask<'_>) -> Result<Reply, Failure> {
        self.get_within(ask, self.config.timeout).await
    }

    /// Runs one exchange as [`Upstream::get`] does, in the part of `UPSTREAM_TIMEOUT` that is left
    /// since `began`.
    pub async fn get_since(&self, ask: Ask<'_>, began: &Stopwatch) -> Result<Reply, Failure> {
        self.get_within(ask, self.config.timeout.saturating_sub(began.elapsed())).await
    }

    /// Returns true if at least a tenth of `UPSTREAM_TIMEOUT` is left since `began`.
    pub fn has_time_left(&self, began: &Stopwatch) -> bool {
        began.elapsed() < self.config.timeout / 10 * 9
    }

    async fn get_within(&self, ask: Ask<'_>, limit: Duration) -> Result<Reply, Failure> {
        let stopwatch = Stopwatch::start();
        let contacts = Contacts::default();
        let exchange = Exchange::new(self, ask, &contacts).run();
        let result = tokio::time::timeout(limit, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::timeout(limit)));
        self.metrics.exchange(&result, ask.priority, stopwatch.elapsed());
        log(ask, &result, &stopwatch);
        self.observe(contacts, Subject::Document, result.as_ref().err());
        if result.is_ok() {
            self.reachability.note_duration(ask.target.authority(), stopwatch.elapsed());
        }
        result
    }

    /// Records how the hosts answered an exchange, and logs news about them.
    fn observe(&self, contacts: Contacts, subject: Subject, failure: Option<&Failure>) {
        let now = self.clock.now();
        for contact in contacts.ended(failure) {
            let (host, result) = (&*contact.authority, contact.result);
            let Some(result) = result else { continue };
            if let Err(cause) = result {
                self.metrics.host_failed(host, cause);
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
}

fn log(ask: Ask<'_>, result: &Result<Reply, Failure>, stopwatch: &Stopwatch) {
    let millis = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (host, path) = (ask.target.authority(), &*without_tokens(ask.target.path()));
    let priority = ask.priority.as_str();
    match result {
        Ok(reply) => {
            let status = reply.status.as_u16();
            // Each call of the exchange has a log line of its own.
            tracing::debug!(host, path, status, priority, millis, "exchange ended");
        }
        Err(failure) if failure.reason.is_without_call() => {
            tracing::debug!(host, path, reason = failure.reason.as_str(), "upstream not asked");
        }
        // An outage of the host and a limit have log lines of their own, which are not repeated per
        // exchange.
        Err(failure) if failure.reason.is_of_outage() || failure.reason == Reason::Limited => {
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
