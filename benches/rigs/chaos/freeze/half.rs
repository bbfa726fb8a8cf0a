//! The results of half a round.

use crate::load::Sample;
use crate::statistics::{median, millis, quantile};

/// Times of requests of one kind, in milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) count: usize,
    pub(super) median: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

/// Hits, misses, and what went wrong with any of them.
pub(super) struct Half {
    pub(super) hits: Times,
    pub(super) misses: Times,
    pub(super) faults: Vec<String>,
}

impl Half {
    pub(super) fn of(hits: &[Sample], misses: &[Sample]) -> Self {
        let faults = hits.iter().chain(misses).filter_map(|sample| sample.fault.clone());
        Self { hits: Times::of(hits), misses: Times::of(misses), faults: faults.collect() }
    }
}

impl Times {
    pub(super) fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        let took: Vec<f64> = samples.into_iter().map(|sample| millis(sample.took)).collect();
        let at = |part| quantile(took.iter().copied(), part);
        Self {
            count: took.len(),
            median: median(took.iter().copied()),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}
