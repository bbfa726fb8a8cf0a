//! A clock that is set back by two hours: no lifetime and no cooldown becomes longer.

use std::time::{Duration, UNIX_EPOCH};

use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const STEP: Duration = Duration::from_secs(2 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);
const RAW: &str = "https://raw.githubusercontent.com/octo/app/main/v.json";
const RAW_PATH: &str = "/octo/app/main/v.json";

/// Returns a service without background work.
fn plain() -> TestAppBuilder {
    TestApp::builder()
}

async fn with_document(builder: TestAppBuilder) -> TestApp {
    let app = builder.start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app
}

#[tokio::test]
async fn a_404_of_two_seconds_is_asked_for_again() {
    let app = plain().set("CACHE_NEGATIVE_TTL", "2s").start().await;
    assert_eq!(app.version(LATEST).await.status, 404);
    app.clock.set_back(STEP);
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
}

#[tokio::test]
async fn a_document_is_revalidated_once_where_no_background_does_it() {
    for step in [STEP, Duration::from_secs(10), 10_000 * STEP] {
        let app = with_document(plain()).await;
        app.clock.set_back(step);
        let answer = app.version(LATEST).await;
        assert_eq!((answer.header("x-cache"), answer.header("age")), ("REVALIDATED", "0"));
        app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
        assert_eq!(app.github.counts(LATEST_PATH).free, 1, "{step:?}");
    }
}

#[tokio::test]
async fn a_document_lives_no_longer_than_its_lifetime() {
    let app = with_document(plain().set("CACHE_HARD_TTL", "10s")).await;
    app.clock.set_back(STEP);
    let _ = app.version(LATEST).await;
    app.advance(10 * SECOND);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn the_least_interval_keeps_no_refresh_from_helping() {
    let app = with_document(plain().set("REFRESH_MIN_INTERVAL", "1m")).await;
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "HIT");
    app.clock.set_back(STEP);
    app.github.publish("octo/app", "v2.0.0");
    let fresh = app.refresh(LATEST).await;
    assert_eq!(
        (fresh.header("x-cache"), fresh.json()["tag_name"].clone()),
        ("BYPASS", "v2.0.0".into())
    );
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "HIT", "the interval counts again");
}

#[tokio::test]
async fn a_failure_is_remembered_for_no_longer_than_its_pause() {
    let app = with_document(plain().set("CACHE_HARD_TTL", "1h")).await;
    app.advance(Duration::from_secs(60 * 60));
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 200);
    let asked = app.github.total_calls();
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.github.total_calls(), asked, "it is remembered");

    app.clock.set_back(STEP);
    app.github.recover();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn a_copy_stands_in_for_a_failure_after_the_step() {
    let app = with_document(plain()).await;
    app.clock.set_back(STEP);
    app.github.fail_all(Failure::Unicorn503);
    let answer = app.version(LATEST).await;
    answer.assert_summary(
        "200 HIT upstream=503 svm; fwd=stale; fwd-status=503; detail=stale-if-error",
    );
    let unasked = app.version(LATEST).await;
    unasked.assert_summary("200 HIT upstream=0 svm; hit; ttl=0; detail=stale-if-error");
    assert_eq!((unasked.header("age"), unasked.header("cache-control")), ("0", "no-cache"));
    let calls = app.github.total_calls();
    for _ in 0..5 {
        let _ = app.version(LATEST).await;
    }
    assert_eq!(app.github.total_calls(), calls, "the failure is remembered by the new clock");
}

#[tokio::test]
async fn a_record_from_the_future_is_asked_about_and_replaced() {
    let mut app = with_document(plain()).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.clock.set_back(STEP);
    app.restart().await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
    // The record now has times of the new clock, so it does not become fresh again at the old time.
    app.restart().await;
    app.advance(STEP);
    let ttl = 86_400 - STEP.as_secs();
    let summary = format!("200 HIT upstream=0 svm; hit; ttl={ttl}; detail=l2");
    app.version(LATEST).await.assert_summary(&summary);
}

#[tokio::test]
async fn a_new_body_replaces_a_record_from_the_future() {
    let mut app = with_document(plain()).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.clock.set_back(STEP);
    app.github.publish("octo/app", "v2.0.0");
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v2.0.0");
    app.restart().await;
    app.github.go_down().await;
    let answer = app.version(LATEST).await;
    answer.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
}

#[tokio::test]
async fn a_document_that_goes_after_the_step_stays_gone() {
    let mut app = with_document(plain()).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.clock.set_back(STEP);
    app.github.remove("octo/app", 404);
    assert_eq!(app.version(LATEST).await.status, 404);
    app.restart().await;
    app.github.go_down().await;
    assert_eq!(app.version(LATEST).await.status, 502);
}

#[tokio::test]
async fn limits_last_no_longer_than_they_were_stated() {
    for step in [10 * SECOND, Duration::from_secs(45 * 60), STEP] {
        let app = plain().set("GITHUB_PATS", "a").start().await;
        app.github.release("octo/app").serve();
        app.github.raw_document(RAW_PATH, "{}");
        app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60))).times(1);
        app.github.fail(RAW_PATH).with(Failure::RawThrottled429).times(1);
        assert_eq!(app.version(LATEST).await.status, 403);
        assert_eq!(app.version(RAW).await.status, 429);
        app.clock.set_back(step);
        assert_eq!(app.version(LATEST).await.status, 200, "{step:?}");
        assert_eq!(app.version(RAW).await.status, 200, "{step:?}");
    }
}

#[tokio::test]
async fn a_client_gets_its_rate_again_after_a_moment() {
    let app = plain().set("CLIENT_MISS_RATE", "1").start().await;
    let ask = async |number: u32| {
        let url = format!("https://api.github.com/repos/octo/r{number}/releases/latest");
        app.version(&url).await.status.as_u16()
    };
    let mut number = 0;
    while ask(number).await != 429 {
        number += 1;
        assert!(number < 50, "it is limited at some time");
    }
    app.clock.set_back(STEP);
    assert_eq!(ask(100).await, 429, "its bucket is empty");
    app.advance(SECOND);
    assert_eq!(ask(101).await, 404);
}

#[tokio::test]
async fn a_store_that_fails_across_the_step_keeps_no_request_waiting() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = with_document(plain().store(store.clone())).await;
    store.be(Mood::Fails);
    app.clock.set_back(STEP);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn the_date_of_an_answer_follows_the_clock_back() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    for path in ["/ping".to_owned(), format!("/version?url={LATEST}"), "/nowhere".to_owned()] {
        let _ = app.get(&path).await;
        app.clock.set_back(Duration::from_secs(3_600));
        let now = UNIX_EPOCH + Duration::from_secs(app.clock.now().as_secs());
        let date = app.get(&path).await.header("date").to_owned();
        assert_eq!(date, httpdate::fmt_http_date(now), "{path}");
    }
}
