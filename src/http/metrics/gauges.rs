//! The gauges and counters of values that other components keep. svm reads the values when a client
//! requests the metrics.

use prometheus::{Counter, IntCounter, IntGauge, IntGaugeVec};

use crate::activity::Lateness;
use crate::cache::Level;
use crate::cache::write_behind::Stats;
use crate::metrics::Registry;
use crate::upstream::Report;

use super::MetricsSources;

/// The sources of the values, and the values of which several metrics show a part.
struct Observed<'a> {
    sources: &'a MetricsSources,
    level: Level,
    lateness: Lateness,
    write_behind: Stats,
}

impl<'a> Observed<'a> {
    fn of(sources: &'a MetricsSources) -> Self {
        sources.cache.memory().tend();
        Self {
            sources,
            level: sources.cache.memory().level(),
            lateness: sources.activity.lateness(),
            write_behind: sources.write_behind.stats(),
        }
    }
}

/// A metric: its name, its help, and the function that reads its value.
type GaugeRow = (&'static str, &'static str, fn(&Observed<'_>) -> u64);
type TokenRow = (&'static str, &'static str, fn(&Report) -> Option<i64>);

const GAUGES: [GaugeRow; 11] = [
    ("svm_l1_entries", "Entries in memory", |it| it.level.entries),
    ("svm_l1_bytes", "Weight of the entries in memory", |it| it.level.bytes),
    ("svm_active_keys", "Documents in use, or held in memory", |it| {
        it.sources.activity.known() as u64
    }),
    (
        "svm_revalidate_overdue",
        "Documents in use whose last check is more than two intervals old, as of the last sweep",
        |it| it.lateness.overdue as u64,
    ),
    (
        "svm_revalidate_oldest_check_seconds",
        "Age of the oldest check among the documents in use, as of the last sweep",
        |it| it.lateness.oldest.as_secs(),
    ),
    ("svm_flights", "Flights under way", |it| it.sources.cache.flights().underway() as u64),
    ("svm_gzip_waiting", "Bodies that wait to be compressed", |it| {
        it.sources.cache.uncompressed() as u64
    }),
    ("svm_write_behind_depth", "Changes that wait for L2", |it| it.write_behind.depth as u64),
    ("svm_write_behind_bytes", "Bodies that wait for L2", |it| it.write_behind.bytes as u64),
    (
        "svm_write_behind_owed",
        "Changes that found no room in the queue, and are written from memory once there is",
        |it| it.write_behind.owed as u64,
    ),
    ("svm_upstream_window", "Exchanges with a token that may run at once", |it| {
        it.sources.cache.upstream_window() as u64
    }),
];

/// The counters whose totals other components keep.
const COUNTERS: [GaugeRow; 5] = [
    (
        "svm_l1_evictions_total",
        "Entries that memory gave up for want of room, documents and absences",
        |it| it.sources.cache.memory().evicted(),
    ),
    ("svm_l2_writes_total", "Changes written to L2", |it| it.write_behind.flushed),
    ("svm_l2_write_errors_total", "Batches that L2 did not take; they are tried again", |it| {
        it.write_behind.failed_batches
    }),
    ("svm_l2_write_batches_total", "Batches handed to L2, failed ones included", |it| {
        it.write_behind.batches
    }),
    (
        "svm_log_lines_dropped_total",
        "Log lines dropped under overload, or because they cannot be written",
        |it| it.sources.lines.dropped(),
    ),
];

/// The gauges of each token. An unknown value is absent, not zero.
const OF_TOKENS: [TokenRow; 7] = [
    (
        "svm_token_remaining",
        "Requests left in a token's window, if known; of several windows, the least",
        |it| it.remaining.map(signed),
    ),
    ("svm_token_reset_timestamp_seconds", "When that window ends, if known", |it| {
        it.reset_at.map(|at| signed(at.as_secs()))
    }),
    ("svm_token_resting", "1 while a token rests after a limit", |it| {
        Some(it.is_cooling_down.into())
    }),
    ("svm_token_rejected", "1 while GitHub refuses a token", |it| Some(it.rejected.into())),
    (
        "svm_token_account",
        "The first of the tokens that share a token's account, as far as known",
        |it| Some(signed(it.account as u64)),
    ),
    ("svm_token_private", "1 while a token's scopes let it see private data", |it| {
        Some(it.private.into())
    }),
    ("svm_token_expires_days", "Whole days until a token expires, if known", |it| {
        it.expires_in_days
    }),
];

pub(super) struct Gauges {
    gauges: [IntGauge; GAUGES.len()],
    counters: [IntCounter; COUNTERS.len()],
    of_tokens: [IntGaugeVec; OF_TOKENS.len()],
    queue_dropped: [IntCounter; 2],
    batch_seconds: Counter,
    upstream_up: IntGaugeVec,
}

impl Gauges {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            gauges: GAUGES.map(|(name, help, _)| registry.gauge(name, help)),
            counters: COUNTERS.map(|(name, help, _)| registry.counter(name, help)),
            of_tokens: OF_TOKENS
                .map(|(name, help, _)| registry.gauge_family(name, help, &["token"])),
            queue_dropped: registry.counters(
                "svm_write_behind_dropped_total",
                "Changes that never reached L2, by reason",
                "reason",
                ["overflow", "age"],
            ),
            batch_seconds: registry
                .seconds("svm_l2_write_seconds_total", "Time that L2 took for its batches"),
            upstream_up: registry.gauge_family(
                "svm_upstream_up",
                "0 while an upstream host fails, 1 while it works, for each host that was asked",
                &["host"],
            ),
        }
    }

    /// Sets each gauge, and raises each counter to its total. The caller holds the lock around the
    /// gauges, so no two calls overlap.
    pub(super) fn set(&mut self, sources: &MetricsSources) {
        let observed = Observed::of(sources);
        let now = sources.clock.now();
        for (gauge, (_, _, value)) in self.gauges.iter().zip(GAUGES) {
            gauge.set(signed(value(&observed)));
        }
        for (counter, (_, _, total)) in self.counters.iter().zip(COUNTERS) {
            raise(counter, total(&observed));
        }
        let stats = &observed.write_behind;
        raise(&self.queue_dropped[0], stats.dropped_overflow);
        raise(&self.queue_dropped[1], stats.dropped_age);
        let more = stats.batch_time.as_secs_f64() - self.batch_seconds.get();
        self.batch_seconds.inc_by(more.max(0.0));
        for report in sources.reachability.reports(now) {
            let up = i64::from(report.failing.is_none());
            self.upstream_up.with_label_values(&[&*report.host]).set(up);
        }
        for (index, report) in sources.tokens.reports(now).iter().enumerate() {
            let token = index.to_string();
            for (family, (_, _, value)) in self.of_tokens.iter().zip(OF_TOKENS) {
                match value(report) {
                    Some(value) => family.with_label_values(&[&token]).set(value),
                    None => drop(family.remove_label_values(&[&token])),
                }
            }
        }
    }
}

fn raise(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
