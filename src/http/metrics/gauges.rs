//! Gauges of values that other components keep, read when a client asks for the metrics.

use prometheus::{Counter, IntCounter, IntGauge, IntGaugeVec};

use crate::activity::Lateness;
use crate::cache::Level;
use crate::cache::write_behind::Stats;
use crate::upstream::{HostReport, Report};

use crate::metrics::Registry;

/// The values of other components at one moment.
#[derive(Debug)]
pub(super) struct Observed {
    /// The fill level of L1.
    pub(super) level: Level,
    /// Documents in use.
    pub(super) active: usize,
    /// The lateness of the checks of documents in use.
    pub(super) lateness: Lateness,
    /// Flights that are under way.
    pub(super) flights: usize,
    /// Bodies that wait to be compressed.
    pub(super) uncompressed: usize,
    /// The queue in front of L2.
    pub(super) write_behind: Stats,
    /// The number of exchanges with a token that may run at once.
    pub(super) upstream_window: usize,
    /// The upstream hosts that had requests.
    pub(super) hosts: Vec<HostReport>,
    /// The tokens, in the order of the configuration.
    pub(super) tokens: Vec<Report>,
    /// Log lines that were dropped because the writer did not keep up.
    pub(super) log_drops: u64,
}

pub(super) struct Gauges {
    l1_entries: IntGauge,
    l1_bytes: IntGauge,
    active: IntGauge,
    overdue: IntGauge,
    oldest_check: IntGauge,
    flights: IntGauge,
    gzip_waiting: IntGauge,
    queue_depth: IntGauge,
    queue_bytes: IntGauge,
    queue_owed: IntGauge,
    queue_dropped: [IntCounter; 2],
    written: IntCounter,
    failed_batches: IntCounter,
    batches: IntCounter,
    batch_seconds: Counter,
    log_drops: IntCounter,
    upstream_window: IntGauge,
    upstream_up: IntGaugeVec,
    token_remaining: IntGaugeVec,
    token_reset: IntGaugeVec,
    token_resting: IntGaugeVec,
    token_rejected: IntGaugeVec,
    token_account: IntGaugeVec,
    token_private: IntGaugeVec,
    token_expires: IntGaugeVec,
}

impl Gauges {
    pub(super) fn new(registry: &Registry, tokens: usize) -> Self {
        let per_token = |name: &str, help: &str| registry.gauge_family(name, help, &["token"]);
        let gauges = Self {
            l1_entries: registry.gauge("svm_l1_entries", "Entries in memory"),
            l1_bytes: registry.gauge("svm_l1_bytes", "Weight of the entries in memory"),
            active: registry.gauge("svm_active_keys", "Documents in use, or held in memory"),
            overdue: registry.gauge(
                "svm_revalidate_overdue",
                "Documents in use whose last check is more than two intervals old, as of the last sweep",
            ),
            oldest_check: registry.gauge(
                "svm_revalidate_oldest_check_seconds",
                "Age of the oldest check among the documents in use, as of the last sweep",
            ),
            flights: registry.gauge("svm_flights", "Flights under way"),
            gzip_waiting: registry.gauge("svm_gzip_waiting", "Bodies that wait to be compressed"),
            queue_depth: registry.gauge("svm_write_behind_depth", "Changes that wait for L2"),
            queue_owed: registry.gauge(
                "svm_write_behind_owed",
                "Changes that found no room in the queue, and are written from memory once there is",
            ),
            queue_bytes: registry.gauge("svm_write_behind_bytes", "Bodies that wait for L2"),
            queue_dropped: registry.counters(
                "svm_write_behind_dropped_total",
                "Changes that never reached L2, by reason",
                "reason",
                ["overflow", "age"],
            ),
            written: registry.counter("svm_l2_writes_total", "Changes written to L2"),
            failed_batches: registry.counter(
                "svm_l2_write_errors_total",
                "Batches that L2 did not take; they are tried again",
            ),
            batches: registry.counter(
                "svm_l2_write_batches_total",
                "Batches handed to L2, failed ones included",
            ),
            batch_seconds: registry
                .seconds("svm_l2_write_seconds_total", "Time that L2 took for its batches"),
            log_drops: registry.counter(
                "svm_log_lines_dropped_total",
                "Log lines dropped under overload, or because they cannot be written",
            ),
            upstream_window: registry
                .gauge("svm_upstream_window", "Exchanges with a token that may run at once"),
            upstream_up: registry.gauge_family(
                "svm_upstream_up",
                "0 while an upstream host fails, 1 while it works, for each host that was asked",
                &["host"],
            ),
            token_remaining: per_token(
                "svm_token_remaining",
                "Requests left in a token's window, if known; of several windows, the least",
            ),
            token_reset: per_token(
                "svm_token_reset_timestamp_seconds",
                "When that window ends, if known",
            ),
            token_resting: per_token("svm_token_resting", "1 while a token rests after a limit"),
            token_rejected: per_token("svm_token_rejected", "1 while GitHub refuses a token"),
            token_account: per_token(
                "svm_token_account",
                "The first of the tokens that share a token's account, as far as known",
            ),
            token_private: per_token(
                "svm_token_private",
                "1 while a token's scopes let it see private data",
            ),
            token_expires: per_token(
                "svm_token_expires_days",
                "Whole days until a token expires, if known",
            ),
        };
        for token in 0..tokens {
            gauges.token_resting.with_label_values(&[&token.to_string()]).set(0);
            gauges.token_rejected.with_label_values(&[&token.to_string()]).set(0);
        }
        gauges
    }

    pub(super) fn set(&mut self, observed: &Observed) {
        self.l1_entries.set(signed(observed.level.entries));
        self.l1_bytes.set(signed(observed.level.bytes));
        self.active.set(signed(observed.active as u64));
        self.overdue.set(signed(observed.lateness.overdue as u64));
        self.oldest_check.set(signed(observed.lateness.oldest.as_secs()));
        self.flights.set(signed(observed.flights as u64));
        self.gzip_waiting.set(signed(observed.uncompressed as u64));
        self.log_drops.catch_up(observed.log_drops);
        self.upstream_window.set(signed(observed.upstream_window as u64));
        self.queue(&observed.write_behind);
        for report in &observed.hosts {
            let up = i64::from(report.failing.is_none());
            self.upstream_up.with_label_values(&[&*report.host]).set(up);
        }
        for (index, report) in observed.tokens.iter().enumerate() {
            self.token(&index.to_string(), report);
        }
    }

    fn queue(&self, stats: &Stats) {
        self.queue_depth.set(signed(stats.depth as u64));
        self.queue_bytes.set(signed(stats.bytes as u64));
        self.queue_owed.set(signed(stats.owed as u64));
        self.queue_dropped[0].catch_up(stats.dropped_overflow);
        self.queue_dropped[1].catch_up(stats.dropped_age);
        self.written.catch_up(stats.flushed);
        self.failed_batches.catch_up(stats.failed_batches);
        self.batches.catch_up(stats.batches);
        let more = stats.batch_time.as_secs_f64() - self.batch_seconds.get();
        self.batch_seconds.inc_by(more.max(0.0));
    }

    fn token(&self, token: &str, report: &Report) {
        self.token_resting.with_label_values(&[token]).set(i64::from(report.is_cooling_down));
        self.token_rejected.with_label_values(&[token]).set(i64::from(report.rejected));
        self.token_account.with_label_values(&[token]).set(signed(report.account as u64));
        self.token_private.with_label_values(&[token]).set(i64::from(report.private));
        set_or_remove(&self.token_remaining, token, report.remaining.map(signed));
        set_or_remove(&self.token_reset, token, report.reset_at.map(|at| signed(at.as_secs())));
        set_or_remove(&self.token_expires, token, report.expires_in_days);
    }
}

/// Sets a known value. An unknown value is absent, not zero.
fn set_or_remove(family: &IntGaugeVec, token: &str, value: Option<i64>) {
    match value {
        Some(value) => family.with_label_values(&[token]).set(value),
        None => drop(family.remove_label_values(&[token])),
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

trait CatchUp {
    /// Raises the counter to a total that is kept elsewhere. The gauges' lock admits one caller at
    /// a time.
    fn catch_up(&self, total: u64);
}

impl CatchUp for IntCounter {
    fn catch_up(&self, total: u64) {
        self.inc_by(total.saturating_sub(self.get()));
    }
}
