//! The model test of releases: GitHub publishes, deletes, lies and sends events, in any order. svm
//! serves no false content for longer than the rules of losses allow.
//!
//! A world records the truth (`world`), a story applies the steps to a real service (`story`), and
//! laws judge each answer (`laws`). After each step, clients request every document, and parts of
//! it.

mod laws;
mod story;
mod world;

use proptest::prelude::*;
use tokio::runtime;

use self::story::Story;
use self::world::{DOCUMENTS, Document};
use crate::support::github::Lie;

/// The most steps of a case.
const LONGEST: usize = 12;
const SHRINKS: u32 = 100;

/// One step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// GitHub gets a newer release.
    Publish,
    /// The latest release is deleted.
    Delete,
    /// GitHub lies about a document for some seconds; the lie about the latest release may be an
    /// older one.
    Lie { document: Document, is_older: bool, seconds: u64 },
    /// GitHub sends an event.
    Tell(Event),
    /// A sweep checks a document.
    Sweep(Document),
    /// A client demands a refresh of a document.
    Refresh(Document),
    /// Time passes, in seconds.
    Advance(u64),
    /// The service ends in order, and starts again.
    Restart,
}

/// An event of the repository.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The latest release was published.
    Published,
    /// The release that was deleted last is deleted.
    Deleted,
    /// Commits were pushed.
    Pushed,
}

fn document() -> impl Strategy<Value = Document> {
    prop::sample::select(DOCUMENTS.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let lie = (document(), any::<bool>(), prop::sample::select(vec![20, 90, 200, 600]));
    let event = prop::sample::select(vec![Event::Published, Event::Deleted, Event::Pushed]);
    prop_oneof![
        3 => Just(Step::Publish),
        2 => Just(Step::Delete),
        5 => lie.prop_map(|(document, is_older, seconds)| Step::Lie { document, is_older, seconds }),
        3 => event.prop_map(Step::Tell),
        6 => document().prop_map(Step::Sweep),
        2 => document().prop_map(Step::Refresh),
        6 => prop::sample::select(vec![1, 5, 30, 60, 61, 120]).prop_map(Step::Advance),
        1 => Just(Step::Restart),
    ]
}

/// Returns steps in sequence: a single one, or a deletion together with a lie, which chance would
/// rarely produce.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deletion = document().prop_map(|document| {
        let lie = Step::Lie { document, is_older: false, seconds: 90 };
        vec![Step::Delete, lie, Step::Sweep(document)]
    });
    prop_oneof![12 => step().prop_map(|step| vec![step]), 1 => deletion]
}

impl Document {
    /// Returns the lie that GitHub tells about this document.
    fn lie(self, is_older: bool) -> Lie {
        match self {
            Self::List => Lie::Empty,
            Self::Latest if is_older => Lie::Older,
            Self::Latest | Self::Tag => Lie::Missing,
        }
    }
}

async fn play(steps: Vec<Step>) {
    let mut story = Story::begin().await;
    for step in steps {
        story.play(step).await;
    }
    story.end().await;
}

proptest! {
    // A story takes longer than a case of the other model.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.div_ceil(8),
        max_shrink_iters: SHRINKS,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_github_says_the_laws_of_releases_hold(
        scenes in prop::collection::vec(steps(), 1..LONGEST),
    ) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(play(scenes.concat()));
    }
}
