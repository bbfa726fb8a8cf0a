//! `refresh=true`: an answer that the upstream confirms now.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn it_skips_the_fresh_copy_and_asks_conditionally() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    let requests = app.github.requests_for(LATEST_PATH);
    assert!(requests[1].is_conditional());
    assert_eq!(requests[1].token(), requests[0].token(), "the ETag is the token's");
    assert_eq!(app.github.counts(LATEST_PATH).free, 1);
}

#[tokio::test]
async fn it_gives_the_entry_a_new_lifetime() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(1000));
    let _ = app.refresh(LATEST).await;
    let answer = app.version(LATEST).await;
    assert_eq!((answer.header("age"), answer.header("cache-status")), ("0", "svm; hit; ttl=86400"));
}

#[tokio::test]
async fn its_spellings() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    for (spelling, cache) in [
        ("true", "REVALIDATED"),
        ("TRUE", "REVALIDATED"),
        ("1", "REVALIDATED"),
        ("false", "HIT"),
        ("0", "HIT"),
        ("", "HIT"),
    ] {
        let answer = app.get(&format!("/version?refresh={spelling}&url={LATEST}")).await;
        assert_eq!(answer.header("x-cache"), cache, "{spelling:?}");
    }
}

#[tokio::test]
async fn a_failed_one_leaves_the_entry() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.refresh(LATEST).await.status, 503);
    app.version(LATEST).await.assert_document(&document.body);
}

#[tokio::test]
async fn it_is_answered_from_the_cache_within_its_least_interval() {
    let app = TestApp::builder().set("REFRESH_MIN_INTERVAL", "30s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(29));
    app.refresh(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86371");
    app.advance(Duration::from_secs(1));
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn it_joins_an_exchange_that_is_under_way() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let plain = app.version(LATEST);
    let refresh = async {
        gate.arrived(1).await;
        let opened = async {
            app.reaches("svm_flight_followers_total", 1.0).await;
            gate.open();
        };
        tokio::join!(app.refresh(LATEST), opened).0
    };
    let (plain, refresh) = tokio::join!(plain, refresh);
    assert_eq!(plain.header("x-cache"), "MISS");
    refresh.assert_summary(
        "200 BYPASS upstream=200 svm; fwd=request; fwd-status=200; stored; ttl=86400; collapsed",
    );
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn in_a_failed_refresh_flight_a_plain_request_gets_the_copy() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.advance(Duration::from_secs(24 * 3600));
    app.github.fail_all(Failure::Unicorn503);
    let gate = app.github.hold(LATEST_PATH);
    let refresh = app.refresh(LATEST);
    let plain = async {
        gate.arrived(1).await;
        let opened = async {
            app.reaches("svm_flight_followers_total", 1.0).await;
            gate.open();
        };
        tokio::join!(app.version(LATEST), opened).0
    };
    let (refresh, plain) = tokio::join!(refresh, plain);
    assert_eq!(
        refresh.summary(),
        "503 BYPASS upstream=503 svm; fwd=request; fwd-status=503; detail=server-error"
    );
    plain.assert_document(&document.body).assert_summary(
        "200 HIT upstream=503 svm; fwd=stale; fwd-status=503; collapsed; detail=stale-if-error",
    );
}

#[tokio::test]
async fn in_a_refresh_flight_a_plain_request_gets_a_fresh_l2_copy() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    let gate = app.github.hold(LATEST_PATH);
    let refresh = tasks::spawn(app.ask_refresh(LATEST));
    gate.arrived(1).await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
    gate.open();
    assert_eq!(refresh.await.unwrap().header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn its_least_interval_holds_for_what_l2_has_too() {
    let mut app = TestApp::builder().set("REFRESH_MIN_INTERVAL", "30s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.refresh(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn after_a_restart_it_is_conditional_with_what_l2_holds() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(app.github.counts(LATEST_PATH).free, 1);
}
