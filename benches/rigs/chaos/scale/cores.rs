//! One core and two: what a second one adds to the CPU time of a hit, for one document and for
//! many.
//!
//! On a machine of two cores the client shares one with the service, so the throughput says little.

use crate::say;
use crate::verdict::Verdict;

use super::series::Series;
use super::stage::Stage;
use super::subject::{Subject, in_turns, judge};

const BODY_BYTES: usize = 7_000;
const DOCUMENTS: usize = 1_000;
const L1_MIB: usize = 1_024;
const CONNECTIONS: usize = 32;
/// The highest cost of a hit on one document, in relation to one on many: all threads count
/// references to the same one.
const CONTENTION_RATIO: f64 = 1.15;
/// The highest cost of a hit on two cores, in relation to one on one core.
const CORES_RATIO: f64 = 1.5;

pub(super) async fn run(stage: &Stage<'_>, verdict: &mut Verdict) {
    let series = Series::of_bytes(BODY_BYTES);
    let (one, two) = (stage.start_on(1, L1_MIB).await, stage.start_on(2, L1_MIB).await);
    let mut subjects = Vec::new();
    for running in [&one, &two] {
        let _took = running.fill(&series, 0, DOCUMENTS, verdict).await;
        for documents in [1, DOCUMENTS] {
            let mut subject = Subject::new(&running.service, CONNECTIONS, &series, documents).await;
            subject.warm_up(stage.plan.requests / 10).await;
            subjects.push(subject);
        }
    }
    let mut in_order: Vec<_> = subjects.iter_mut().collect();
    in_turns(&mut in_order, stage.plan.rounds, stage.plan.requests).await;
    let names =
        ["one core, one document", "one core, many", "two cores, one document", "two cores, many"];
    for (name, subject) in names.iter().zip(&subjects) {
        say(&format!(
            "  {name:<24} {:.2} us of CPU a hit, {:.0} a second, {}",
            subject.cpu_micros(),
            subject.rate(),
            subject.busy(),
        ));
    }
    judge(&subjects.iter().collect::<Vec<_>>(), verdict);
    let cpu = |subject: usize| subjects[subject].cpu_micros();
    verdict.at_most(
        "  CPU on two cores, one document in many",
        cpu(2) / cpu(3),
        CONTENTION_RATIO,
        "",
    );
    verdict.at_most("  CPU on two cores in one core, many", cpu(3) / cpu(1), CORES_RATIO, "");
    drop(subjects);
    one.stop().await;
    two.stop().await;
}
