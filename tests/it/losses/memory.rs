//! Doubts that are lost with the memory: each begins again, and no false answer is served.

use std::time::Duration;

use super::{LIST, LIST_PATH, doubted, with};
use crate::support::app::TestApp;
use crate::support::github::Lie;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn assert_both_releases(app: &TestApp, end: &str) {
    let answer = app.version(LIST).await;
    assert_eq!((answer.status.as_u16(), answer.json().as_array().map(Vec::len)), (200, Some(2)));
    assert!(answer.summary().ends_with(end), "{}", answer.summary());
}

/// Starts a service that holds a list of two releases, also in its store, and is in doubt about it.
async fn in_doubt() -> TestApp {
    let app = with(LIST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.github.lie(LIST_PATH, Lie::Empty, 7 * DAY.as_secs());
    app.advance(Duration::from_secs(10));
    let _ = app.try_to_revalidate(LIST).await;
    assert_both_releases(&app, "detail=unconfirmed").await;
    app
}

#[tokio::test]
async fn a_doubt_begins_anew_after_a_restart() {
    let mut app = in_doubt().await;
    app.restart().await;
    // The lie is old enough for its confirmation, but the new process has seen none of its answers.
    app.advance(Duration::from_secs(60));
    assert_both_releases(&app, "detail=l2").await;
    assert_eq!(app.metric(&doubted("list-emptied")).await, 0.0);
    let _ = app.try_to_revalidate(LIST).await;
    assert_both_releases(&app, "detail=unconfirmed").await;
    assert_eq!(app.metric(&doubted("list-emptied")).await, 1.0);
}

#[tokio::test]
async fn an_expired_copy_outlives_a_restart_in_a_doubt() {
    let mut app = in_doubt().await;
    app.restart().await;
    app.advance(DAY);
    assert_both_releases(&app, "detail=unconfirmed").await;
    assert_eq!(app.metric(&doubted("list-emptied")).await, 1.0);
}
