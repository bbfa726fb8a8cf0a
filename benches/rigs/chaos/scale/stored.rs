//! A crowd that asks for stored documents after a restart, when L1 is empty: what the storm that
//! fetched them has lost, what the upstream is asked, and how long the crowd waits.

use crate::harness::process::Setup;
use crate::harness::redis_server::RedisServer;
use crate::say;
use crate::service::Service;
use crate::statistics::quantile;
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::series::Series;
use super::stage::{Running, Stage};

const L1_MIB: usize = 1_024;
const BODY_BYTES: usize = 5_000;
/// The longest time of an answer, but for one in a hundred.
const P99_MS: f64 = 100.0;

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    say("  embedded store");
    measure(stage, |setup| setup, verdict).await;
    let Some(redis) = RedisServer::start() else {
        return say("  Redis is not installed, and not measured");
    };
    say("  Redis");
    measure(stage, |setup| setup.set("REDIS_HOST", &redis.address().to_string()), verdict).await;
}

async fn measure(stage: &Stage<'_>, with: impl Fn(Setup) -> Setup, verdict: &mut Verdict) {
    let (documents, clients) = (stage.plan.stored, stage.plan.clients);
    let series = Series::of_bytes(BODY_BYTES);
    // The background promotes nothing: what is measured is the way from the store.
    let setup = |setup: Setup| with(setup).set("REVALIDATE_INTERVAL", "30d");
    let running = stage.start_with(L1_MIB, setup).await;
    running.fill(&series, 0, documents, verdict).await;
    running.quiet().await;
    let written = running.service.metric("svm_l2_writes_total");
    say(&format!("    {documents} documents, {written} of them in the store, {clients} clients"));
    let Running { service, setup } = running;
    service.stop().await;

    let service = Service::start_on(stage.service_cores(), &setup).await;
    let mut crowd = Crowd::open(service.address, clients, &series).await;
    let asked = crowd.ask(Draw::each(&series, 0, documents)).await;
    let took = asked.took.as_secs_f64();
    let opened = service.metric("svm_l2_breaker_opened_total");
    say(&format!("    {:.0} a second; breaker opened {opened} times", documents as f64 / took));
    verdict.exactly("    answered with their documents", asked.answered() as f64, documents as f64);
    let misses = asked.answered() - asked.hits;
    verdict.exactly("    calls of the upstream", misses as f64, 0.0);
    let p99 = quantile(asked.millis.iter().copied(), 0.99);
    verdict.at_most("    p99 of an answer", p99, P99_MS, " ms");
    service.stop().await;
}
