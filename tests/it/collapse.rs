//! Single flight: many requests, one call.

use crate::support::app::TestApp;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn two_hundred_requests_for_a_cold_key_cause_one_call() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let asked: Vec<_> = (0..200).map(|_| tasks::spawn(app.ask(LATEST))).collect();
    app.reaches("svm_flight_followers_total", 199.0).await;
    gate.open();
    let mut collapsed = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200);
        collapsed += usize::from(answer.header("cache-status").contains("; collapsed"));
    }
    assert_eq!(collapsed, 199);
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_client_that_leaves_harms_nobody() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let leader = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    let follower = tasks::spawn(app.ask(LATEST));
    app.reaches("svm_flight_followers_total", 1.0).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(follower.await.unwrap().status, 200);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_flight_without_waiters_still_completes() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let leader = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    leader.abort();
    gate.open();
    app.reaches("svm_flights", 0.0).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn followers_share_a_failure() {
    let app = TestApp::start().await;
    // A 500 is an error, even with a `Location`: svm neither retries nor remembers it.
    app.github.redirect(LATEST_PATH, 500, "/");
    let gate = app.github.hold(LATEST_PATH);
    let asked: Vec<_> = (0..10).map(|_| tasks::spawn(app.ask(LATEST))).collect();
    app.reaches("svm_flight_followers_total", 9.0).await;
    gate.open();
    for answer in asked {
        assert_eq!(answer.await.unwrap().status, 500);
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
    let _ = app.version(LATEST).await;
    assert_eq!(app.github.calls(LATEST_PATH), 2, "the next one asks anew");
}

#[tokio::test]
async fn a_store_that_panics_costs_its_readers_nothing() {
    let store = FaultyStore::in_mood(Mood::Hangs);
    let app = TestApp::builder().store(store.clone()).start().await;
    app.github.release("octo/app").serve();
    let asked: Vec<_> = (0..3).map(|_| tasks::spawn(app.ask(LATEST))).collect();
    app.reaches("svm_flight_followers_total", 2.0).await;
    store.be(Mood::Panics);
    for answer in asked {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
    let errors = r#"svm_l2_reads_total{result="error"}"#;
    assert_eq!(app.metric(errors).await, 1.0);
    store.be(Mood::Works);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn other_keys_do_not_wait() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    app.github.release("octo/other").serve();
    let _gate = app.github.hold(LATEST_PATH);
    let held = tasks::spawn(app.ask(LATEST));
    let other = app.version("https://api.github.com/repos/octo/other/releases/latest").await;
    assert_eq!(other.status, 200);
    held.abort();
}
