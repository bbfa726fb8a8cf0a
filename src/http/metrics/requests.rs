//! The counters of requests for documents.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};

use crate::cache::{Answer, Detail, Outcome, Status};
use crate::clock::Timestamp;
use crate::metrics::Registry;

/// Buckets in seconds. A hit takes some ten microseconds, an exchange takes up to
/// `UPSTREAM_TIMEOUT`.
const REQUEST_SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Buckets in seconds, up to the lifetime of a document plus the time for which a stale copy may be
/// served.
const AGE_SECONDS: &[f64] =
    &[1.0, 10.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 172_800.0];

/// The counters of requests for documents and their answers.
#[derive(Debug)]
pub(in crate::http) struct RequestMetrics {
    hits: IntCounter,
    misses: IntCounter,
    answers: [IntCounter; Outcome::ALL.len()],
    stale: [(Detail, IntCounter); 2],
    client_limited: IntCounter,
    request_seconds: Histogram,
    age_seconds: Histogram,
    compressed: IntCounter,
    saved_bytes: IntCounter,
}

impl RequestMetrics {
    pub(in crate::http) fn new(registry: &Registry) -> Self {
        Self {
            hits: registry
                .counter("svm_cache_hits_total", "Requests answered from what was stored"),
            misses: registry
                .counter("svm_cache_misses_total", "Requests not answered from what was stored"),
            answers: registry.counters(
                "svm_answers_total",
                "Answers by X-Cache",
                "cache",
                Outcome::ALL.map(Outcome::as_str),
            ),
            stale: registry.counters_of(
                "svm_stale_answers_total",
                "Copies past their expiry that stood in, by reason",
                "reason",
                [Detail::StaleIfError, Detail::StaleWhileRevalidate],
                Detail::as_str,
            ),
            client_limited: registry.counter(
                "svm_client_limited_total",
                "Requests refused because their client had the upstream asked too often",
            ),
            request_seconds: registry.histogram(
                "svm_request_duration_seconds",
                "Time from a request's head to its answer's head",
                REQUEST_SECONDS,
            ),
            age_seconds: registry.histogram(
                "svm_served_age_seconds",
                "Age of a document when it was served",
                AGE_SECONDS,
            ),
            compressed: registry.counter("svm_gzip_answers_total", "Documents sent as gzip"),
            saved_bytes: registry.counter("svm_gzip_saved_bytes_total", "Bytes that gzip saved"),
        }
    }

    /// Counts an answer of the cache: a hit or a miss.
    pub(in crate::http) fn answered(&self, answer: &Answer, now: Timestamp, took: Duration) {
        let Status { outcome, detail, .. } = answer.status;
        let counter = if outcome == Outcome::Hit { &self.hits } else { &self.misses };
        counter.inc();
        self.outcome(outcome, took);
        if let Some((_, stale)) = self.stale.iter().find(|(reason, _)| Some(*reason) == detail) {
            stale.inc();
        }
        if let Some(entry) = answer.document() {
            self.age_seconds.observe(now.since(entry.times.checked_at).as_secs_f64());
        }
    }

    /// Counts a request that svm refused before it reached the cache. The request is neither a hit
    /// nor a miss.
    pub(in crate::http) fn bypassed(&self, took: Duration) {
        self.outcome(Outcome::Bypass, took);
    }

    /// Counts a request that exceeded its client's rate. The request is a miss without a call to
    /// the upstream.
    pub(in crate::http) fn client_limited(&self, took: Duration) {
        self.client_limited.inc();
        self.misses.inc();
        self.outcome(Outcome::Miss, took);
    }

    fn outcome(&self, outcome: Outcome, took: Duration) {
        self.answers[outcome as usize].inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// Counts a document that svm sent as gzip, and the number of bytes that this saved.
    pub(in crate::http) fn compressed(&self, saved: usize) {
        self.compressed.inc();
        self.saved_bytes.inc_by(saved as u64);
    }
}
