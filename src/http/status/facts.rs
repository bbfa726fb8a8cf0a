//! The facts of the status page, gathered for one request. `/status.json` has these facts, and the
//! HTML page shows them. They have the position and the quota of a token, never its value.

mod calls;
mod documents;
mod tokens;

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::build_info;
use crate::clock::Timestamp;
use crate::telemetry::Occurrence;

use super::StatusSources;
use super::history::{Counts, History, TrafficRates};
use super::records::Sweeps;

pub(super) use calls::CallFacts;
pub(super) use documents::{DocumentFacts, InUseFacts};
pub(super) use tokens::TokenFacts;

/// The periods of the rates, other than `NOW`.
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// The period of the present rates: two samples.
const NOW: Duration = Duration::from_secs(10);

/// The state of the service at one moment.
#[derive(Debug, Serialize)]
pub(super) struct ServiceFacts {
    pub(super) at: Timestamp,
    pub(super) version: &'static str,
    /// The first digits of the commit; empty if the build does not know it.
    pub(super) commit: &'static str,
    pub(super) started_at: Timestamp,
    pub(super) uptime_seconds: u64,
    /// The answer of `/healthz`.
    pub(super) health: Value,
    pub(super) traffic: Traffic,
    pub(super) tokens: Vec<TokenFacts>,
    pub(super) documents: InUseFacts,
    pub(super) store: StoreFacts,
    pub(super) sweeps: Sweeps,
    pub(super) hosts: Vec<HostFacts>,
    pub(super) calls: Vec<CallFacts>,
    pub(super) events: Vec<Occurrence>,
}

/// The requests of clients and the calls to GitHub.
#[derive(Debug, Serialize)]
pub(super) struct Traffic {
    pub(super) since_start: Counts,
    pub(super) now: TrafficRates,
    pub(super) five_minutes: TrafficRates,
    pub(super) hour: TrafficRates,
    /// The rates of each half minute of the last hour, the oldest first.
    pub(super) half_minutes: Vec<Option<TrafficRates>>,
}

/// The persistent tier and the queue in front of it.
#[derive(Debug, Serialize)]
pub(super) struct StoreFacts {
    pub(super) kind: &'static str,
    /// True if replicas share the persistent tier.
    pub(super) is_shared: bool,
    pub(super) waiting_changes: usize,
    pub(super) waiting_bytes: usize,
    pub(super) written_changes: u64,
    pub(super) dropped_changes: u64,
    pub(super) failed_batches: u64,
    pub(super) last_batch_ok: bool,
}

/// An upstream host that svm has called.
#[derive(Debug, Serialize)]
pub(super) struct HostFacts {
    pub(super) host: Box<str>,
    pub(super) is_failing: bool,
    pub(super) cause: Option<&'static str>,
    pub(super) since: Option<Timestamp>,
}

impl ServiceFacts {
    /// Gathers the facts as of `now`.
    pub(super) fn gather(sources: &StatusSources, now: Timestamp) -> Self {
        let StatusSources { observed, calls, health, records, .. } = sources;
        let started_at = records.started_at();
        let (_, report): (StatusCode, Value) = health.report();
        Self {
            at: now,
            version: build_info::VERSION,
            commit: build_info::COMMIT,
            started_at,
            uptime_seconds: now.since(started_at).as_secs(),
            health: report,
            traffic: records.with_history(Traffic::of),
            tokens: TokenFacts::all(&observed.tokens.reports(now), now),
            documents: InUseFacts::of(&records.survey(), observed),
            store: StoreFacts::of(sources),
            sweeps: records.sweeps(),
            hosts: hosts(sources, now),
            calls: calls.latest().into_iter().map(CallFacts::from).collect(),
            events: observed.lines.events().latest(),
        }
    }
}

impl Traffic {
    fn of(history: &History) -> Self {
        Self {
            since_start: history.latest(),
            now: history.rates(NOW),
            five_minutes: history.rates(FIVE_MINUTES),
            hour: history.rates(HOUR),
            half_minutes: history.points(),
        }
    }
}

impl StoreFacts {
    fn of(sources: &StatusSources) -> Self {
        let stats = sources.observed.write_behind.stats();
        Self {
            kind: sources.health.store_name(),
            is_shared: sources.is_shared,
            waiting_changes: stats.depth,
            waiting_bytes: stats.bytes,
            written_changes: stats.flushed,
            dropped_changes: stats.dropped(),
            failed_batches: stats.failed_batches,
            last_batch_ok: stats.last_batch_ok,
        }
    }
}

fn hosts(sources: &StatusSources, now: Timestamp) -> Vec<HostFacts> {
    let reports = sources.observed.reachability.reports(now).into_iter();
    let facts = reports.map(|report| HostFacts {
        host: report.host,
        is_failing: report.failing.is_some(),
        cause: report.failing.map(|failing| failing.cause.sentence()),
        since: report.failing.map(|failing| failing.since),
    });
    facts.collect()
}
