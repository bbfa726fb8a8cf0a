//! One cold key, for which everybody asks before the upstream answers: one call, and an answer for
//! each.

use std::time::Duration;

use svm::clock::Stopwatch;

use crate::say;
use crate::statistics::millis;
use crate::upstream::{HELD, RELEASE};
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::series::Series;
use super::stage::Stage;

const L1_MIB: usize = 1_024;
/// The time within which all must have arrived; the upstream holds its answer a little longer.
const ARRIVAL: Duration = Duration::from_secs(7);
/// From the upstream's answer to the last one of ours.
const LAST_ANSWER_MS: f64 = 1_000.0;

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (count, warm) = (stage.plan.crowd, Series::of_bytes(200));
    let running = stage.start(L1_MIB).await;
    let service = &running.service;
    let mut crowd = Crowd::open(service.address, count, &warm).await;

    let before = service.cpu_time();
    let asking = crowd.ask(Draw::just(&Series::behind_tokens(HELD), 1, count));
    let release = async {
        let followers = [("svm_flight_followers_total", (count - 1) as f64)];
        let arrived = service.reaches(&followers, ARRIVAL).await;
        let waiting = service.metric(followers[0].0);
        let since = Stopwatch::start();
        let _so_far = stage.upstream.tell(RELEASE);
        (arrived, waiting, since)
    };
    let (asked, (arrived, waiting, since)) = tokio::join!(asking, release);
    let took = millis(since.elapsed());
    let cpu = service.cpu_time().saturating_sub(before).as_secs_f64() * 1e6 / count as f64;

    let arrived = arrived.map_or("never".to_owned(), |time| format!("after {time:.0?}"));
    say(&format!("  {count} connections; all of them waiting: {arrived}"));
    let calls = stage.upstream.told()["held"].as_f64().expect("a number");
    verdict.exactly("  waited for the call of another", waiting, (count - 1) as f64);
    verdict.exactly("  answered with the document", asked.answered() as f64, count as f64);
    verdict.exactly("  calls of the upstream", calls, 1.0);
    verdict.at_most("  from its answer to the last of ours", took, LAST_ANSWER_MS, " ms");
    say(&format!("  CPU of a client that waits, with its answer: {cpu:.1} us"));
    say(&format!("  peak of memory: {:.1} MiB", service.memory("VmHWM") / 1_048_576.0));
    running.stop().await;
}
