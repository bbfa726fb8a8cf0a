//! Requests for documents whose checks are overdue, among more documents in use than svm can check
//! in time.

use std::time::Duration;

use tokio::time::sleep;

use crate::say;
use crate::service::Service;
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::series::Series;
use super::stage::Stage;

const L1_MIB: usize = 1_024;
const BODY_BYTES: usize = 200;
const CONNECTIONS: usize = 8;
/// Two of these are the 10 s that a bucket of the histogram of ages ends with.
const INTERVAL: Duration = Duration::from_secs(5);
/// Documents that clients request; svm checks 15 of them in a second.
const REQUESTED: usize = 75;
/// Between the first requests and the second: their checks, and a little more.
const PAUSE: Duration = Duration::from_secs(8);

const AGES: &str = "svm_served_age_seconds_count";
const YOUNG: &str = "svm_served_age_seconds_bucket{le=\"10\"}";

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (documents, series) = (stage.plan.in_use, Series::of_bytes(BODY_BYTES));
    let interval = format!("{}s", INTERVAL.as_secs());
    let running =
        stage.start_with(L1_MIB, |setup| setup.set("REVALIDATE_INTERVAL", &interval)).await;
    running.fill(&series, 0, documents, verdict).await;
    sleep(INTERVAL * 3).await;
    let service = &running.service;
    let mut crowd = Crowd::open(service.address, CONNECTIONS, &series).await;
    // Of the first that were fetched, which are the oldest.
    let first = old(service, crowd.ask(Draw::each(&series, 0, REQUESTED))).await;
    sleep(PAUSE).await;
    let second = old(service, crowd.ask(Draw::each(&series, 0, REQUESTED))).await;
    say(&format!(
        "    of {REQUESTED} requested among {documents} in use, last checked more than two intervals ago: \
         {first} at the first request, {second} at the second"
    ));
    verdict.at_most("    old at the second request", second, 0.0, "");
    running.stop().await;
}

/// Counts the answers to these requests that were last checked more than two intervals ago.
async fn old<T>(service: &Service, requests: impl Future<Output = T>) -> f64 {
    let old = || service.metric(AGES) - service.metric(YOUNG);
    let before = old();
    let _ = requests.await;
    old() - before
}
