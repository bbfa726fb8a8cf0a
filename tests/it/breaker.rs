//! The breaker of L2: it opens after failures and closes when the store works again.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::support::app::{Log, TestApp};
use crate::support::eventually::eventually;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::tasks::spawn;

const OPEN: &str = "svm_l2_breaker_open";
const OPENED: &str = "svm_l2_breaker_opened_total";
const UP: &str = "svm_l2_up";

fn url(n: usize) -> String {
    format!("https://api.github.com/repos/octo/r{n}")
}

/// Starts a service with a working store that holds the documents, which are not in L1.
async fn app(store: &Arc<FaultyStore>) -> TestApp {
    let mut app = TestApp::builder()
        .production_read_budget()
        .set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms")
        .store(store.clone())
        .start()
        .await;
    for n in 0..20 {
        app.github.document(&format!("/repos/octo/r{n}"), n);
    }
    for n in 0..3 {
        let _ = app.version(&url(n)).await;
    }
    assert_eq!(app.restart().await.lost, 0);
    // Before the end of the first probe, reads do not count for the breaker. Once a second probe
    // begins, the first has ended.
    let looks = store.looks();
    eventually(|| store.looks() >= looks + 2).await;
    app
}

/// Requests documents that neither L1 nor the store returns. Asserts that each answer comes soon.
async fn miss(app: &TestApp, documents: Range<usize>) {
    for n in documents {
        let answer = timeout(Duration::from_secs(5), app.version(&url(n))).await;
        assert_eq!(answer.expect("an answer in time").header("x-cache"), "MISS", "{n}");
    }
}

/// Returns the number of reads with this result.
async fn reads(app: &TestApp, result: &str) -> f64 {
    app.metric(&format!("svm_l2_reads_total{{result=\"{result}\"}}")).await
}

async fn is_read_from_l2(app: &TestApp, n: usize) -> bool {
    let answer = app.version(&url(n)).await;
    answer.header("cache-status") == "svm; hit; ttl=86400; detail=l2"
}

/// Checks a service whose store enters this mood and leaves it again.
async fn opens_and_closes(mood: Mood, result: &str) {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = app(&store).await;
    assert!(is_read_from_l2(&app, 0).await);
    let before = store.reads();

    store.be(mood);
    miss(&app, 10..14).await;
    assert_eq!(app.metric(OPEN).await, 0.0, "four may be a coincidence");
    miss(&app, 14..15).await;
    assert_eq!(app.metric(OPEN).await, 1.0);
    miss(&app, 15..18).await;
    miss(&app, 1..2).await;
    assert_eq!(store.reads() - before, 5, "the others did not ask");
    assert_eq!((reads(&app, result).await, reads(&app, "skipped").await), (5.0, 4.0));
    assert_eq!(app.metric("svm_l2_read_duration_seconds_count").await, 6.0);
    assert_eq!(app.version(&url(0)).await.header("cache-status"), "svm; hit; ttl=86400");
    app.reaches(UP, 0.0).await;
    assert_eq!(app.get("/healthz").await.json()["status"], "degraded");

    store.be(Mood::Works);
    let closed = timeout(Duration::from_secs(5), app.reaches(OPEN, 0.0)).await;
    assert!(closed.is_ok(), "still open after five seconds");
    assert!(is_read_from_l2(&app, 2).await);
    assert_eq!((app.metric(UP).await, app.metric(OPENED).await), (1.0, 1.0));
    app.is_healthy("healthy").await;
}

#[tokio::test]
async fn a_hanging_store_is_skipped_after_five_reads() {
    opens_and_closes(Mood::Hangs, "timeout").await;
}

#[tokio::test]
async fn a_failing_store_is_skipped_after_five_reads() {
    opens_and_closes(Mood::Fails, "error").await;
}

#[tokio::test]
async fn requests_that_wait_for_a_frozen_store_are_all_answered() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = app(&store).await;
    store.be(Mood::Hangs);
    let answers: Vec<_> = (0..20).map(|n| spawn(app.ask(&url(n)))).collect();
    for answer in answers {
        answer.await.unwrap().assert_summary(
            "200 MISS upstream=200 svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400",
        );
    }
    assert_eq!(reads(&app, "timeout").await + reads(&app, "skipped").await, 20.0);
}

#[tokio::test]
async fn a_store_that_takes_no_writes_is_still_read() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = app(&store).await;
    store.be(Mood::FailsWrites);
    miss(&app, 10..20).await;
    app.exceeds("svm_l2_write_errors_total", 10.0).await;
    // This needs no probe: the page shows the result of the last write.
    let health = app.get("/healthz").await.json();
    assert_eq!(health["status"], "degraded");
    let told = &health["dependencies"]["embedded_store"]["error"];
    assert_eq!(told, "the last write to the store failed");
    assert!(is_read_from_l2(&app, 0).await);
    assert_eq!((app.metric(UP).await, app.metric(OPENED).await), (1.0, 0.0));

    store.be(Mood::Works);
    app.reaches("svm_l2_writes_total", 10.0).await;
    assert_eq!(app.get("/healthz").await.json()["status"], "healthy");
}

#[tokio::test]
async fn unusable_records_do_not_count_as_store_failures() {
    let store = FaultyStore::in_mood(Mood::GarblesRecords);
    let app = app(&store).await;
    miss(&app, 0..10).await;
    assert_eq!((reads(&app, "error").await, app.metric(OPENED).await), (10.0, 0.0));
}

#[tokio::test]
async fn an_outage_is_one_line_and_its_end_another() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = app(&store).await;
    let (log, _listening) = Log::listen("svm::store::");
    store.be(Mood::Hangs);
    miss(&app, 5..20).await;
    app.is_healthy("degraded").await;
    insta::assert_snapshot!(log.text(), @r#"WARN svm::store::guard: the persistent store is in trouble; serving without it error="the store does not answer within 25ms""#);
    store.be(Mood::Works);
    app.reaches(OPEN, 0.0).await;
    app.is_healthy("healthy").await;
    insta::assert_snapshot!(log.text(), @r#"
    WARN svm::store::guard: the persistent store is in trouble; serving without it error="the store does not answer within 25ms"
    INFO svm::store::guard: the persistent store works again
    "#);
}

#[tokio::test]
async fn an_outage_that_only_the_probe_sees_is_logged_too() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = app(&store).await;
    let (log, _listening) = Log::listen("svm::store::");
    store.be(Mood::Fails);
    app.is_healthy("degraded").await;
    assert_eq!(app.metric(OPENED).await, 0.0);
    store.be(Mood::Works);
    app.is_healthy("healthy").await;
    insta::assert_snapshot!(log.text(), @r#"
    WARN svm::store::guard: the persistent store is in trouble; serving without it error="the store is unavailable: in a bad mood"
    INFO svm::store::guard: the persistent store works again
    "#);
}
