//! Upstreams that do not answer: the wait of a client for a copy, and the flight that continues.

use std::time::Duration;

use svm::clock::Stopwatch;

use super::{HOUR, app_with_copy_expired_for, short_lived};
use crate::support::app::TestApp;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn a_slow_upstream_is_not_waited_for_where_a_copy_may_stand_in() {
    let app = TestApp::builder().set("STALE_AFTER", "20ms").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(24 * HOUR);
    let gate = app.github.hold(LATEST_PATH);
    let answer = app.version(LATEST).await;
    assert_eq!(
        answer.summary(),
        "200 HIT upstream=0 svm; fwd=stale; detail=stale-while-revalidate"
    );
    let follower = app.version(LATEST).await;
    assert_eq!(
        follower.summary(),
        "200 HIT upstream=0 svm; fwd=stale; collapsed; detail=stale-while-revalidate"
    );
    gate.arrived(1).await;
    gate.open();
    app.reaches("svm_flights", 0.0).await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
    assert_eq!(app.github.calls(LATEST_PATH), 2, "the flight went on and refreshed the cache");
}

#[tokio::test]
async fn a_slow_upstream_is_waited_for_where_nothing_may_stand_in() {
    let app = TestApp::builder().set("STALE_AFTER", "1ms").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let opened = async {
        // The connection and the handshake take longer than the patience.
        gate.arrived(1).await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(app.version(LATEST), opened);
    assert_eq!(answer.header("x-cache"), "MISS");
}

#[tokio::test]
async fn a_refresh_waits_for_a_slow_upstream() {
    let app = TestApp::builder().set("STALE_AFTER", "1ms").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let gate = app.github.hold(LATEST_PATH);
    let opened = async {
        gate.arrived(1).await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(app.refresh(LATEST), opened);
    assert_eq!(answer.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn a_copy_from_l2_stands_in_for_a_slow_upstream_too() {
    let mut app = TestApp::builder().set("STALE_AFTER", "20ms").start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    let _ = app.restart().await;
    app.advance(24 * HOUR);
    let _gate = app.github.hold(LATEST_PATH);
    let answer = app.version(LATEST).await;
    answer
        .assert_document(&document.body)
        .assert_summary("200 HIT upstream=0 svm; fwd=stale; detail=stale-while-revalidate");
}

/// The default time that the first client waits, and its margin.
const PATIENCE: Duration = Duration::from_secs(2);
const MARGIN: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_hanging_upstream_delays_the_first_client_by_two_seconds() {
    let app = app_with_copy_expired_for(short_lived(), Duration::ZERO).await;
    let gate = app.github.hold(LATEST_PATH);
    let waited = Stopwatch::start();
    let first = app.version(LATEST).await;
    let waited = waited.elapsed();
    first.assert_summary("200 HIT upstream=0 svm; fwd=stale; detail=stale-while-revalidate");
    assert!((PATIENCE..PATIENCE + MARGIN).contains(&waited), "{waited:?}");

    let waited = Stopwatch::start();
    let next = app.version(LATEST).await;
    let waited = waited.elapsed();
    next.assert_summary(
        "200 HIT upstream=0 svm; fwd=stale; collapsed; detail=stale-while-revalidate",
    );
    assert!(waited < MARGIN, "{waited:?}");

    for _ in 0..5 {
        let clients: Vec<_> = (0..100).map(|_| tasks::spawn(app.ask(LATEST))).collect();
        for client in clients {
            let answer = client.await.expect("an answer");
            assert_eq!(answer.summary(), next.summary());
        }
    }
    assert_eq!(gate.arrivals(), 1, "one exchange at a time");
    gate.open();
    app.reaches("svm_flights", 0.0).await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=3600");
}
