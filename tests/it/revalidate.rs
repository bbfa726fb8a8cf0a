//! The background revalidation: documents in use are checked without a request.
//!
//! Sweeps run on real time, a fraction of a second apart; the test's clock decides whether a
//! document is due.

mod cost;
mod pinned;

use std::sync::Arc;
use std::time::Duration;

use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const INTERVAL: Duration = Duration::from_millis(100);
const RUNS: &str = "svm_revalidate_runs_total";

fn sweeping() -> TestAppBuilder {
    TestApp::builder().set("REVALIDATE_INTERVAL", "100ms")
}

/// Waits for the end of two more sweeps: the second has seen the state from before the call.
async fn two_sweeps(app: &TestApp) {
    let runs = app.metric(RUNS).await;
    app.exceeds(RUNS, runs + 1.0).await;
}

fn url(name: &str) -> String {
    format!("https://api.github.com/repos/octo/{name}/releases/latest")
}

/// Starts a service with two documents in use, `app` and `other`, and less quota than the
/// threshold.
async fn without_quota_to_spare() -> TestApp {
    let app = sweeping().set("GITHUB_PATS", "ghp_first").start().await;
    app.github.user("octocat").token("ghp_first").limit(120).used(19);
    app.github.release("octo/app").serve();
    app.github.release("octo/other").serve();
    // The two requests leave 99 of 120; the threshold is 100.
    let _ = app.version(LATEST).await;
    let _ = app.version(&url("other")).await;
    app
}

#[tokio::test]
async fn a_document_in_use_is_checked_for_free() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(INTERVAL);
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    app.reaches("svm_revalidate_done_total{result=\"unchanged\"}", 1.0).await;
    assert_eq!(app.github.counts(LATEST_PATH).free, 1);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.metric("svm_cache_misses_total").await, 1.0, "no client waited");

    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 2, "it is not due again");
}

#[tokio::test]
async fn a_new_release_reaches_clients_as_a_hit() {
    let app = sweeping().start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    let _ = app.version(LATEST).await;
    app.github.publish("octo/app", "v2.0.0");
    app.advance(INTERVAL);
    app.reaches("svm_revalidate_done_total{result=\"changed\"}", 1.0).await;
    let answer = app.version(LATEST).await;
    assert_eq!((answer.header("x-cache"), answer.header("age")), ("HIT", "0"));
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
}

#[tokio::test]
async fn a_deleted_document_is_detected_and_not_checked_again() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.github.remove("octo/app", 404);
    app.advance(INTERVAL);
    app.reaches("svm_revalidate_done_total{result=\"gone\"}", 1.0).await;
    assert_eq!(app.version(LATEST).await.status, 404);
    app.advance(INTERVAL);
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn a_negative_entry_is_left_to_expire() {
    let app = sweeping().start().await;
    assert_eq!(app.version(LATEST).await.status, 404);
    app.advance(INTERVAL);
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_document_unused_for_long_is_not_checked() {
    let app = sweeping().set("REVALIDATE_LOOKBACK", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(3601));
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 1);

    let _ = app.version(LATEST).await;
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
}

#[tokio::test]
async fn it_stops_where_the_tokens_run_low() {
    let app = without_quota_to_spare().await;
    app.advance(INTERVAL);
    app.exceeds("svm_revalidate_skipped_total{reason=\"quota\"}", 3.0).await;
    assert_eq!(app.github.total_calls(), 2);

    app.advance(Duration::from_secs(3600));
    eventually(|| app.github.total_calls() == 4).await;
}

#[tokio::test]
async fn the_foreground_joins_its_flight() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let gate = app.github.hold(LATEST_PATH);
    app.advance(INTERVAL);
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    let refresh = tasks::spawn(app.ask_refresh(LATEST));
    app.reaches("svm_flight_followers_total", 1.0).await;
    gate.open();
    assert_eq!(refresh.await.expect("an answer").header("x-cache"), "REVALIDATED");
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn sweeps_do_not_pile_up() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    app.github.release("octo/other").serve();
    let _ = app.version(LATEST).await;
    let gate = app.github.hold(LATEST_PATH);
    app.advance(INTERVAL);
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    let runs = app.metric(RUNS).await;
    // This takes longer than several intervals: a client's exchange has a limit on real time.
    app.github.fail(&url("other")["https://api.github.com".len()..]).with(Failure::Unicorn502);
    for _ in 0..3 {
        let _ = app.version(&url("other")).await;
    }
    assert_eq!(app.metric(RUNS).await, runs, "the sweep waits for its flight");
    gate.open();
    app.exceeds(RUNS, runs).await;
}

#[tokio::test]
async fn documents_beyond_the_budget_wait_and_are_counted() {
    let app = sweeping().set("REVALIDATE_MAX_RPS", "0.01").start().await;
    for name in ["one", "two", "three"] {
        app.github.release(&format!("octo/{name}")).serve();
        let _ = app.version(&url(name)).await;
    }
    let _ = app.version(&url("two")).await;
    let calls = |name| app.github.calls(&format!("/repos/octo/{name}/releases/latest"));
    app.advance(INTERVAL);
    eventually(|| calls("two") == 2).await;
    app.exceeds("svm_revalidate_skipped_total{reason=\"late\"}", 1.0).await;
    two_sweeps(&app).await;
    assert_eq!(["one", "two", "three"].map(calls), [1, 2, 1], "the one used most comes first");
}

#[tokio::test]
async fn a_failing_upstream_costs_a_call_a_sweep_and_leaves_the_entry() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.github.fail_all(Failure::Blocked451);
    app.advance(INTERVAL * 64);
    let runs = app.metric(RUNS).await;
    app.exceeds("svm_revalidate_done_total{result=\"failed\"}", 1.0).await;
    let calls = app.github.calls(LATEST_PATH) - 1;
    let sweeps = app.metric(RUNS).await - runs;
    assert!(calls as f64 <= sweeps + 2.0, "{calls} calls in {sweeps} sweeps");
    let answer = app.version(LATEST).await;
    answer.assert_document(&document.body);
    assert_eq!(answer.header("x-cache"), "HIT");
}

#[tokio::test]
async fn activity_and_checks_survive_a_restart() {
    let mut app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let _ = app.restart().await;
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 1, "it is not due");

    app.advance(Duration::from_secs(60));
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    app.reaches("svm_revalidate_done_total{result=\"unchanged\"}", 1.0).await;

    let _ = app.restart().await;
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 2, "the check was remembered");
    let answer = app.version(LATEST).await;
    answer.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
}

#[tokio::test]
async fn it_goes_on_while_the_store_is_down() {
    let store = FaultyStore::in_mood(Mood::Fails);
    let app = sweeping().store(store).start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(INTERVAL);
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
}

#[tokio::test]
async fn a_host_that_cools_down_leaves_the_others_alone() {
    let app = sweeping().start().await;
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    for _ in 0..9 {
        let _ = app.version(raw).await;
    }
    app.github.fail_host("raw.githubusercontent.com").with(Failure::RawThrottled429);
    let _ = app.refresh(raw).await;
    app.advance(INTERVAL);
    app.exceeds("svm_revalidate_skipped_total{reason=\"rests\"}", 0.0).await;
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
}

#[tokio::test]
async fn a_silent_store_removes_no_document_from_sweeps() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut app = sweeping().store(Arc::<FaultyStore>::clone(&store)).start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let _ = app.restart().await;
    app.reaches("svm_active_keys", 1.0).await;

    store.be(Mood::Fails);
    app.advance(INTERVAL);
    app.exceeds("svm_revalidate_skipped_total{reason=\"unread\"}", 0.0).await;
    assert_eq!(app.github.calls(LATEST_PATH), 1);
    store.be(Mood::Works);
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_stop_it() {
    let app = sweeping().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.clock.set_back(Duration::from_secs(3600));
    let _ = app.version(LATEST).await;
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(LATEST_PATH), 2, "once is enough");
}

#[tokio::test]
async fn sweeps_stop_when_the_service_ends() {
    let app = TestApp::builder().set("REVALIDATE_INTERVAL", "10s").set("SHUTDOWN_GRACE", "1s");
    let mut app = app.set("REVALIDATE_ENDPOINTS_PER_WORKER", "1").start().await;
    for number in 0..20 {
        app.github.release(&format!("octo/{number}")).serve();
        let _ = app.version(&url(&number.to_string())).await;
    }
    // Now all documents are due, one for each half second of the first sweep.
    app.advance(Duration::from_secs(10));
    let _ = app.restart().await;
    eventually(|| app.github.total_calls() > 20).await;
    // This request keeps the service from ending at once.
    let gate = app.github.hold("/repos/octo/1/releases/latest");
    let refresh = tasks::spawn(app.ask_refresh(&url("1")));
    eventually(|| app.github.calls("/repos/octo/1/releases/latest") > 1).await;
    let before = app.github.total_calls();
    assert_eq!(app.stop().await.abandoned, 1);
    assert_eq!(app.github.total_calls(), before);
    drop((gate, refresh));
}

#[tokio::test]
async fn an_overdue_document_that_is_asked_for_comes_first() {
    let app = sweeping().set("REVALIDATE_MAX_RPS", "20").start().await;
    let names: Vec<_> = (0..20).map(|number| format!("app-{number}")).collect();
    app.github.release("octo/rare").serve();
    assert_eq!(app.version(&url("rare")).await.status, 200);
    for name in &names {
        app.github.release(&format!("octo/{name}")).serve();
        // The uses are so many that after a few sweeps, each of which halves their count, the rare
        // document still comes last.
        for _ in 0..100 {
            assert_eq!(app.version(&url(name)).await.status, 200);
        }
    }
    two_sweeps(&app).await;
    let calls = app.github.total_calls();
    app.advance(INTERVAL * 10);
    assert_eq!(app.version(&url("rare")).await.header("x-cache"), "HIT");
    let path = "/repos/octo/rare/releases/latest";
    eventually(|| app.github.calls(path) == 2).await;
    let others = app.github.total_calls() - calls - 1;
    assert!(others <= 2, "after {others} others");
}

#[tokio::test]
async fn an_overdue_document_counts_once_in_a_sweep() {
    let app = sweeping().set("REVALIDATE_MAX_RPS", "100").set("REVALIDATE_PER_WORKER_RPS", "50");
    let app = app.start().await;
    let names: Vec<_> = (0..20).map(|number| format!("app-{number}")).collect();
    for name in &names {
        app.github.release(&format!("octo/{name}")).serve();
        assert_eq!(app.version(&url(name)).await.status, 200);
    }
    two_sweeps(&app).await;
    for checked in [20.0, 40.0, 60.0] {
        app.advance(INTERVAL * 10);
        for name in &names {
            assert_eq!(app.version(&url(name)).await.header("x-cache"), "HIT");
        }
        app.reaches("svm_revalidate_done_total{result=\"unchanged\"}", checked).await;
    }
    let metrics = app.get("/metrics").await.text();
    let sum = |prefix: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(prefix));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let (done, skipped) = (sum("svm_revalidate_done_total"), sum("svm_revalidate_skipped_total"));
    let due = sum("svm_revalidate_due_total");
    // The documents of a sweep under way are due and have no result yet.
    assert!(done >= 60.0 && done + skipped <= due, "{due} due, {done} done, {skipped} skipped");
}

#[tokio::test]
async fn late_checks_are_reported() {
    // Without quota, no document is checked.
    let app = without_quota_to_spare().await;
    two_sweeps(&app).await;
    assert_eq!(app.metric("svm_revalidate_overdue").await, 0.0);
    app.advance(Duration::from_secs(60));
    app.reaches("svm_revalidate_overdue", 2.0).await;
    assert_eq!(app.metric("svm_revalidate_oldest_check_seconds").await, 60.0);
    let health = app.get("/healthz").await.json();
    let detail = &health["dependencies"]["github"]["detail"];
    assert_eq!(detail, "2 documents in use are checked late, the oldest check is 60 s old");
    assert_eq!(health["status"], "healthy");
}
