//! Makes and registers families of metrics. Names and labels are constants of ours, so a mistake in one is a defect
//! that the first test meets: it panics.

use prometheus::core::Collector;
use prometheus::{
    Counter, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

pub(super) struct Families<'a>(&'a Registry);

impl<'a> Families<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self(registry)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    /// A counter of time.
    pub(super) fn seconds(&self, name: &str, help: &str) -> Counter {
        self.registered(Counter::new(name, help))
    }

    /// A counter for each value of the one label.
    pub(super) fn counters<const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: [&str; N],
    ) -> [IntCounter; N] {
        let family = self.counter_family(name, help, &[label]);
        values.map(|value| family.with_label_values(&[value]))
    }

    /// The same, each beside the value that it counts.
    pub(super) fn counters_of<T: Copy, const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: [T; N],
        as_str: impl Fn(T) -> &'static str,
    ) -> [(T, IntCounter); N] {
        let family = self.counter_family(name, help, &[label]);
        values.map(|value| (value, family.with_label_values(&[as_str(value)])))
    }

    pub(super) fn counter_family(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    pub(super) fn gauge_family(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options))
    }

    /// A gauge that is always 1 and tells by its labels.
    pub(super) fn constant(&self, name: &str, help: &str, labels: &[(&str, &str)]) {
        let options = labels.iter().fold(Opts::new(name, help), |options, (name, value)| {
            options.const_label(*name, *value)
        });
        self.registered(IntGauge::with_opts(options)).set(1);
    }

    pub(super) fn register(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("each metric is registered once");
    }

    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels of metrics are valid");
        self.register(collector.clone());
        collector
    }
}
