//! Failures of L2: no hit, no miss and no start depends on it.

mod owed;

use std::sync::Arc;
use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const READS: &str = "svm_l2_reads_total";

async fn app(store: &Arc<FaultyStore>) -> TestApp {
    let app = TestApp::builder()
        .production_read_budget()
        .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms")
        .store(store.clone())
        .start()
        .await;
    app.github.release("octo/app").serve();
    app
}

#[tokio::test]
async fn a_store_that_fails_is_a_miss() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = app(&store).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.metric(&format!("{READS}{{result=\"error\"}}")).await, 1.0);
}

#[tokio::test]
async fn a_store_that_hangs_costs_a_miss_its_budget_and_a_hit_nothing() {
    let store = FaultyStore::in_mood(Mood::Hangs);
    let app = app(&store).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.metric(&format!("{READS}{{result=\"timeout\"}}")).await, 1.0);
    assert_eq!(store.reads(), 1);
}

#[tokio::test]
async fn failed_writes_are_repeated_when_the_store_works_again() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let mut app = app(&store).await;
    let _ = app.version(LATEST).await;
    app.exceeds("svm_l2_write_errors_total", 2.0).await;
    assert_eq!(app.metric("svm_l2_writes_total").await, 0.0);
    store.be(Mood::Works);
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;
    assert_eq!(app.version(LATEST).await.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
}

#[tokio::test]
async fn queued_changes_are_written_as_soon_as_the_store_is_up() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = TestApp::builder()
        .set("WRITE_BEHIND_QUEUE_SIZE", "2")
        .set("WRITE_BEHIND_FLUSH_INTERVAL", "1h")
        .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "1h")
        .store(store.clone())
        .start()
        .await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_write_errors_total", 1.0).await;
    app.reaches("svm_l2_up", 0.0).await;
    store.be(Mood::Works);
    app.reaches("svm_l2_writes_total", 1.0).await;
}

#[tokio::test]
async fn a_store_that_fails_to_the_end_loses_its_writes_and_says_so() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let mut app =
        TestApp::builder().set("SHUTDOWN_DRAIN_TIMEOUT", "50ms").store(store.clone()).start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let report = app.stop().await;
    assert_eq!((report.flushed, report.lost), (0, 1));
}

#[tokio::test]
async fn a_store_that_hangs_does_not_keep_the_service_from_ending() {
    let store = FaultyStore::in_mood(Mood::Hangs);
    let mut app = TestApp::builder()
        .set("SHUTDOWN_DRAIN_TIMEOUT", "50ms")
        .production_read_budget()
        .store(store.clone())
        .start()
        .await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let report = tokio::time::timeout(Duration::from_secs(5), app.stop()).await;
    assert_eq!(report.expect("an end in time").lost, 1);
}

#[tokio::test]
async fn health_shows_the_store_and_its_recovery() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let store = FaultyStore::in_mood(mood);
        let app = app(&store).await;
        app.is_healthy("degraded").await;
        let answer = app.get("/healthz").await;
        assert_eq!(answer.status, 200);
        let told = &answer.json()["dependencies"]["embedded_store"];
        assert_eq!(told["status"], "down");
        assert_ne!(told["error"].as_str().unwrap_or_default(), "", "{mood:?}");
        store.be(Mood::Works);
        app.is_healthy("healthy").await;
    }
}

#[tokio::test]
async fn writes_beyond_the_queue_come_again_from_memory() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let mut app = TestApp::builder()
        .set("WRITE_BEHIND_QUEUE_SIZE", "4")
        .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms")
        .store(store.clone())
        .start()
        .await;
    let url = |n: usize| format!("https://api.github.com/repos/octo/r{n}");
    for n in 0..10 {
        app.github.document(&format!("/repos/octo/r{n}"), n);
        let _ = app.version(&url(n)).await;
    }
    assert_eq!(app.metric("svm_write_behind_owed").await, 6.0);
    store.be(Mood::Works);
    app.reaches("svm_l2_writes_total", 10.0).await;
    assert_eq!(app.metric("svm_write_behind_owed").await, 0.0);
    assert_eq!(app.metric("svm_write_behind_dropped_total{reason=\"overflow\"}").await, 0.0);
    let report = app.restart().await;
    assert_eq!(report.lost, 0);
    for n in 0..10 {
        assert_eq!(app.version(&url(n)).await.header("x-cache"), "HIT", "{n}");
    }
}

#[tokio::test]
async fn a_write_owed_at_the_end_is_made_too() {
    let builder = TestApp::builder().set("WRITE_BEHIND_QUEUE_SIZE", "4");
    let mut app = builder.set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await;
    let url = |n: usize| format!("https://api.github.com/repos/octo/r{n}");
    let mut pushed = Vec::new();
    for n in 0..40 {
        app.github.document(&format!("/repos/octo/r{n}"), n);
        pushed.push(app.ask(&url(n)));
    }
    for answer in futures_util::future::join_all(pushed).await {
        assert_eq!(answer.status, 200);
    }
    let report = app.restart().await;
    assert_eq!(report.lost, 0);
    for n in 0..40 {
        assert_eq!(app.version(&url(n)).await.header("x-cache"), "HIT", "{n}");
    }
}

#[tokio::test]
async fn a_document_that_memory_lost_before_its_turn_is_counted() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let builder = TestApp::builder()
        .set("WRITE_BEHIND_QUEUE_SIZE", "4")
        .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms")
        .set("CACHE_L1_MAX_GB", "0.001");
    let app = builder.store(store.clone()).start().await;
    let body = format!("\"{}\"", "x".repeat(100_000)).into_bytes();
    for n in 0..30 {
        let path = format!("/repos/octo/r{n}");
        app.github.document_bytes(&path, body.clone());
        let _ = app.version(&format!("https://api.github.com{path}")).await;
    }
    store.be(Mood::Works);
    app.reaches("svm_write_behind_owed", 0.0).await;
    app.reaches("svm_write_behind_depth", 0.0).await;
    let lost = app.metric("svm_write_behind_dropped_total{reason=\"overflow\"}").await;
    assert!((1.0..27.0).contains(&lost), "{lost}");
    assert_eq!(app.metric("svm_l2_writes_total").await, 30.0 - lost);
}

#[tokio::test]
async fn a_write_that_is_too_old_is_dropped_and_counted() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = app(&store).await;
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(301));
    app.reaches("svm_write_behind_dropped_total{reason=\"age\"}", 1.0).await;
    assert_eq!(app.metric("svm_write_behind_depth").await, 0.0);
}

#[tokio::test]
async fn a_refusal_while_the_store_fails_hides_its_copy_for_seconds() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut app = TestApp::builder().set("GITHUB_PATS", "a").store(store.clone()).start().await;
    app.github.release("octo/app").serve();
    let copy = app.version(LATEST).await;
    assert_eq!(app.restart().await.lost, 0);
    app.reaches("svm_l2_up", 1.0).await;
    store.be(Mood::Fails);
    app.reaches("svm_l2_up", 0.0).await;
    app.github.fail(LATEST_PATH).with(Failure::TosBlocked403);
    for calls in 2..4 {
        assert_eq!(app.version(LATEST).await.status, 403);
        app.advance(Duration::from_secs(4));
        assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
        assert_eq!(app.github.calls(LATEST_PATH), calls);
        app.advance(Duration::from_secs(1));
    }
    store.be(Mood::Works);
    app.reaches("svm_l2_up", 1.0).await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.header("cache-status"), "svm; hit; ttl=86390; detail=l2");
    answer.assert_document(&copy.body);
}

#[tokio::test]
async fn a_dropped_document_is_written_after_its_next_check() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = app(&store).await;
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(301));
    app.reaches("svm_write_behind_dropped_total{reason=\"age\"}", 1.0).await;
    store.be(Mood::Works);
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    app.reaches("svm_l2_writes_total", 1.0).await;
    let key = svm::target::Key::of(LATEST);
    assert!(store.holds(key).await.is_some());
}
