//! What the service counts, in Prometheus' text format.
//!
//! Children are resolved once, at the start: whoever counts holds a counter and adds to it, without a look-up by
//! label. What somebody else keeps already (how full L1 is, what a token has left) is read when it is asked for.

mod connections;
mod families;
mod gzip;
mod observed;
mod revalidate;
mod store;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Histogram, IntCounter, Registry, TextEncoder};

pub use connections::{ConnectionCounters, Shed};
pub use observed::Observed;
pub use store::StoreRead;

use crate::cache::{Answer, Detail, Given, Outcome, Status};
use crate::clock::Timestamp;
use families::Families;

/// Seconds; a hit takes some ten microseconds, an exchange up to `UPSTREAM_TIMEOUT`.
const REQUEST_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Seconds; up to the life of a document and the time that a copy may stand in after it.
const AGE_SECONDS: &[f64] =
    &[1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 172_800.0];

/// Every counter; clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Counters>);

/// The counters that others add to.
pub struct Counters {
    registry: Registry,
    hits: IntCounter,
    misses: IntCounter,
    answers: [IntCounter; Outcome::ALL.len()],
    stale: [(Detail, IntCounter); 2],
    client_limited: IntCounter,
    request_seconds: Histogram,
    age_seconds: Histogram,
    /// Requests that shared the flight of another one.
    pub followers: IntCounter,
    /// Connections of clients.
    pub connections: ConnectionCounters,
    pub(crate) store: store::Store,
    pub(crate) gzip: gzip::Gzip,
    upstream: upstream::Upstream,
    revalidate: revalidate::Revalidate,
    observed: Mutex<observed::Gauges>,
}

impl Metrics {
    /// Counters at zero, for a service with `tokens` tokens.
    pub fn new(tokens: usize) -> Self {
        let registry = Registry::new();
        let families = Families::new(&registry);
        let counters = Counters {
            hits: families
                .counter("svm_cache_hits_total", "Requests answered from what was stored"),
            misses: families
                .counter("svm_cache_misses_total", "Requests not answered from what was stored"),
            answers: families.counters(
                "svm_answers_total",
                "Answers by X-Cache",
                "cache",
                Outcome::ALL.map(Outcome::as_str),
            ),
            stale: families.counters_of(
                "svm_stale_answers_total",
                "Copies past their expiry that stood in, by reason",
                "reason",
                [Detail::StaleIfError, Detail::StaleWhileRevalidate],
                Detail::as_str,
            ),
            client_limited: families.counter(
                "svm_client_limited_total",
                "Requests refused because their client had the upstream asked too often",
            ),
            request_seconds: families.histogram(
                "svm_request_duration_seconds",
                "Time from a request's head to its answer's head",
                REQUEST_SECONDS,
            ),
            age_seconds: families.histogram(
                "svm_served_age_seconds",
                "Age of a document when it was served",
                AGE_SECONDS,
            ),
            followers: families.counter(
                "svm_flight_followers_total",
                "Requests that shared the upstream call of another one",
            ),
            connections: ConnectionCounters::new(&families),
            store: store::Store::new(&families),
            gzip: gzip::Gzip::new(&families),
            upstream: upstream::Upstream::new(&families),
            revalidate: revalidate::Revalidate::new(&families),
            observed: Mutex::new(observed::Gauges::new(&families, tokens)),
            registry: registry.clone(),
        };
        families.constant(
            "svm_build_info",
            "The version that runs",
            &[("version", env!("CARGO_PKG_VERSION"))],
        );
        families.register(ProcessCollector::for_self());
        Self(Arc::new(counters))
    }

    /// Counts an answer to `/version` that the cache was asked for.
    pub fn answered(&self, answer: &Answer, now: Timestamp, took: Duration) {
        let Status { outcome, detail, .. } = answer.status;
        let counter = if outcome == Outcome::Hit { &self.hits } else { &self.misses };
        counter.inc();
        self.outcome(outcome, took);
        if let Some((_, stale)) = self.stale.iter().find(|(reason, _)| Some(*reason) == detail) {
            stale.inc();
        }
        if let Given::Document(entry) = &answer.given {
            self.age_seconds.observe(now.since(entry.times.checked_at).as_secs_f64());
        }
    }

    /// Counts a request to `/version` that was refused before the cache: neither hit nor miss.
    pub fn refused(&self, took: Duration) {
        self.outcome(Outcome::Bypass, took);
    }

    /// Counts a request to `/version` that its client's rate did not allow: a miss, for which nobody was asked.
    pub fn client_limited(&self, took: Duration) {
        self.client_limited.inc();
        self.misses.inc();
        self.outcome(Outcome::Miss, took);
    }

    fn outcome(&self, outcome: Outcome, took: Duration) {
        self.answers[outcome as usize].inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// Everything, in the text format, together with what others keep.
    pub fn render(&self, observed: &Observed) -> String {
        self.observed.lock().set(observed);
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }
}

impl std::ops::Deref for Metrics {
    type Target = Counters;

    fn deref(&self) -> &Counters {
        &self.0
    }
}
