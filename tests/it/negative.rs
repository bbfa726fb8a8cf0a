//! Documents that do not exist.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn a_404_is_remembered_for_a_while() {
    let app = TestApp::start().await;
    let first = app.version(LATEST).await;
    assert_eq!(first.status, 404);
    assert_eq!(first.json()["error"], "Upstream API error");
    assert_eq!(first.json()["message"]["message"], "Not Found");
    app.advance(Duration::from_secs(299));
    app.version(LATEST).await.assert_summary("404 HIT upstream=0 svm; hit; ttl=1");
    assert_eq!(app.github.calls(LATEST_PATH), 1);

    app.github.release("octo/app").serve();
    app.advance(Duration::from_secs(1));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(app.version(LATEST).await.summary(), "200 HIT upstream=0 svm; hit; ttl=86400");
}

#[tokio::test]
async fn a_410_is_remembered_too() {
    let app = TestApp::start().await;
    app.github.remove("octo/app", 410);
    assert_eq!(app.version(LATEST).await.status, 410);
    assert_eq!(app.version(LATEST).await.summary(), "410 HIT upstream=0 svm; hit; ttl=300");
}

#[tokio::test]
async fn a_document_that_goes_is_forgotten_in_every_tier() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.github.remove("octo/app", 404);
    assert_eq!(app.refresh(LATEST).await.status, 404);
    assert_eq!(app.version(LATEST).await.summary(), "404 HIT upstream=0 svm; hit; ttl=300");

    app.restart().await;
    app.github.go_down().await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 502, "no copy of it is left: {}", answer.summary());
}

#[tokio::test]
async fn a_name_that_no_tier_knows_is_not_taken_out_of_the_store() {
    let app = TestApp::builder().set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await;
    for name in ["octo/app", "octo/other"] {
        assert_eq!(app.version(&LATEST.replace("octo/app", name)).await.status, 404);
    }
    let waiting = "a flood of names must not take the places of documents that wait to be written";
    assert_eq!(app.metric("svm_write_behind_depth").await, 0.0, "{waiting}");
}

#[tokio::test]
async fn a_stored_record_that_is_unusable_here_is_deleted_too() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut app = TestApp::builder().store(Arc::clone(&store) as _).start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;

    store.be(Mood::GarblesRecords);
    app.github.remove("octo/app", 404);
    assert_eq!(app.version(LATEST).await.status, 404);
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;

    store.be(Mood::Works);
    app.github.go_down().await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 502, "whoever can use it has no copy either: {}", answer.summary());
}

#[tokio::test]
async fn a_store_that_does_not_answer_still_gets_the_deletion() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = TestApp::builder().store(store).start().await;
    assert_eq!(app.version(LATEST).await.status, 404);
    assert_eq!(app.metric("svm_write_behind_depth").await, 1.0);
}

#[tokio::test]
async fn a_negative_entry_never_stands_in() {
    let app = TestApp::start().await;
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(300));
    app.github.fail_all(Failure::ServerError502);
    app.version(LATEST).await.assert_summary(
        "502 MISS upstream=502 svm; fwd=uri-miss; fwd-status=502; detail=server-error",
    );
}

#[tokio::test]
async fn a_negative_entry_never_stands_in_for_a_slow_upstream_either() {
    let app = TestApp::builder().set("STALE_AFTER", "1ms").start().await;
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(300));
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let asked = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    gate.open();
    assert_eq!(
        asked.await.unwrap().header("cache-status"),
        "svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400"
    );
}

#[tokio::test]
async fn a_refresh_asks_in_spite_of_a_negative_entry() {
    let app = TestApp::start().await;
    let _ = app.version(LATEST).await;
    app.github.release("octo/app").serve();
    assert_eq!(app.refresh(LATEST).await.status, 200);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn other_statuses_are_passed_on_and_never_stored() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    for (failure, status) in [
        (Failure::Blocked451, 451),
        (Failure::TooDeep422, 422),
        (Failure::TosBlocked403, 403),
        (Failure::ServerError502, 502),
        (Failure::Unicorn503, 503),
        (Failure::BadCredentials, 401),
    ] {
        app.github.fail(LATEST_PATH).with(failure.clone());
        assert_eq!(app.version(LATEST).await.status.as_u16(), status, "{failure:?}");
        app.github.recover();
        app.advance(Duration::from_secs(3600));
    }
    app.reaches("svm_token_rejected{token=\"0\"}", 0.0).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
}

#[tokio::test]
async fn an_error_that_is_not_json_shows_its_reason_phrase() {
    let app = TestApp::start().await;
    app.github.fail_all(Failure::Unicorn503);
    let answer = app.version(LATEST).await;
    assert_eq!(
        answer.json(),
        json!({ "error": "Upstream API error", "message": "Service Unavailable" })
    );
}
