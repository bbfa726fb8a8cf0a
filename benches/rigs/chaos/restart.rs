//! The requests to GitHub in the first interval after all processes have started again.
//!
//! The store keeps the documents in use and the times of their checks, so a restart is no burst.

use tokio::time::sleep;

use crate::fleet::{Fleet, Interval, PARTS, Plan};
use crate::say;
use crate::verdict::Verdict;

const REPLICAS: usize = 3;
/// The most requests in the interval after a restart, in relation to the one before it. A document
/// may be checked a sixtieth of an interval early, so two intervals of the same work differ by
/// some.
const CALLS_RATIO: f64 = 1.05;

/// Measures, prints, and judges.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let mut verdict = Verdict::new();
    let embedded = Fleet::embedded(*plan).await;
    measure("one process, embedded store", plan, embedded, &mut verdict).await;
    let Some(redis) = Fleet::redis(*plan, REPLICAS).await else {
        return Verdict::impossible("restart needs redis-server, which is not installed");
    };
    measure("three processes, one Redis", plan, redis, &mut verdict).await;
    verdict
}

async fn measure(what: &str, plan: &Plan, mut fleet: Fleet, verdict: &mut Verdict) {
    let Plan { keys, interval } = plan;
    say(&format!("{what}: {keys} documents in use, revalidated every {interval:?}"));
    let mut faults = fleet.warm_up().await;

    let beginning = fleet.begin();
    let steady = fleet.observe(beginning).await;
    report("a steady interval", &steady);

    // In the middle of a sweep, when half of the documents have been checked since it began.
    sleep(*interval / 2).await;
    fleet.stop_all().await;
    let beginning = fleet.begin();
    fleet.start_all().await;
    let restarted = fleet.observe(beginning).await;
    report("the one after the restart", &restarted);

    faults.extend(steady.faults.into_iter().chain(restarted.faults));
    faults.iter().take(3).for_each(|fault| say(&format!("  FAILED {fault}")));
    verdict.at_most("  failed requests", faults.len() as f64, 0.0, "");
    let ratio = restarted.told.total() as f64 / steady.told.total() as f64;
    verdict.at_most("  calls after the restart / steady", ratio, CALLS_RATIO, "");
}

fn report(name: &str, interval: &Interval) {
    let Interval { told, parts, .. } = interval;
    let (calls, free, charged) = (told.total(), told.free, told.charged);
    say(&format!("  {name}: {calls} calls, {free} free and {charged} charged"));
    say(&format!("    in each {PARTS}th of it: {parts:?}"));
}
