//! The model test: for any operations in any order, the service does what a small model of it
//! allows.
//!
//! A proptest generates the operations (`op`), a scene applies them to a real service (`scene`),
//! and a verdict judges each answer by the state of the world (`verdict`). The contents of the
//! tiers after a step must be reachable in the model from the contents before it (`reference`). The
//! model does not know how the service decides; it knows only which results are lawful. GitHub's
//! lies, events and parts of documents have a model of their own (`releases`).

mod observed;
mod op;
mod reference;
mod releases;
mod scene;
mod verdict;

use proptest::prelude::*;
use tokio::runtime;

use self::op::{Op, ops};
use self::scene::Scene;

/// The most scenes of a case; most scenes are a single operation.
const LONGEST: usize = 16;
/// The number of times that a failing case is repeated to make it shorter.
const SHRINKS: u32 = 150;

async fn play(ops: Vec<Op>) {
    let mut scene = Scene::open().await;
    for op in ops {
        scene.play(op).await;
    }
    scene.close().await;
}

proptest! {
    // The number of cases is the default, so that PROPTEST_CASES can set it.
    #![proptest_config(ProptestConfig { max_shrink_iters: SHRINKS, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_model_allows_it(scenes in prop::collection::vec(ops(), 1..LONGEST)) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(play(scenes.concat()));
    }
}
