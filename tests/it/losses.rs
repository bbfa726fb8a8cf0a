//! Answers that report a loss: svm believes none before its confirmation.

mod memory;
mod others;
mod schedule;

use std::time::Duration;

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::github::Lie;
use crate::{LATEST, LATEST_PATH};

const LIST: &str = "https://api.github.com/repos/octo/app/releases";
const LIST_PATH: &str = "/repos/octo/app/releases";
const TAG: &str = "https://api.github.com/repos/octo/app/releases/tags/v2.0.0";
const TAG_PATH: &str = "/repos/octo/app/releases/tags/v2.0.0";

/// Starts a service that holds a document of a repository with two releases.
async fn with(url: &str) -> TestApp {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.advance(Duration::from_secs(60));
    app.github.release("octo/app").tag("v2.0.0").serve();
    assert_eq!(app.version(url).await.status, 200);
    app
}

fn doubted(kind: &str) -> String {
    format!("svm_losses_doubted_total{{kind=\"{kind}\"}}")
}

fn confirmed(kind: &str) -> String {
    format!("svm_losses_confirmed_total{{kind=\"{kind}\"}}")
}

#[tokio::test]
async fn a_copy_is_served_while_a_loss_is_not_confirmed() {
    let app = with(LATEST).await;
    app.github.lie(LATEST_PATH, Lie::Missing, 180);
    app.advance(Duration::from_secs(10));
    let _ = app.try_to_revalidate(LATEST).await;
    let answer = app.version(LATEST).await;
    answer.assert_summary("200 HIT upstream=0 svm; hit; ttl=86390; detail=unconfirmed");
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
    assert_eq!((answer.header("age"), answer.header("cache-control")), ("10", "no-cache"));
    assert_eq!(app.metric(&doubted("latest-missing")).await, 1.0);

    app.advance(Duration::from_secs(180));
    let _ = app.try_to_revalidate(LATEST).await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.summary(), "200 HIT upstream=0 svm; hit; ttl=86400");
    assert_eq!(app.metric(&confirmed("latest-missing")).await, 0.0);
}

#[tokio::test]
async fn a_waiter_for_an_expired_document_gets_the_copy() {
    let app = with(LATEST).await;
    app.advance(Duration::from_secs(86_400));
    app.github.lie(LATEST_PATH, Lie::Older, 180);
    let answer = app.version(LATEST).await;
    answer.assert_summary("200 HIT upstream=0 svm; fwd=stale; ttl=0; detail=unconfirmed");
    assert_eq!(answer.json()["tag_name"], "v2.0.0");
}

#[tokio::test]
async fn a_refresh_shows_the_claim_and_keeps_the_copy() {
    let app = with(LATEST).await;
    app.github.lie(LATEST_PATH, Lie::Older, 180);
    let refreshed = app.refresh(LATEST).await;
    refreshed.assert_summary(
        "200 BYPASS upstream=200 svm; fwd=request; fwd-status=200; detail=unconfirmed",
    );
    assert_eq!(refreshed.json()["tag_name"], "v1.0.0");
    assert_eq!(refreshed.header("cache-control"), "no-cache");
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v2.0.0");

    app.github.lie(LATEST_PATH, Lie::Missing, 180);
    let refreshed = app.refresh(LATEST).await;
    refreshed.assert_summary(
        "404 BYPASS upstream=404 svm; fwd=request; fwd-status=404; detail=unconfirmed",
    );
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v2.0.0");
}

#[tokio::test]
async fn a_deletion_is_believed_at_once_where_the_tag_is_gone() {
    for (url, kind) in [(LATEST, "latest-older"), (LIST, "list-emptied")] {
        let app = with(url).await;
        app.github.unpublish("octo/app");
        if url == LIST {
            app.github.unpublish("octo/app");
        }
        app.revalidate(url).await;
        let answer = app.version(url).await;
        assert_eq!(answer.summary(), "200 HIT upstream=0 svm; hit; ttl=86400");
        match url {
            LATEST => assert_eq!(answer.json()["tag_name"], "v1.0.0"),
            _ => assert_eq!(answer.json(), Value::Array(Vec::new())),
        }
        assert_eq!(app.github.calls(TAG_PATH), 1);
        assert_eq!(app.metric(&confirmed(kind)).await, 1.0);
        assert_eq!(app.metric(&doubted(kind)).await, 0.0);
    }
}

#[tokio::test]
async fn a_deleted_tag_is_believed_within_three_minutes() {
    let app = with(TAG).await;
    app.github.unpublish("octo/app");
    let _ = app.try_to_revalidate(TAG).await;
    assert_eq!(app.version(TAG).await.status, 200);
    // The token of the copy confirms the answer to the other one.
    for (seconds, calls) in [(5, 4), (25, 6)] {
        app.advance(Duration::from_secs(seconds));
        app.until(async || app.github.calls(TAG_PATH) == calls).await;
        app.reaches("svm_flights", 0.0).await;
    }
    assert_eq!(app.version(TAG).await.status, 200, "half a minute is not long enough");
    app.advance(Duration::from_secs(90));
    app.until(async || app.version(TAG).await.status == 404).await;
    assert_eq!(app.github.calls(TAG_PATH), 8);
}

#[tokio::test]
async fn a_repository_named_releases_keeps_its_copies_too() {
    let app = TestApp::start().await;
    app.github.release("octo/releases").tag("v1.0.0").serve();
    let path = "/repos/octo/releases/releases/tags/v1.0.0";
    let url = format!("https://api.github.com{path}");
    assert_eq!(app.version(&url).await.status, 200);
    app.github.lie(path, Lie::Missing, 180);
    let _ = app.try_to_revalidate(&url).await;
    let answer = app.version(&url).await;
    assert_eq!(answer.status, 200);
    assert!(answer.summary().ends_with("detail=unconfirmed"), "{}", answer.summary());
}

#[tokio::test]
async fn a_list_that_shrinks_to_one_is_believed_at_once() {
    let app = with(LIST).await;
    app.github.unpublish("octo/app");
    app.revalidate(LIST).await;
    let answer = app.version(LIST).await;
    assert_eq!(answer.summary(), "200 HIT upstream=0 svm; hit; ttl=86400");
    assert_eq!(answer.json().as_array().map(Vec::len), Some(1));
    assert_eq!(app.github.total_calls(), 2, "no witness is heard");
}

#[tokio::test]
async fn a_doubt_survives_a_failing_upstream() {
    let app = with(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    let _ = app.try_to_revalidate(LIST).await;
    app.github.go_down().await;
    let _ = app.try_to_revalidate(LIST).await;
    assert!(app.version(LIST).await.summary().ends_with("detail=unconfirmed"));
    app.github.come_up().await;
}

#[tokio::test]
async fn without_confirm_losses_each_answer_is_believed() {
    let app = TestApp::builder().set("CONFIRM_LOSSES", "off").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    app.revalidate(LIST).await;
    assert_eq!(app.version(LIST).await.text(), "[]");
    assert_eq!(app.github.total_calls(), 2);
}
