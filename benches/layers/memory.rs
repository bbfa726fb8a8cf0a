//! The look-up in L1, among few entries and among many.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion};
use http::StatusCode;
use svm::cache::Memory;
use svm::clock::Timestamp;
use svm::entry::{Entry, Times};
use svm::target::Key;

use super::picks::uniform;

const CAPACITY: u64 = 1 << 30;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    for entries in [1, 100_000] {
        let memory = Memory::new(CAPACITY, Arc::default());
        let keys: Vec<_> = (0..entries).map(|number| insert(&memory, number)).collect();
        assert_eq!(memory.level().entries, entries as u64, "nothing was evicted");
        let mut picks = uniform(entries).into_iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(entries), |bencher| {
            bencher.iter(|| {
                let pick = picks.next().expect("picks without an end");
                memory.get(&keys[pick]).expect("a key that was inserted")
            });
        });
    }
    group.finish();
}

fn insert(memory: &Memory, number: usize) -> Key {
    let url = format!("https://api.github.com/repos/octo/{number}/releases/latest");
    let body = Bytes::from_static(br#"{"tag_name":"v1.0.0"}"#);
    let now = Timestamp::from_secs(1);
    let times = Times::starting(now, Duration::from_secs(1));
    let entry = Entry::new(url, StatusCode::OK, body, times);
    let key = entry.key();
    memory.insert(key, Arc::new(entry), now);
    key
}
