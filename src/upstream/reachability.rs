//! The state of the upstream hosts after their last exchanges, for the log, `/healthz` and metrics.
//!
//! It sends nothing, so without traffic the last known state stays. The allowlist bounds the hosts.
//! A host counts as failing once documents could not be fetched; a failed inquiry about a token is
//! only logged.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::telemetry::outage::{Outage, OutageFacts};

use super::cause::Cause;

/// The time after which one failure is enough for its host to count as failing. It applies to
/// failures that may concern a single document; two in a row count at once.
const CONFIRMED_AFTER: Duration = Duration::from_secs(1);
/// The time after the last failure from which the host no longer counts as failing.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// The state of every host that was called.
#[derive(Debug, Default)]
pub struct Reachability(Mutex<BTreeMap<Box<str>, HostReachability>>);

#[derive(Debug, Default)]
struct HostReachability {
    outage: Outage<Cause>,
    /// The documents that could not be fetched since the last success.
    missed: u64,
    /// The duration of the last exchange that brought an answer.
    last_took: Option<Duration>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The host, and the port unless it is 443.
    pub host: Box<str>,
    /// The outage, if there is one.
    pub failing: Option<Failing>,
}

/// The outage of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The cause of the last failure.
    pub cause: Cause,
    /// The time of the first failure since the last success.
    pub since: Timestamp,
}

/// The subject of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A document.
    Document,
    /// The account of a token.
    Token,
}

/// A change that is worth a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostNews {
    /// The host fails, or fails for another cause.
    Fails(OutageFacts),
    /// The host works again.
    Works(OutageFacts),
}

impl Reachability {
    /// Records the result of a host in an exchange.
    pub(super) fn observe(
        &self,
        host: &str,
        subject: Subject,
        result: Result<(), Cause>,
        now: Timestamp,
    ) -> Option<HostNews> {
        let mut hosts = self.0.lock();
        let host = hosts.entry(host.into()).or_default();
        match result {
            Ok(()) => {
                host.missed = 0;
                host.outage.succeeded().map(HostNews::Works)
            }
            Err(cause) => {
                host.missed += u64::from(subject == Subject::Document);
                host.outage.failed(cause, now).map(HostNews::Fails)
            }
        }
    }

    /// Records the duration of an exchange that brought an answer.
    pub(super) fn note_duration(&self, host: &str, took: Duration) {
        if let Some(host) = self.0.lock().get_mut(host) {
            host.last_took = Some(took);
        }
    }

    /// Returns the duration of the host's last exchange that brought an answer, with its wait for a
    /// slot.
    pub fn last_took(&self, host: &str) -> Option<Duration> {
        self.0.lock().get(host)?.last_took
    }

    /// Returns the outage of a host, if there is one.
    pub fn failing(&self, host: &str, now: Timestamp) -> Option<Failing> {
        self.0.lock().get(host)?.failing(now)
    }

    /// Returns the hosts that were called, in the order of their names.
    pub fn reports(&self, now: Timestamp) -> Vec<HostReport> {
        let hosts = self.0.lock();
        let reports = hosts
            .iter()
            .map(|(name, host)| HostReport { host: name.clone(), failing: host.failing(now) });
        reports.collect()
    }
}

impl HostReachability {
    fn failing(&self, now: Timestamp) -> Option<Failing> {
        let (cause, since) = (self.outage.cause()?, self.outage.since()?);
        let is_confirmed = match self.missed {
            0 => false,
            1 => cause.is_of_host() || now.since(since) >= CONFIRMED_AFTER,
            _ => true,
        };
        let is_known = now.since(self.outage.failed_at()?) < FORGOTTEN_AFTER;
        (is_confirmed && is_known).then_some(Failing { cause, since })
    }
}
