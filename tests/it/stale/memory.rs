//! Remembered failures: for a while, no request goes to the upstream; then one flight in the
//! background does.

use std::time::Duration;

use super::{HOUR, app_with_copy_expired_for, app_with_expired_copy, short_lived};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn after_ten_seconds_one_background_flight_retries_a_failure() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    let _ = app.version(LATEST).await;
    let calls = app.github.calls(LATEST_PATH);
    app.advance(Duration::from_millis(9_999));
    for _ in 0..5 {
        app.version(LATEST)
            .await
            .assert_summary("200 HIT upstream=0 svm; hit; ttl=-9; detail=stale-if-error");
    }
    assert_eq!(app.github.calls(LATEST_PATH), calls, "nobody asks");

    app.advance(Duration::from_millis(1));
    let gate = app.github.hold(LATEST_PATH);
    for _ in 0..5 {
        app.version(LATEST)
            .await
            .assert_summary("200 HIT upstream=0 svm; hit; ttl=-10; detail=stale-if-error");
    }
    gate.arrived(1).await;
    assert_eq!(gate.arrivals(), 1, "one flight asks, and nobody waits for it");
    app.github.recover();
    gate.open();
    app.reaches("svm_flights", 0.0).await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=3600");
}

#[tokio::test]
async fn the_pause_doubles_up_to_a_minute_and_a_success_ends_it() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    let _ = app.version(LATEST).await;
    let mut failures = 1.0;
    for pause in [10, 20, 40, 60, 60] {
        app.advance(Duration::from_secs(pause - 1));
        let _ = app.version(LATEST).await;
        assert_eq!(
            app.metric("svm_upstream_errors_total").await,
            failures,
            "too early for {pause} s"
        );
        app.advance(Duration::from_secs(1));
        let _ = app.version(LATEST).await;
        failures += 1.0;
        app.reaches("svm_upstream_errors_total", failures).await;
        app.reaches("svm_flights", 0.0).await;
    }
    app.github.recover();
    app.advance(Duration::from_secs(60));
    let _ = app.version(LATEST).await;
    app.reaches("svm_flights", 0.0).await;
    app.advance(HOUR);
    app.github.fail_all(Failure::Unicorn503);
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(10));
    let gate = app.github.hold(LATEST_PATH);
    let _ = app.version(LATEST).await;
    gate.arrived(1).await;
}

#[tokio::test]
async fn long_after_a_failure_a_request_waits_for_the_upstream_again() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    let _ = app.version(LATEST).await;
    app.github.recover();
    app.advance(Duration::from_secs(20));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn an_upstream_that_hangs_is_asked_as_seldom_as_one_that_fails() {
    let builder = short_lived().set("UPSTREAM_TIMEOUT", "250ms").set("STALE_AFTER", "20ms");
    let app = app_with_copy_expired_for(builder, Duration::ZERO).await;
    app.github.fail_all(Failure::Hang);
    let late = app.version(LATEST).await;
    late.assert_summary("200 HIT upstream=0 svm; fwd=stale; detail=stale-while-revalidate");
    let mut timeouts = 1.0;
    for pause in [10, 20, 40, 60, 60] {
        app.reaches("svm_upstream_errors_total", timeouts).await;
        app.reaches("svm_flights", 0.0).await;
        app.advance(Duration::from_secs(pause - 1));
        assert_eq!(app.version(LATEST).await.header("x-upstream-status"), "0");
        assert_eq!(app.metric("svm_flights").await, 0.0, "too early for {pause} s");
        app.advance(Duration::from_secs(1));
        // The copy comes at once, and one flight continues.
        for _ in 0..3 {
            let answer = app.version(LATEST).await;
            assert!(
                answer.header("cache-status").starts_with("svm; hit; "),
                "{}",
                answer.summary()
            );
        }
        timeouts += 1.0;
    }
    app.reaches("svm_upstream_errors_total", timeouts).await;
}
