//! `/healthz` does not wait for Redis.

use std::time::Duration;

use svm::clock::Stopwatch;

use super::{SILENT, Scene};
use crate::support::process::Running;

const LIMIT: Duration = Duration::from_millis(50);

/// An odd number of samples, so that there is a middle one.
const SAMPLES: usize = 51;

/// Returns the median duration of the page, since any single request may be slow on a busy machine.
async fn median(svm: &Running) -> Duration {
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let took = Stopwatch::start();
        assert_eq!(svm.get("/healthz").await.status, 200);
        samples.push(took.elapsed());
    }
    samples.sort();
    samples[SAMPLES / 2]
}

#[tokio::test]
async fn health_is_as_fast_on_a_frozen_redis() {
    let Some(scene) = Scene::start().await else { return };
    let well = median(&scene.svm).await;
    scene.server.pause();
    // The page is measured before the detection, during it, and after it.
    let unnoticed = median(&scene.svm).await;
    scene.goes_without(SILENT).await;
    let noticed = median(&scene.svm).await;
    for took in [well, unnoticed, noticed] {
        assert!(took < LIMIT, "{well:?}, then {unnoticed:?} and {noticed:?}");
    }
    scene.server.resume();
    scene.recovers().await;
}
