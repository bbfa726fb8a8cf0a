//! The order in which keys are requested: fixed sequences, so that every run requests the same.

use fastrand::Rng;

/// Long enough that a processor does not learn it by heart.
const LENGTH: usize = 1 << 14;
const SEED: u64 = 42;

/// Each of `count` as likely as the others.
pub(crate) fn uniform(count: usize) -> Vec<usize> {
    let mut rng = Rng::with_seed(SEED);
    (0..LENGTH).map(|_| rng.usize(..count)).collect()
}

/// By Zipf's law: the second half as likely as the first, the third a third as likely.
pub(crate) fn zipf(count: usize) -> Vec<usize> {
    let mut rng = Rng::with_seed(SEED);
    let sums: Vec<f64> = (1..=count)
        .scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        })
        .collect();
    let total = sums[count - 1];
    (0..LENGTH)
        .map(|_| {
            let point = rng.f64() * total;
            sums.partition_point(|sum| *sum <= point).min(count - 1)
        })
        .collect()
}
