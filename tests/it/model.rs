//! The model test: whatever happens, in whatever order, the service does what a small model of it
//! allows.
//!
//! A proptest makes up what happens (`op`), a scene plays it to a real service (`scene`), each
//! answer is judged by what the world looked like (`verdict`), and what the tiers hold afterwards
//! must be something that the model can come to from what they held before (`reference`). The model
//! is not told how the service decides: it knows what is lawful. The lies of GitHub, its events and
//! parts of documents have a model of their own (`releases`).

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

/// The longest story of a case, in scenes; most of those are one thing that happens.
const LONGEST: usize = 16;
/// The number of times that a failing case is played again, to make it shorter.
const SHRINKS: u32 = 150;

async fn play(ops: Vec<Op>) {
    let mut scene = Scene::open().await;
    for op in ops {
        scene.play(op).await;
    }
    scene.close().await;
}

proptest! {
    // How many cases there are is the default's business, so that PROPTEST_CASES can say it.
    #![proptest_config(ProptestConfig { max_shrink_iters: SHRINKS, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_model_allows_it(scenes in prop::collection::vec(ops(), 1..LONGEST)) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(play(scenes.concat()));
    }
}
