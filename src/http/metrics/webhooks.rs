//! The counters of webhook deliveries.

use prometheus::IntCounter;

use crate::cache::Delivery;
use crate::metrics::Registry;

/// Registers the counters, one for each result.
pub(in crate::http) fn webhook_counters(registry: &Registry) -> [IntCounter; Delivery::ALL.len()] {
    registry.counters(
        "svm_webhooks_total",
        "Deliveries of GitHub's events, by result",
        "result",
        Delivery::ALL.map(Delivery::as_str),
    )
}
