//! Copies that stand in: for which failures, how long, and what is remembered of a failure.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Holds a copy that expired this long ago.
async fn app_with_copy_expired_for(since: Duration) -> TestApp {
    let app = TestApp::builder()
        .set("CACHE_HARD_TTL", "1h")
        .set("CACHE_STALE_IF_ERROR", "2h")
        .set("UPSTREAM_TIMEOUT", "250ms")
        .start()
        .await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app.advance(HOUR + since);
    app
}

async fn app_with_expired_copy() -> TestApp {
    app_with_copy_expired_for(Duration::ZERO).await
}

#[tokio::test]
async fn a_copy_stands_in_for_every_class_of_failure() {
    for (failure, want) in [
        (
            Failure::ServerError502,
            "upstream=502 svm; fwd=stale; fwd-status=502; detail=stale-if-error",
        ),
        (Failure::Unicorn503, "upstream=503 svm; fwd=stale; fwd-status=503; detail=stale-if-error"),
        (
            Failure::BadCredentials,
            "upstream=401 svm; fwd=stale; fwd-status=401; detail=stale-if-error",
        ),
        (
            Failure::IpAllowList,
            "upstream=403 svm; fwd=stale; fwd-status=403; detail=stale-if-error",
        ),
        (
            Failure::PrimaryLimit,
            "upstream=403 svm; fwd=stale; fwd-status=403; detail=stale-if-error",
        ),
        (
            Failure::SecondaryLimit(None),
            "upstream=403 svm; fwd=stale; fwd-status=403; detail=stale-if-error",
        ),
        (
            Failure::Throttled429,
            "upstream=429 svm; fwd=stale; fwd-status=429; detail=stale-if-error",
        ),
        (
            Failure::HtmlWith200,
            "upstream=200 svm; fwd=stale; fwd-status=200; detail=stale-if-error",
        ),
        (Failure::CutBody, "upstream=200 svm; fwd=stale; fwd-status=200; detail=stale-if-error"),
        (
            Failure::RedirectLoop,
            "upstream=301 svm; fwd=stale; fwd-status=301; detail=stale-if-error",
        ),
        (Failure::Reset, "upstream=0 svm; fwd=stale; detail=stale-if-error"),
        (Failure::Hang, "upstream=0 svm; fwd=stale; detail=stale-if-error"),
    ] {
        let app = app_with_expired_copy().await;
        // Another body, so that none of the failures is hidden behind a 304.
        app.github.publish("octo/app", "v2");
        app.github.fail_all(failure.clone());
        let answer = app.version(LATEST).await;
        assert_eq!(answer.summary(), format!("200 HIT {want}"), "{failure:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_failure_is_passed_on_in_spite_of_the_copy() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Blocked451);
    app.version(LATEST).await.assert_summary(
        "451 MISS upstream=451 svm; fwd=stale; fwd-status=451; detail=other-status",
    );
}

#[tokio::test]
async fn a_copy_stands_in_up_to_its_limit_and_not_after() {
    let app = app_with_copy_expired_for(2 * HOUR - Duration::from_secs(1)).await;
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 200);
    app.advance(Duration::from_secs(1));
    assert_eq!(app.version(LATEST).await.status, 503);
}

#[tokio::test]
async fn nothing_stands_in_where_that_is_switched_off() {
    let app = TestApp::builder().set("CACHE_STALE_IF_ERROR", "0s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(24 * HOUR);
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 503);
    app.github.recover();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED", "its validator is kept");
}

#[tokio::test]
async fn a_copy_from_l2_stands_in_after_a_restart() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.advance(24 * HOUR);
    app.github.go_down().await;
    app.version(LATEST)
        .await
        .assert_summary("200 HIT upstream=0 svm; fwd=stale; detail=stale-if-error");
}

#[tokio::test]
async fn a_failure_is_remembered_for_ten_seconds_and_then_one_flight_retries_in_the_background() {
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
async fn the_rest_after_a_failure_doubles_up_to_a_minute_and_a_success_ends_it() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    let _ = app.version(LATEST).await;
    let mut failures = 1.0;
    for rest in [10, 20, 40, 60, 60] {
        app.advance(Duration::from_secs(rest - 1));
        let _ = app.version(LATEST).await;
        assert_eq!(
            app.metric("svm_upstream_errors_total").await,
            failures,
            "too early for {rest} s"
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
        // A connection and a handshake take longer than the patience.
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
async fn stale_answers_are_counted_by_their_reason() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    for _ in 0..3 {
        let _ = app.version(LATEST).await;
    }
    let of = |reason: &str| format!("svm_stale_answers_total{{reason=\"{reason}\"}}");
    assert_eq!(app.metric(&of("stale-if-error")).await, 3.0);
    assert_eq!(app.metric(&of("stale-while-revalidate")).await, 0.0);
    assert_eq!(app.metric("svm_cache_hits_total").await, 3.0);
    assert_eq!(app.metric("svm_cache_misses_total").await, 1.0);
}

#[tokio::test]
async fn no_copy_is_served_to_anyone_once_the_document_is_gone() {
    let app = app_with_expired_copy().await;
    app.github.remove("octo/app", 404);
    assert_eq!(app.version(LATEST).await.status, 404);
    app.github.go_down().await;
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    app.advance(HOUR);
    assert_eq!(app.version(LATEST).await.status, 502);
}
