//! One turn: a server is asked for a while.

use std::net::SocketAddr;
use std::time::Duration;

use svm::clock::Stopwatch;

use crate::client;
use crate::pinned::{Pinned, cpu_of_ended};
use crate::scenario::Scenario;
use crate::server::{Kind, Server};
use crate::upstream::Upstream;
use crate::wrk::{Report, Wrk};

/// The results of a turn.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Requests a second.
    pub(crate) rate: f64,
    /// In microseconds.
    pub(crate) p50: f64,
    /// In microseconds.
    pub(crate) p99: f64,
    /// The time of the server's core that a request took, in microseconds.
    pub(crate) cpu: f64,
    /// Resident memory afterwards, in bytes.
    pub(crate) resident: f64,
    /// The part of the time in which the server's core worked for it.
    pub(crate) server_busy: f64,
    /// The same of the client's, with what it did before it asked.
    pub(crate) client_busy: f64,
}

/// Has wrk ask a server for the documents of a scenario; all answers have to be hits.
pub(crate) async fn take(
    wrk: &Wrk,
    server: &Server,
    scenario: &Scenario,
    headers: &[String],
    upstream: &mut Upstream,
) -> Sample {
    let before = (misses(server, upstream), cpu(server), cpu_of_ended());
    let stopwatch = Stopwatch::start();
    let report = wrk.ask(server.address_for(scenario), headers).await;
    let took = stopwatch.elapsed();
    let server_cpu = cpu(server) - before.1;
    let client_cpu = cpu_of_ended() - before.2;
    assert_eq!(misses(server, upstream), before.0, "{server:?} had to ask its upstream");
    assert!(report.requests > 0, "{server:?} or wrk did not get its core once");
    assert!(are_whole(&report, scenario), "{server:?} gave {} bytes", report.bytes);
    server.forget_log();
    let seconds = report.micros as f64 / 1e6;
    Sample {
        rate: report.requests as f64 / seconds,
        p50: report.p50 as f64,
        p99: report.p99 as f64,
        cpu: server_cpu.as_secs_f64() * 1e6 / report.requests as f64,
        resident: server.processes.iter().map(Pinned::resident).sum::<u64>() as f64,
        server_busy: server_cpu.as_secs_f64() / seconds,
        client_busy: client_cpu.as_secs_f64() / took.as_secs_f64(),
    }
}

/// wrk counts what it reads, and does not look at it: on the average an answer has to be longer
/// than its document, or, for who has that already, shorter.
fn are_whole(report: &Report, scenario: &Scenario) -> bool {
    let documents = report.requests * scenario.document(0).bytes as u64;
    (report.bytes < documents) == scenario.is_conditional
}

fn cpu(server: &Server) -> Duration {
    server.processes.iter().map(Pinned::cpu).sum()
}

/// Returns the number of requests that a server has sent on to the upstream. Those of svm in the
/// background are no misses.
fn misses(server: &Server, upstream: &mut Upstream) -> u64 {
    match server.kind {
        Kind::Svm => metric(server.address, "svm_cache_misses_total") as u64,
        Kind::Salvo | Kind::Hyper => 0,
        _ => upstream.calls(),
    }
}

/// A metric of svm.
pub(crate) fn metric(address: SocketAddr, name: &str) -> f64 {
    let page = client::get(address, "/metrics").expect("a service that answers").body;
    let page = String::from_utf8(page).expect("a text");
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{page}"))
}
