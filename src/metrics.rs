//! The registry of metrics, in Prometheus' text format. Each component makes and owns its own metrics.
//!
//! A component resolves its children once, at the start: it holds a counter and adds to it, without a look-up by label.
//! Names and labels are constants of ours, so a mistake in one is a defect that the first test meets: it panics.

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Counter, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    TextEncoder,
};

/// The metrics of one service; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Registry(prometheus::Registry);

impl Registry {
    /// A registry with the version that runs and what the system knows of the process.
    pub fn of_process() -> Self {
        let registry = Self::default();
        registry.constant(
            "svm_build_info",
            "The version that runs",
            &[("version", env!("CARGO_PKG_VERSION"))],
        );
        registry.register(ProcessCollector::for_self());
        registry
    }

    /// Everything, in the text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.0.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    /// A counter of time.
    pub fn seconds(&self, name: &str, help: &str) -> Counter {
        self.registered(Counter::new(name, help))
    }

    /// A counter for each value of the one label.
    pub fn counters<const N: usize>(
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
    pub fn counters_of<T: Copy, const N: usize>(
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

    /// A counter for each combination of label values.
    pub fn counter_family(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    /// A gauge for each combination of label values.
    pub fn gauge_family(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// A histogram with these upper bounds.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options))
    }

    /// A gauge that is always 1 and tells by its labels.
    fn constant(&self, name: &str, help: &str, labels: &[(&str, &str)]) {
        let options = labels.iter().fold(Opts::new(name, help), |options, (name, value)| {
            options.const_label(*name, *value)
        });
        self.registered(IntGauge::with_opts(options)).set(1);
    }

    fn register(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect("each metric is registered once");
    }

    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels of metrics are valid");
        self.register(collector.clone());
        collector
    }
}
