//! Pooled connections: their number, and requests on a dead connection.

use std::time::Duration;

use futures_util::future::join_all;
use svm::clock::Stopwatch;

use super::{CUT_SHORT, DOCUMENT, JSON, app, builder};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Wire};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

/// The number of exchanges that one host may have: three quarters of `UPSTREAM_MAX_CONCURRENCY`.
const CONCURRENCY: usize = 48;
/// The number of idle connections that die.
const BURST: usize = 8;

fn url(wave: &str, n: usize) -> String {
    format!("https://api.github.com/repos/octo/{wave}{n}/releases/latest")
}

/// Requests this many documents that nobody has requested before, each on a connection of its own.
async fn burst(app: &TestApp, wave: &str, count: usize) {
    let names = (0..count).map(|n| format!("octo/{wave}{n}"));
    let gates: Vec<_> = names
        .map(|name| {
            app.github.release(&name).serve();
            app.github.hold(&format!("/repos/{name}/releases/latest"))
        })
        .collect();
    let asked: Vec<_> = (0..count).map(|n| tasks::spawn(app.ask(&url(wave, n)))).collect();
    eventually(|| gates.iter().map(|gate| gate.arrivals()).sum::<usize>() == count).await;
    drop(gates);
    for answer in asked {
        assert_eq!(answer.await.expect("an answer").status, 200);
    }
}

#[tokio::test]
async fn a_second_wave_reuses_the_connections_of_the_first() {
    let app = app().await;
    burst(&app, "first", CONCURRENCY).await;
    assert_eq!(app.github.connections(), CONCURRENCY as u64);
    burst(&app, "second", CONCURRENCY).await;
    let handshakes = app.github.connections();
    assert!(handshakes <= CONCURRENCY as u64 + 4, "{handshakes} handshakes");
}

/// Requests other documents at once, as many as there are dead connections. Asserts that all
/// succeed.
async fn misses_succeed(app: &TestApp) {
    let urls: Vec<_> = (0..BURST).map(|n| url("next", n)).collect();
    for n in 0..BURST {
        app.github.release(&format!("octo/next{n}")).serve();
    }
    for answer in join_all(urls.iter().map(|url| app.version(url))).await {
        assert_eq!(answer.status, 200, "{}", answer.summary());
    }
}

/// Returns the ways in which an idle connection breaks, each before a complete head.
fn deaths() -> Vec<(&'static str, Failure)> {
    let wire = |wire: Wire| Failure::Wire(wire);
    vec![
        ("RST", Failure::Reset),
        ("FIN", wire(Wire::new("").cut())),
        ("a TLS close", Failure::CloseBeforeAnswer),
        ("a TLS alert", wire(Wire::new("").then_raw(&b"\x15\x03\x03\x00\x02\x02\x28"[..]).cut())),
        ("no TLS record", wire(Wire::new("").then_raw("nonsense that is no record").cut())),
        ("half a head", wire(Wire::new("HTTP/1.1 200 OK\r\nx-half").closed())),
        ("half a head, cut", wire(Wire::new("HTTP/1.1 200 OK\r\nx-half").cut())),
        ("a status line", wire(Wire::new("HTTP/1.1 200 OK\r\n").closed())),
        ("an interim answer", wire(Wire::new("HTTP/1.1 103 Early Hints\r\n\r\n").closed())),
        ("no head", wire(Wire::new("\0\x01\x02 nonsense\r\n\r\n").closed())),
    ]
}

#[tokio::test]
async fn dead_idle_connections_fail_no_request() {
    for (name, death) in deaths() {
        let app = app().await;
        burst(&app, "first", BURST).await;
        let before = app.github.total_calls();
        app.github.fail_all(death).on_known_connections();
        // The requests come one after the other: the retry of each would meet the next dead
        // connection.
        for n in 0..BURST {
            app.github.release(&format!("octo/next{n}")).serve();
            let answer = app.version(&url("next", n)).await;
            assert_eq!(answer.status, 200, "{name}, {n}: {}", answer.summary());
        }
        let requests = app.github.total_calls() - before;
        assert!(requests <= 2 * BURST as u64, "{name}: {requests} requests");
        assert_eq!(app.metric("svm_upstream_requests_total").await, requests as f64 + BURST as f64);
    }
}

#[tokio::test]
async fn a_dead_idle_connection_leaves_the_retry_to_the_exchange() {
    for (name, death) in deaths() {
        let app = app().await;
        burst(&app, "first", 1).await;
        app.github.fail(LATEST_PATH).with(death).on_known_connections();
        app.github.fail(LATEST_PATH).with(Failure::ServerError502).times(1);
        assert_eq!(app.version(LATEST).await.status, 200, "{name}");
        assert_eq!(app.github.calls(LATEST_PATH), 3, "{name}");
    }
}

#[tokio::test]
async fn a_break_on_a_fresh_connection_is_retried_once() {
    for (name, death) in deaths() {
        let app = app().await;
        app.github.fail(LATEST_PATH).with(death).times(2);
        assert_eq!(app.version(LATEST).await.status, 502, "{name}");
        assert_eq!(app.github.calls(LATEST_PATH), 2, "{name}");
    }
}

#[tokio::test]
async fn silent_idle_connections_cost_one_wait() {
    const LIMIT: Duration = Duration::from_secs(6);
    let app = builder(LIMIT).start().await;
    burst(&app, "first", BURST).await;
    app.github.fail_all(Failure::Hang).on_known_connections();
    let stopwatch = Stopwatch::start();
    for n in 0..BURST {
        app.github.release(&format!("octo/next{n}")).serve();
        let answer = app.version(&url("next", n)).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.summary());
    }
    assert!(stopwatch.elapsed() < LIMIT, "took {:?}", stopwatch.elapsed());
    // The other idle connections were closed.
    eventually(|| app.github.open_connections() <= 1).await;
}

#[tokio::test]
async fn silent_idle_connections_that_are_met_at_once_fail_no_request() {
    const LIMIT: Duration = Duration::from_secs(6);
    let app = builder(LIMIT).start().await;
    burst(&app, "first", BURST).await;
    app.github.fail_all(Failure::Hang).on_known_connections();
    misses_succeed(&app).await;
}

#[tokio::test]
async fn a_slow_answer_on_an_idle_connection_is_still_taken() {
    let app = builder(Duration::from_secs(4)).start().await;
    burst(&app, "first", 1).await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::Latency(Duration::from_millis(2_500)));
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_body_that_breaks_is_retried_once() {
    let headers = format!("{JSON}\ncontent-length: 18");
    let short = || Wire::head("200 OK", &headers).then(DOCUMENT);
    for (name, broken) in [
        ("an end in good order", Failure::CutBody),
        ("a missing last chunk", Failure::CutChunked),
        ("a gzip stream that stops", Failure::CutGzip),
        ("a cut", Failure::Wire(short().cut())),
    ] {
        let app = app().await;
        app.github.fail_all(broken.clone()).times(1);
        assert_eq!(app.version(LATEST).await.status, 200, "{name}");
        assert_eq!(app.github.calls(LATEST_PATH), 2, "{name}");

        app.github.publish("octo/app", "v2.0.0");
        app.github.fail_all(broken).times(2);
        CUT_SHORT.assert(&app.refresh(LATEST).await, "request", name);
        assert_eq!(app.github.calls(LATEST_PATH), 4, "{name}");
    }
}

#[tokio::test]
async fn head_and_body_share_the_one_retry() {
    let app = app().await;
    app.github.fail_all(Failure::CloseBeforeAnswer).times(1);
    app.github.fail_all(Failure::CutBody).times(1);
    CUT_SHORT.assert(&app.version(LATEST).await, "uri-miss", "a head, then a body");
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}
