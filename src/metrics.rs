//! The registry of metrics, in Prometheus' text format. Each component makes and owns its own
//! metrics.
//!
//! A component resolves its children once, at the start: it holds a counter and adds to it, without
//! a look-up by label. Names and labels are constants, so an invalid one is a bug that the first
//! test finds: it panics.

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    Counter, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    TextEncoder,
};

use crate::build_info::{COMMIT, VERSION};

/// The metrics of one service; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    own: prometheus::Registry,
    /// The figures of the system, in a registry of their own. Reading them takes some milliseconds
    /// if there are many connections, since it counts the descriptors.
    of_process: prometheus::Registry,
}

impl Registry {
    /// Creates a registry with the version of svm and the system's figures of the process.
    pub fn of_process() -> Self {
        let registry = Self::default();
        let help = "The version that runs, and its commit if that is known";
        let build = registry.gauge_family("svm_build_info", help, &["version", "commit"]);
        build.with_label_values(&[VERSION, COMMIT]).set(1);
        registry.register_process();
        registry
    }

    /// Registers the figures of the system, which the library reads from `/proc`.
    #[cfg(target_os = "linux")]
    fn register_process(&self) {
        let collector = Box::new(prometheus::process_collector::ProcessCollector::for_self());
        self.of_process.register(collector).expect("each metric is registered once");
    }

    #[cfg(not(target_os = "linux"))]
    fn register_process(&self) {}

    /// Renders all metrics in the text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let families = [self.of_process.gather(), self.own.gather()].concat();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        text
    }

    /// Reads svm's own counters.
    pub fn totals(&self) -> Totals {
        Totals(self.own.gather())
    }

    /// Registers a counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    /// Registers a counter of time.
    pub fn seconds(&self, name: &str, help: &str) -> Counter {
        self.registered(Counter::new(name, help))
    }

    /// Registers a counter for each value of the one label.
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

    /// Registers a counter for each value of the one label. Returns each beside the value that it
    /// counts.
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

    /// Registers a counter for each combination of label values.
    pub fn counter_family(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    /// Registers a gauge for each combination of label values.
    pub fn gauge_family(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// Registers a histogram with these upper bounds.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options))
    }

    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels of metrics are valid");
        self.own.register(Box::new(collector.clone())).expect("each metric is registered once");
        collector
    }
}

/// The counters at one moment.
#[derive(Clone, Debug)]
pub struct Totals(Vec<MetricFamily>);

impl Totals {
    /// Returns the sum over all children of a counter; zero if nothing was counted.
    pub fn sum(&self, name: &str) -> u64 {
        self.sum_of(name, None)
    }

    /// Returns the sum over the children of a counter that have this value of a label.
    pub fn sum_where(&self, name: &str, label: &str, value: &str) -> u64 {
        self.sum_of(name, Some((label, value)))
    }

    fn sum_of(&self, name: &str, label: Option<(&str, &str)>) -> u64 {
        let families = self.0.iter().filter(|family| family.name() == name);
        let children = families.flat_map(MetricFamily::get_metric);
        let wanted = children.filter(|child| {
            label.is_none_or(|(name, value)| {
                child.get_label().iter().any(|pair| pair.name() == name && pair.value() == value)
            })
        });
        // Counters of events hold whole numbers.
        wanted.map(|child| child.get_counter().get_value() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_sums_over_the_wanted_children() {
        let registry = Registry::default();
        let family = registry.counter_family("calls", "Calls", &["cost", "priority"]);
        for (labels, count) in [(["free", "a"], 2), (["free", "b"], 3), (["charged", "a"], 4)] {
            family.with_label_values(&labels).inc_by(count);
        }
        let totals = registry.totals();
        assert_eq!((totals.sum("calls"), totals.sum("others")), (9, 0));
        assert_eq!(totals.sum_where("calls", "cost", "free"), 5);
    }
}
