//! Calls to the upstream: how many, what came of them, what they cost.

use std::time::Duration;

use http::StatusCode;
use prometheus::{Histogram, IntCounter, IntCounterVec};

use crate::upstream::{Failure, Priority, Reason, Reply};

use super::Counters;
use super::families::Families;

/// Seconds, up to `UPSTREAM_TIMEOUT` and beyond.
const SECONDS: &[f64] = &[0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 30.0];

/// Who pays for a request.
#[derive(Clone, Copy)]
enum Quota {
    /// It counts against a token's quota.
    Charged,
    /// It was sent with a token and costs nothing.
    Free,
    /// It was sent without a token, or has no answer that would tell.
    None,
}

pub(super) struct Upstream {
    requests: IntCounter,
    errors: IntCounter,
    quota: [IntCounter; 3],
    exchanges: IntCounterVec,
    limits: IntCounterVec,
    seconds: Histogram,
}

impl Upstream {
    pub(super) fn new(families: &Families<'_>) -> Self {
        Self {
            requests: families.counter(
                "svm_upstream_requests_total",
                "Requests sent to upstreams, each hop and retry",
            ),
            errors: families.counter(
                "svm_upstream_errors_total",
                "Exchanges that failed: no answer, a limit, a refusal of the token, or a 5xx",
            ),
            quota: families.counters(
                "svm_upstream_quota_total",
                "Requests sent to upstreams by what they cost of a token's quota",
                "quota",
                ["charged", "free", "none"],
            ),
            exchanges: families.counter_family(
                "svm_upstream_exchanges_total",
                "Exchanges by outcome and by who asked",
                &["outcome", "priority"],
            ),
            limits: families.counter_family(
                "svm_upstream_limits_total",
                "Rate limits met, by kind",
                &["kind"],
            ),
            seconds: families.histogram(
                "svm_upstream_duration_seconds",
                "Time of an exchange with all its hops and retries",
                SECONDS,
            ),
        }
    }
}

impl Counters {
    /// Counts one request to an upstream, by its answer's status.
    pub fn request(&self, status: Option<StatusCode>, with_token: bool) {
        let quota = match status {
            Some(StatusCode::NOT_MODIFIED | StatusCode::UNAUTHORIZED) if with_token => Quota::Free,
            Some(_) if with_token => Quota::Charged,
            _ => Quota::None,
        };
        self.upstream.requests.inc();
        self.upstream.quota[quota as usize].inc();
    }

    /// Counts a limit that was met.
    pub fn limited(&self, kind: &'static str) {
        self.upstream.limits.with_label_values(&[kind]).inc();
    }

    /// Counts an exchange.
    pub fn exchange(&self, result: &Result<Reply, Failure>, priority: Priority, took: Duration) {
        let (outcome, failed) = match result {
            Ok(reply) => of_reply(reply),
            Err(failure) => (failure.reason.as_str(), !failure.reason.is_without_call()),
        };
        if failed {
            self.upstream.errors.inc();
        }
        self.upstream.exchanges.with_label_values(&[outcome, priority.as_str()]).inc();
        self.upstream.seconds.observe(took.as_secs_f64());
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
