//! The concurrency window: the rate of requests after a limit, as seen by GitHub and by clients.
//!
//! The simulated GitHub records the number of requests in flight at each arrival, so the tests
//! assert the shape of a burst and need no exact timing.

use std::time::Duration;

use super::{HOUR, RAW, RAW_PATH, WINDOW, ask_all, assert_all, documents};
use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Gate};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

/// The latency of answers, which lets requests overlap.
const LATENCY: Duration = Duration::from_millis(20);
const FLIGHTS: &str = "svm_flights";
const L2_MISSES: &str = "svm_l2_reads_total{result=\"miss\"}";

fn eight_at_once(tokens: &str) -> TestAppBuilder {
    TestApp::builder().set("GITHUB_PATS", tokens).set("UPSTREAM_MAX_CONCURRENCY", "8")
}

fn path(url: &str) -> &str {
    &url[url.find("/repos/").expect("a document of a repository")..]
}

/// Returns the number of requests in flight at each arrival, after the first `skipped` arrivals.
fn arrivals(app: &TestApp, skipped: usize) -> Vec<usize> {
    app.github.requests()[skipped..].iter().map(|request| request.in_flight).collect()
}

/// Stores a document, and requests it again: one token meets a limit and the other a failing
/// server, which is not a success, so the window stays at one.
async fn slow_down(app: &TestApp) {
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60))).times(1);
    app.github.fail(LATEST_PATH).with(Failure::Unicorn503).times(2);
    assert_eq!(app.refresh(LATEST).await.status, 503);
    assert_eq!(app.metric(WINDOW).await, 1.0);
}

#[tokio::test]
async fn it_starts_wide_open() {
    let app = eight_at_once("a,b").start().await;
    app.github.fail_all(Failure::Latency(LATENCY));
    assert_eq!(app.metric(WINDOW).await, 8.0);
    assert_all(&ask_all(&app, &documents(&app, "new", 16)).await, 200, "new");
    assert_eq!(app.metric(WINDOW).await, 8.0);
}

#[tokio::test]
async fn after_a_recovery_a_burst_comes_in_one_by_one_at_first() {
    let app = eight_at_once("a,b").start().await;
    app.github.user("alice").token("a").token("b").exhaust();
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(app.metric(WINDOW).await, 1.0, "no token is left");
    app.advance(HOUR);

    app.github.fail_all(Failure::Latency(LATENCY));
    app.github.concurrency_limit(8, None);
    app.github.reset_peak();
    let before = app.github.requests().len();
    assert_all(&ask_all(&app, &documents(&app, "new", 60)).await, 200, "new");

    let arrivals = arrivals(&app, before);
    assert_eq!(arrivals.len(), 60, "no request met a limit and had to be repeated");
    for (index, in_flight) in arrivals.iter().enumerate() {
        // At this arrival, this number of earlier requests has been answered, and each answer has
        // added one to the window of one.
        let answered = index + 1 - in_flight;
        assert!(*in_flight <= 1 + answered, "request {index} of {arrivals:?}");
    }
    assert!((2..=8).contains(&app.github.peak()), "{arrivals:?}");
    assert_eq!(app.metric(WINDOW).await, 8.0);
}

#[tokio::test]
async fn a_low_secondary_limit_costs_clients_nothing() {
    let tokens: Vec<_> = (0..80).map(|number| format!("t{number}")).collect();
    let app = eight_at_once(&tokens.join(",")).start().await;
    app.github.fail_all(Failure::Latency(LATENCY));
    app.github.concurrency_limit(4, Some(60));
    assert_all(&ask_all(&app, &documents(&app, "new", 60)).await, 200, "new");
    let arrivals = arrivals(&app, 0);
    let trips = arrivals.iter().filter(|in_flight| **in_flight > 4).count();
    // Four successes precede each trip except the first; concurrent requests may trip together.
    // Runs showed 13 to 29 trips.
    assert!((1..=40).contains(&trips), "{trips} trips in {arrivals:?}");
    assert_eq!(app.metric("svm_upstream_limits_total{kind=\"secondary\"}").await, trips as f64);
    assert_eq!(arrivals.len(), 60 + trips, "each was repeated once");
}

#[tokio::test]
async fn only_what_began_after_a_limit_opens_it_again() {
    let app = eight_at_once("a,b").start().await;
    let early = documents(&app, "early", 1).remove(0);
    let gate = app.github.hold(path(&early));
    let early = tasks::spawn(app.ask(&early));
    gate.arrived(1).await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60))).times(1);
    let limited = tasks::spawn(app.ask(LATEST));
    app.reaches(WINDOW, 1.0).await;
    assert_eq!(app.github.calls(LATEST_PATH), 1, "the other token waits until the first has gone");
    gate.open();
    assert_eq!(early.await.expect("an answer").status, 200);
    assert_eq!(limited.await.expect("an answer").status, 200);
    assert_eq!(app.metric(WINDOW).await, 2.0, "one success, and one from before");
    for (number, url) in documents(&app, "later", 10).iter().enumerate() {
        assert_eq!(app.version(url).await.status, 200);
        assert_eq!(app.metric(WINDOW).await, (number + 3).min(8) as f64);
    }
}

#[tokio::test]
async fn a_refusal_of_the_last_token_closes_it_too() {
    let app = eight_at_once("a,b").start().await;
    app.github.revoke("a");
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.metric(WINDOW).await, 8.0, "one token is left");
    app.github.revoke("b");
    assert_eq!(app.refresh(LATEST).await.status, 401);
    assert_eq!(app.metric(WINDOW).await, 1.0);
}

#[tokio::test]
async fn the_background_in_a_window_of_one_lets_clients_pass() {
    let app = eight_at_once("a,b").set("CACHE_HARD_TTL", "1h").start().await;
    let copies = documents(&app, "copy", 4);
    assert_all(&ask_all(&app, &copies).await, 200, "copies");
    app.advance(HOUR);
    app.github.fail_all(Failure::Unicorn503);
    assert_all(&ask_all(&app, &copies).await, 200, "copies that stand in");
    app.github.recover();
    slow_down(&app).await;
    let mut gates: Vec<Gate> = copies.iter().map(|url| app.github.hold(path(url))).collect();
    // The background repeats the documents that failed ten seconds ago; a sweep begins only when
    // the test wants it.
    app.advance(Duration::from_secs(10));
    assert_all(&ask_all(&app, &copies).await, 200, "copies that are tried again");
    app.reaches(FLIGHTS, 4.0).await;
    let arrived = || gates.iter().position(|gate| gate.arrivals() > 0);
    eventually(|| arrived().is_some()).await;
    let first = arrived().expect("the one that has the slot");

    // The flight of the client has missed in L2, and waits behind the first one.
    let misses = app.metric(L2_MISSES).await;
    let client = tasks::spawn(app.ask(&documents(&app, "new", 1)[0]));
    app.reaches(L2_MISSES, misses + 1.0).await;
    gates.swap_remove(first).open();
    assert_eq!(client.await.expect("an answer").status, 200);
}

#[tokio::test]
async fn an_exchange_that_waits_for_the_window_blocks_no_host() {
    let app = eight_at_once("a,b").start().await;
    app.github.raw_document(RAW_PATH, "{}");
    slow_down(&app).await;
    let urls = documents(&app, "new", 20);
    let gates: Vec<_> = urls.iter().map(|url| app.github.hold(path(url))).collect();
    let misses = app.metric(L2_MISSES).await;
    let waiting: Vec<_> = urls.iter().map(|url| tasks::spawn(app.ask(url))).collect();
    app.reaches(L2_MISSES, misses + 20.0).await;
    assert_eq!(app.version(RAW).await.status, 200);
    drop(gates);
    for answer in waiting {
        assert_eq!(answer.await.expect("an answer").status, 200);
    }
}

#[tokio::test]
async fn where_every_slot_hangs_a_cooldown_is_reported_at_once() {
    let app = eight_at_once("a").start().await;
    app.github.raw_document(RAW_PATH, "{}");
    app.github.fail(RAW_PATH).with(Failure::RawThrottled429).times(1);
    assert_eq!(app.version(RAW).await.status, 429);
    // Six of eight slots are the share of one host, and the other two are that of the next one.
    let mut urls = documents(&app, "hung", 6);
    urls.extend((0..2).map(|n| format!("https://codeload.github.com/repos/octo/hung-{n}")));
    let (mut gates, mut hung) = (Vec::new(), Vec::new());
    for url in &urls {
        let gate = app.github.hold(path(url));
        hung.push(tasks::spawn(app.ask(url)));
        gate.arrived(1).await;
        gates.push(gate);
    }
    let answer = app.version(RAW).await;
    answer.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(answer.retry_after(), 60);
    assert!(hung.iter().all(|hung| !hung.is_finished()), "it waited for a slot");
    drop(gates);
}

#[tokio::test]
async fn a_missing_token_is_reported_while_the_window_hangs() {
    let app = eight_at_once("a").start().await;
    let hung = documents(&app, "hung", 1).remove(0);
    let gate = app.github.hold(path(&hung));
    let hung = tasks::spawn(app.ask(&hung));
    gate.arrived(1).await;
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60)));
    assert_eq!(app.version(LATEST).await.status, 403);
    let answer = app.version(LATEST).await;
    answer.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    assert_eq!(answer.retry_after(), 60);
    assert!(!hung.is_finished(), "it waited for a slot");
    drop(gate);
}
