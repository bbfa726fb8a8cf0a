//! The bound of the files under churn: the test writes ten times the bound, and the files never
//! exceed it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::census;
use crate::clock::{Clock, ManualClock};
use crate::entry::Entry;
use crate::store::embedded::Embedded;
use crate::store::tests::laws::{NOW, at, entry};
use crate::store::{Change, Store};

struct Churn {
    max_bytes: u64,
    /// The number of different documents.
    keys: u64,
    /// The smallest and the largest body. Each doubling between them is equally frequent.
    body_bytes: (f64, f64),
    batch_bytes: u64,
    /// The share of the bound, in percent, that records must fill in the end.
    filled: u64,
}

impl Churn {
    async fn run(&self) {
        let dir = tempfile::tempdir().unwrap();
        let config =
            crate::config::Embedded { dir: dir.path().to_path_buf(), max_bytes: self.max_bytes };
        let store = Embedded::open(&config, &Clock::Manual(ManualClock::at(NOW)), Duration::ZERO)
            .await
            .unwrap()
            .store;
        let mut random = fastrand::Rng::with_seed(7);
        let mut written = 0;
        for round in 0.. {
            let batch = self.batch(round, &mut random);
            written += batch.iter().map(body_bytes).sum::<u64>();
            store.apply(batch.into(), NOW).await.unwrap();
            assert!(file_bytes(dir.path()) <= self.max_bytes);
            if written > self.max_bytes * 10 {
                break;
            }
        }
        let census = store.handle.run(|file| census(&file.database)).unwrap();
        println!("written {written}, file {}, {census:?}", file_bytes(dir.path()));
        assert!(census.record_bytes * 100 >= self.max_bytes * self.filled, "{census:?}");
    }

    fn batch(&self, round: u64, random: &mut fastrand::Rng) -> Vec<Change> {
        let mut batch = Vec::new();
        while batch.iter().map(body_bytes).sum::<u64>() < self.batch_bytes {
            let (smallest, largest) = self.body_bytes;
            // Noise, which a gzip form does not make smaller: the bound is about the written bytes.
            let mut body = vec![0; (smallest * (largest / smallest).powf(random.f64())) as usize];
            random.fill(&mut body);
            let entry = entry(&format!("churn/{}", random.u64(..self.keys)), round, "");
            let entry = Entry { body: Bytes::from(body).into(), ..Arc::unwrap_or_clone(entry) };
            let keep_until = at(1_000_000 + round);
            batch.push(Change::Put { entry: Arc::new(entry), keep_until });
        }
        batch
    }
}

fn body_bytes(change: &Change) -> u64 {
    match change {
        Change::Put { entry, .. } => entry.body.len() as u64,
        Change::Remove { .. } => 0,
    }
}

fn file_bytes(dir: &Path) -> u64 {
    ["svm.redb", "svm.redb.journal", "svm.redb.journal2"]
        .map(|name| fs::metadata(dir.join(name)).unwrap().len())
        .iter()
        .sum()
}

#[tokio::test]
async fn bodies_of_every_size_stay_within_the_bound() {
    let churn = Churn {
        max_bytes: 4 << 20,
        keys: 1_000,
        body_bytes: (300.0, 100_000.0),
        batch_bytes: 200_000,
        filled: 20,
    };
    churn.run().await;
}

#[tokio::test]
async fn small_bodies_stay_within_the_bound() {
    let churn = Churn {
        max_bytes: 1 << 20,
        keys: 1_000,
        body_bytes: (200.0, 3_000.0),
        batch_bytes: 50_000,
        filled: 15,
    };
    churn.run().await;
}

#[tokio::test]
async fn batches_that_are_large_for_the_bound_stay_within_it() {
    let churn = Churn {
        max_bytes: 4 << 20,
        keys: 100,
        body_bytes: (1_000.0, 500_000.0),
        batch_bytes: 1 << 20,
        filled: 10,
    };
    churn.run().await;
}
