//! From the raw query to the key: the strict grammar, the canonical form and one SHA-256.

use std::hint::black_box;

use criterion::Criterion;
use svm::http::query::VersionQuery;
use svm::target::{Policy, Target};

use crate::support::harness::app::encode;

/// As long as most URLs that are asked for.
const URL: &str = "https://api.github.com/repos/prometheus/node_exporter/releases/latest";

pub(crate) fn bench(criterion: &mut Criterion) {
    let policy = Policy::default();
    let read = |query: &str| {
        let query = VersionQuery::parse(Some(query)).expect("a query that can be read");
        Target::parse(&query.url, &policy).expect("a target that is allowed")
    };
    let (raw, encoded) = (format!("url={URL}"), format!("url={}", encode(URL)));
    assert_eq!(read(&raw).key(), read(&encoded).key(), "both are one key");

    let mut group = criterion.benchmark_group("target");
    group.bench_function("raw", |bencher| bencher.iter(|| read(black_box(&raw))));
    group.bench_function("encoded", |bencher| bencher.iter(|| read(black_box(&encoded))));
    group.finish();
}
