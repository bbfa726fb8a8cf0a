//! The counters of calls to the upstream: their number, their results, their cost.

use std::time::Duration;

use http::StatusCode;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

use crate::entry::{Reason, Validator};
use crate::metrics::Registry;

use super::calls::Cost;
use super::cause::Cause;
use super::rate_limit::Limit;
use super::reply::{Failure, Reply};
use super::slots::Priority;

/// Buckets in seconds, up to `UPSTREAM_TIMEOUT` and beyond.
const SECONDS: &[f64] = &[0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 30.0];

/// The counters of the upstream.
#[derive(Debug)]
pub struct UpstreamMetrics {
    requests: IntCounter,
    errors: IntCounter,
    quota: IntCounterVec,
    conditional: ConditionalMetrics,
    exchanges: IntCounterVec,
    failures: IntCounterVec,
    limits: IntCounterVec,
    /// The seconds by which GitHub's clock is ahead of ours; negative if it is behind.
    pub(super) clock_offset: IntGauge,
    /// The answers that contained one of our tokens.
    pub(super) leaks: IntCounter,
    seconds: Histogram,
}

/// The counters of conditional requests.
#[derive(Debug)]
struct ConditionalMetrics {
    not_modified: [IntCounter; 2],
    drift: [(Validator, IntCounter); 2],
    misled: [(Validator, IntCounter); 3],
}

impl ConditionalMetrics {
    fn new(registry: &Registry) -> Self {
        Self {
            not_modified: registry.counters(
                "svm_upstream_not_modified_total",
                "Answers 304 by what they cost, if two consecutive calls show it",
                "quota",
                ["free", "charged"],
            ),
            drift: registry.counters_of(
                "svm_upstream_etag_drift_total",
                "Unchanged documents that came in full although an ETag by GitHub's rule was sent",
                "validator",
                [Validator::Etag, Validator::ComputedEtag],
                Validator::as_str,
            ),
            misled: registry.counters_of(
                "svm_upstream_misled_total",
                "Answers 304 that named another validator than the one that was sent, and were rejected",
                "validator",
                [Validator::Etag, Validator::ComputedEtag, Validator::Date],
                Validator::as_str,
            ),
        }
    }
}

impl UpstreamMetrics {
    /// Registers the counters.
    pub fn new(registry: &Registry) -> Self {
        Self {
            requests: registry.counter(
                "svm_upstream_requests_total",
                "Requests sent to upstreams, each hop and retry",
            ),
            errors: registry.counter(
                "svm_upstream_errors_total",
                "Exchanges that failed: no answer, a limit, a refusal of the token, or a 5xx",
            ),
            quota: registry.counter_family(
                "svm_upstream_quota_total",
                "Requests sent to upstreams by what they cost of a token's quota, by who asked, and by validator",
                &["quota", "priority", "validator"],
            ),
            conditional: ConditionalMetrics::new(registry),
            exchanges: registry.counter_family(
                "svm_upstream_exchanges_total",
                "Exchanges by outcome and by who asked",
                &["outcome", "priority"],
            ),
            failures: registry.counter_family(
                "svm_upstream_failures_total",
                "Exchanges in which a host gave no whole answer, or a 5xx, by host and cause",
                &["host", "cause"],
            ),
            limits: limits(registry),
            leaks: registry.counter(
                "svm_upstream_leaks_total",
                "Answers that held one of our tokens, and were refused",
            ),
            clock_offset: registry.gauge(
                "svm_upstream_clock_offset_seconds",
                "By how much GitHub's clock is ahead of ours",
            ),
            seconds: registry.histogram(
                "svm_upstream_duration_seconds",
                "Time of an exchange with all its hops and retries",
                SECONDS,
            ),
        }
    }

    /// Counts a `304`, if it is known whether it was charged.
    pub(super) fn not_modified(&self, is_charged: bool) {
        self.conditional.not_modified[usize::from(is_charged)].inc();
    }

    /// Counts one request to an upstream, with its cost.
    pub(super) fn request(
        &self,
        status: Option<StatusCode>,
        with_token: bool,
        validator: Validator,
        priority: Priority,
    ) {
        let quota = Cost::of(status, with_token).as_str();
        let labels = [quota, priority.as_str(), validator.as_str()];
        self.requests.inc();
        self.quota.with_label_values(&labels).inc();
    }

    /// Counts an unchanged document that came in full although this validator, which follows
    /// GitHub's rule, was sent.
    pub(super) fn drifted(&self, validator: Validator) {
        count(&self.conditional.drift, validator);
    }

    /// Counts a `304` that names another validator than this one, which was sent.
    pub(super) fn misled(&self, validator: Validator) {
        count(&self.conditional.misled, validator);
    }

    /// Registers the failures of a host at zero, so that the first failure is visible as an
    /// increase.
    pub(super) fn expect_host(&self, host: &str) {
        for cause in Cause::ALL {
            let _at_zero = self.failures.with_label_values(&[host, cause.as_str()]);
        }
    }

    /// Counts a host that gave no complete answer, or a 5xx.
    pub(super) fn host_failed(&self, host: &str, cause: Cause) {
        self.failures.with_label_values(&[host, cause.as_str()]).inc();
    }

    /// Counts a limit that was met.
    pub(super) fn limited(&self, kind: &'static str) {
        self.limits.with_label_values(&[kind]).inc();
    }

    /// Counts an exchange. One without a call is no failure of the upstream, and has no duration.
    pub(super) fn exchange(
        &self,
        result: &Result<Reply, Failure>,
        priority: Priority,
        took: Duration,
    ) {
        let (outcome, failed) = match result {
            Ok(reply) => of_reply(reply),
            Err(failure) => (failure.reason.as_str(), true),
        };
        self.exchanges.with_label_values(&[outcome, priority.as_str()]).inc();
        if result.as_ref().is_err_and(|failure| failure.reason.is_without_call()) {
            return;
        }
        if failed {
            self.errors.inc();
        }
        self.seconds.observe(took.as_secs_f64());
    }
}

/// Registers the limits at zero, so that the first limit is visible as an increase.
fn limits(registry: &Registry) -> IntCounterVec {
    let name = "svm_upstream_limits_total";
    let limits = registry.counter_family(name, "Rate limits met, by kind", &["kind"]);
    for kind in Limit::WORDS {
        let _at_zero = limits.with_label_values(&[kind]);
    }
    limits
}

fn count<T: Copy + PartialEq>(counters: &[(T, IntCounter)], value: T) {
    if let Some((_, counter)) = counters.iter().find(|(counted, _)| *counted == value) {
        counter.inc();
    }
}

fn of_reply(reply: &Reply) -> (&'static str, bool) {
    match reply.status {
        StatusCode::OK => ("ok", false),
        StatusCode::NOT_MODIFIED => ("not-modified", false),
        StatusCode::NOT_FOUND | StatusCode::GONE => ("not-found", false),
        _ => {
            let reason = reply.reason();
            (reason.as_str(), reason != Reason::OtherStatus)
        }
    }
}
