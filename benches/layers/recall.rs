//! The whole decision of the cache for a hit: look-up, the clock, freshness, the answer.

use criterion::Criterion;
use svm::cache::Demand;
use svm::clock::Clock;

use crate::support::runtime;
use crate::support::service::Filled;

use super::releases::releases;

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let documents = releases(1);
    let filled = runtime.block_on(Filled::with(&documents));
    let (cache, target) = (filled.app.cache(), &documents[0].target());

    let mut group = criterion.benchmark_group("recall");
    group.bench_function("recall", |bencher| {
        bencher.iter(|| cache.recall(target, Demand::Cached, Clock::System.now()).expect("a hit"));
    });
    group.finish();
}
