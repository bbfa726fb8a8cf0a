//! Idle connections: what each takes, and whether a hit beside them takes longer.
//!
//! Two processes, one of which has no idle connections; both are asked in turns, over one
//! connection.

use crate::say;
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::series::Series;
use super::stage::Stage;
use super::subject::{Subject, in_turns, judge};

const BODY_BYTES: usize = 7_000;
const L1_MIB: usize = 1_024;
/// The longest time of a hit beside them, in relation to that without them.
const MEDIAN_RATIO: f64 = 1.15;
const P99_RATIO: f64 = 1.5;
/// The most memory of a connection, in KiB.
const CONNECTION_KIB: f64 = 16.0;

pub(super) async fn run(stage: &Stage<'_>, verdict: &mut Verdict) {
    let series = Series::of_bytes(BODY_BYTES);
    let (without, with) = (stage.start(L1_MIB).await, stage.start(L1_MIB).await);
    let mut alone = Subject::new(&without.service, 1, &series, 1).await;
    let mut beside = Subject::new(&with.service, 1, &series, 1).await;
    // An idle connection is closed after half a minute: what is measured takes a part of the
    // requests, so that it is over by then.
    let (rounds, requests) = (stage.plan.rounds, stage.plan.requests / 10);
    alone.warm_up(requests / 10).await;
    beside.warm_up(requests / 10).await;

    let before = with.quiet().await;
    let count = stage.plan.idle;
    let mut idle = Crowd::open(with.service.address, count, &series).await;
    let memory = with.quiet().await - before;
    in_turns(&mut [&mut alone, &mut beside], rounds, requests).await;
    let last = idle.ask(Draw::just(&series, 0, count)).await;

    let kib = memory / 1024.0 / count as f64;
    say(&format!("  {count} idle connections: {kib:.2} KiB each"));
    say(&format!(
        "  a hit: median {:.4} ms, p99 {:.4} ms, {:.2} us of CPU; without them {:.4} ms, {:.4} ms, {:.2} us",
        beside.median(),
        beside.p99(),
        beside.cpu_micros(),
        alone.median(),
        alone.p99(),
        alone.cpu_micros(),
    ));
    verdict.exactly("  still served at the end", last.hits as f64, count as f64);
    verdict.at_most("  memory of each", kib, CONNECTION_KIB, " KiB");
    verdict.at_most("  median beside them", beside.median() / alone.median(), MEDIAN_RATIO, "");
    verdict.at_most("  p99 beside them", beside.p99() / alone.p99(), P99_RATIO, "");
    judge(&[&alone, &beside], verdict);
    without.stop().await;
    with.stop().await;
}
