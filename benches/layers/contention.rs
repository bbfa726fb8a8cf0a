//! Recall by several threads at once: of one key, which they all share, and of many keys as they
//! are asked for in life, few of them most of the time.
//!
//! The figure is the time of one recall on each thread; with as many cores as threads it would not
//! depend on their number.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use svm::cache::{Cache, Demand};
use svm::clock::{Clock, Stopwatch};
use svm::target::Target;

use crate::support::documents::Document;
use crate::support::runtime;
use crate::support::service::Filled;

use super::picks::zipf;
use super::releases::releases;

const KEYS: usize = 1_000;
const THREADS: [usize; 4] = [1, 2, 4, 8];

pub(crate) fn bench(criterion: &mut Criterion) {
    let runtime = runtime();
    let documents = releases(KEYS);
    let filled = runtime.block_on(Filled::with(&documents));
    let targets: Vec<_> = documents.iter().map(Document::target).collect();
    let cache = filled.app.cache();
    let one = vec![&targets[0]];
    let many: Vec<_> = zipf(KEYS).into_iter().map(|pick| &targets[pick]).collect();

    let mut group = criterion.benchmark_group("contention");
    for (name, targets) in [("one key", one), ("zipf keys", many)] {
        for threads in THREADS {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter_custom(|times| recall(cache, &targets, threads, times));
            });
        }
    }
    group.finish();
}

/// Has each thread recall `times` targets, each thread from another place in the row.
fn recall(cache: &Cache, targets: &[&Target], threads: usize, times: u64) -> Duration {
    let stopwatch = Stopwatch::start();
    thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let start = thread * targets.len() / threads;
                let mut row = targets.iter().cycle().skip(start);
                for _ in 0..times {
                    let target = row.next().expect("targets without an end");
                    black_box(
                        cache.recall(target, Demand::Cached, Clock::System.now()).expect("a hit"),
                    );
                }
            });
        }
    });
    stopwatch.elapsed()
}
