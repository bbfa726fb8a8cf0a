//! The requests of replicas that share a store, against those of one process alone on the same
//! load.
//!
//! Each document in use is to be revalidated by one of them, whichever it is. Each run has a new
//! Redis, so that nothing is left of the one before.

use std::collections::BTreeMap;

use crate::fleet::{Fleet, Interval, PARTS};
use crate::verdict::Verdict;
use crate::{fleet, say};

const REPLICAS: usize = 3;
/// The most requests of three replicas, in relation to those of one.
const CALLS_RATIO: f64 = 1.05;

const REQUESTS: &str = "svm_upstream_requests_total";
const ADOPTED: &str = "svm_revalidate_adopted_total";

/// The load, and the length of the measurement.
pub(crate) struct Plan {
    /// The documents and the interval.
    pub(crate) fleet: fleet::Plan,
    /// The number of measured intervals.
    pub(crate) intervals: usize,
}

/// The counts of several intervals.
struct Measured {
    intervals: Vec<Interval>,
    /// The number of requests of each replica to GitHub.
    requests: Vec<f64>,
    /// The number of entries that each replica took over from others.
    adopted: Vec<f64>,
    faults: usize,
}

/// Measures, prints, and judges.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let (Some(alone), Some(together)) = (measure(plan, 1).await, measure(plan, REPLICAS).await)
    else {
        return Verdict::impossible("replicas needs redis-server, which is not installed");
    };
    let calls = [&alone, &together].map(|measured| measured.calls(plan));
    let mut verdict = Verdict::new();
    let faults = alone.faults + together.faults;
    verdict.at_most("failed requests", faults as f64, 0.0, "");
    verdict.at_most("calls of three / of one alone", calls[1] / calls[0], CALLS_RATIO, "");
    verdict
}

/// Nothing where there is no Redis.
async fn measure(plan: &Plan, replicas: usize) -> Option<Measured> {
    let fleet::Plan { keys, interval } = plan.fleet;
    say(&format!("{replicas} on a Redis, {keys} documents in use, revalidated every {interval:?}"));
    let mut fleet = Fleet::redis(plan.fleet, replicas).await?;
    let mut faults = fleet.warm_up().await;
    let before = [REQUESTS, ADOPTED].map(|name| fleet.metrics(name));
    let mut intervals = Vec::new();
    for _ in 0..plan.intervals {
        let beginning = fleet.begin();
        let interval = fleet.observe(beginning).await;
        faults.extend(interval.faults.iter().cloned());
        intervals.push(interval);
    }
    let after = [REQUESTS, ADOPTED].map(|name| fleet.metrics(name));
    let [requests, adopted] = [0, 1].map(|at| differences(&before[at], &after[at]));
    let measured = Measured { intervals, requests, adopted, faults: faults.len() };
    measured.report(plan, &faults);
    Some(measured)
}

/// Returns the number of documents for each number of requests.
fn by_calls(calls: &[u64]) -> BTreeMap<u64, usize> {
    calls.iter().fold(BTreeMap::new(), |mut documents, calls| {
        *documents.entry(*calls).or_default() += 1;
        documents
    })
}

fn differences(before: &[f64], after: &[f64]) -> Vec<f64> {
    before.iter().zip(after).map(|(before, after)| after - before).collect()
}

impl Measured {
    /// Calls for one document in one interval.
    fn calls(&self, plan: &Plan) -> f64 {
        let calls: u64 = self.intervals.iter().map(|interval| interval.told.total()).sum();
        calls as f64 / (plan.fleet.keys * plan.intervals) as f64
    }

    fn report(&self, plan: &Plan, faults: &[String]) {
        for interval in &self.intervals {
            let told = &interval.told;
            let (total, free, charged) = (told.total(), told.free, told.charged);
            say(&format!("  {total} calls, {free} free and {charged} charged"));
            say(&format!(
                "  documents by how often they were asked for: {:?}",
                by_calls(&told.calls)
            ));
            say(&format!("  calls in each {PARTS}th of the interval: {:?}", interval.parts));
        }
        say(&format!(
            "  calls of each replica: {:?}, entries adopted: {:?}",
            self.requests, self.adopted
        ));
        say(&format!("  calls for a document in an interval: {:.3}", self.calls(plan)));
        faults.iter().take(3).for_each(|fault| say(&format!("  FAILED {fault}")));
    }
}
