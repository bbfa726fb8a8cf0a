//! Hits beside the sweeps over many documents in use, all of which were used since the sweep
//! before.

use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::time::sleep;

use crate::harness::process::Setup;
use crate::harness::redis_server::{RedisServer, Reply};
use crate::say;
use crate::service::Service;
use crate::statistics::{millis, quantile};
use crate::system;
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::lane::{Answer, Lane};
use super::series::Series;
use super::stage::Stage;

const L1_MIB: usize = 1_024;
const BODY_BYTES: usize = 200;
/// Connections over which all documents are used.
const CONNECTIONS: usize = 32;
/// Between two sweeps, and how long hits are measured: in that time one sweep ends and another
/// begins.
const INTERVAL: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(12);
const ROUNDS: usize = 3;
/// Between two hits.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest time of a hit, but for one in a thousand.
const P999_MS: f64 = 5.0;

const RUNS: &str = "svm_revalidate_runs_total";

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    say("  embedded store");
    measure(stage, |setup| setup, verdict).await;
    let Some(redis) = RedisServer::start() else {
        return say("  Redis is not installed, and not measured");
    };
    say("  Redis");
    give_way(&redis);
    measure(stage, |setup| setup.set("REDIS_HOST", &redis.address().to_string()), verdict).await;
}

async fn measure(stage: &Stage<'_>, with: impl Fn(Setup) -> Setup, verdict: &mut Verdict) {
    let (documents, series) = (stage.plan.in_use, Series::of_bytes(BODY_BYTES));
    let interval = format!("{}s", INTERVAL.as_secs());
    let setup = |setup: Setup| with(setup).set("REVALIDATE_INTERVAL", &interval);
    let running = stage.start_with(L1_MIB, setup).await;
    running.fill(&series, 0, documents, verdict).await;
    running.quiet().await;
    let service = &running.service;
    let mut crowd = Crowd::open(service.address, CONNECTIONS, &series).await;
    let mut lane = Lane::open(service.address).await.expect("a service that accepts");
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let used = crowd.ask(Draw::each(&series, 0, documents)).await;
        verdict.exactly("    documents that were used", used.hits as f64, documents as f64);
        let (runs, cost) = (service.metric(RUNS), Cost::of(service));
        times.push(hits(&mut lane, &series).await);
        say(&format!(
            "    {}",
            told(times.last().expect("a round"), &Cost::of(service).since(&cost))
        ));
        verdict.at_least("    sweeps meanwhile", service.metric(RUNS) - runs, 1.0, "");
    }
    verdict.exactly("    documents in use", service.metric("svm_active_keys"), documents as f64);
    let p999 = quantile(times.concat(), 0.999);
    verdict.at_most("    p99.9 of a hit", p999, P999_MS, " ms");
    running.stop().await;
}

/// Has the server give way to the client, with which it shares a core: what is measured is the
/// service.
fn give_way(redis: &RedisServer) {
    let Reply::Text(info) = redis.command(&["INFO", "server"]) else { panic!("no server") };
    let info = String::from_utf8(info).expect("a text");
    let process = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    system::give_way(process.expect("a process"));
}

/// Hits at a steady pace; how long each took, in milliseconds. One that was due while the one
/// before had no answer yet is timed from when it was due.
async fn hits(lane: &mut Lane, series: &Series) -> Vec<f64> {
    let (began, mut times) = (Stopwatch::start(), Vec::new());
    let mut due = Duration::ZERO;
    while due < MEASURED {
        due += PAUSE;
        let early = due.saturating_sub(began.elapsed());
        if !early.is_zero() {
            sleep(early).await;
            due = due.max(began.elapsed());
        }
        let answer = lane.ask(series, 0).await.expect("an answer");
        assert_eq!(answer, Answer::Hit, "a document in use");
        times.push(millis(began.elapsed().saturating_sub(due)));
    }
    times
}

/// The cost of a process.
struct Cost {
    cpu: Duration,
    written: f64,
}

impl Cost {
    fn of(service: &Service) -> Self {
        Self { cpu: service.cpu_time(), written: system::written(service.id()) }
    }

    fn since(&self, before: &Self) -> Self {
        let cpu = self.cpu.saturating_sub(before.cpu);
        Self { cpu, written: self.written - before.written }
    }
}

fn told(times: &[f64], cost: &Cost) -> String {
    let quantile = |part| quantile(times.iter().copied(), part);
    let [median, p99, p999, most] = [0.5, 0.99, 0.999, 1.0].map(quantile);
    let (cpu, written) = (cost.cpu.as_secs_f64(), cost.written / 1e6);
    format!(
        "a hit: median {median:.3} ms, p99 {p99:.3}, p99.9 {p999:.2}, most {most:.1}; \
         {cpu:.2} s of CPU, {written:.1} MB written"
    )
}
