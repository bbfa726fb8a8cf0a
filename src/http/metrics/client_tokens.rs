//! The counter of real tokens in requests to the mirror.

use prometheus::IntCounter;

use crate::metrics::Registry;

/// Registers the counter.
pub(in crate::http) fn client_tokens(registry: &Registry) -> IntCounter {
    registry.counter(
        "svm_client_tokens_total",
        "Requests to the mirror with what looks like a token of GitHub, which svm ignores",
    )
}
