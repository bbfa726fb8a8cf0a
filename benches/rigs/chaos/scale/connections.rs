//! Busy connections: few and many to one process.

use crate::say;
use crate::verdict::Verdict;

use super::series::Series;
use super::stage::Stage;
use super::subject::{Subject, in_turns, judge};

const BODY_BYTES: usize = 7_000;
const DOCUMENTS: usize = 1_000;
const L1_MIB: usize = 1_024;
/// The highest cost of a hit over the most connections, in relation to that over the fewest that
/// keep the process busy.
const CPU_RATIO: f64 = 1.5;
/// From here on it is busy: with one connection it waits for its client, and wakes up for each
/// request.
const BUSY: usize = 32;

pub(super) async fn run(stage: &Stage<'_>, verdict: &mut Verdict) {
    let series = Series::of_bytes(BODY_BYTES);
    let running = stage.start(L1_MIB).await;
    let _took = running.fill(&series, 0, DOCUMENTS, verdict).await;
    let mut counts = stage.plan.connections.clone();
    counts.sort_unstable();
    let mut subjects = Vec::new();
    for count in &counts {
        let mut subject = Subject::new(&running.service, *count, &series, DOCUMENTS).await;
        subject.warm_up(stage.plan.requests / 10).await;
        subjects.push(subject);
    }
    let mut in_order: Vec<_> = subjects.iter_mut().collect();
    in_turns(&mut in_order, stage.plan.rounds, stage.plan.requests).await;
    for (count, subject) in counts.iter().zip(&subjects) {
        say(&format!(
            "  {count:>5} connections: {:.2} us of CPU a hit, {:.0} a second, {}, median {:.3} ms, p99 {:.3} ms",
            subject.cpu_micros(),
            subject.rate(),
            subject.busy(),
            subject.median(),
            subject.p99(),
        ));
    }
    judge(&subjects.iter().collect::<Vec<_>>(), verdict);
    let busy: Vec<_> = counts.iter().zip(&subjects).filter(|(count, _)| **count >= BUSY).collect();
    if let [(few, first), .., (most, last)] = &busy[..] {
        let what = format!("  CPU of a hit over {most}, in that over {few}");
        verdict.at_most(&what, last.cpu_micros() / first.cpu_micros(), CPU_RATIO, "");
    }
    drop(subjects);
    running.stop().await;
}
