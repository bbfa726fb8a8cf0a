//! Events about removed releases: each explains the loss of its release and of no other.

use std::time::Duration;

use super::{SECRET, deliver, signature};
use crate::support::app::{Answer, TestApp};
use crate::support::github::Lie;
use crate::{LATEST, LATEST_PATH};

const LIST: &str = "https://api.github.com/repos/octo/app/releases";
const LIST_PATH: &str = "/repos/octo/app/releases";
const TAG: &str = "https://api.github.com/repos/octo/app/releases/tags/v2.0.0";
const TAG_PATH: &str = "/repos/octo/app/releases/tags/v2.0.0";
const OLDER_TAG_PATH: &str = "/repos/octo/app/releases/tags/v1.0.0";

/// Starts a service that holds a document of a repository with two releases.
async fn with(url: &str) -> TestApp {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", SECRET).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.advance(Duration::from_secs(60));
    app.github.release("octo/app").tag("v2.0.0").serve();
    assert_eq!(app.version(url).await.status, 200);
    app
}

/// Waits until a path has more calls than this, and until their flights have ended.
async fn exceeds(app: &TestApp, path: &str, calls: u64) {
    app.until(async || app.github.calls(path) > calls).await;
    app.reaches("svm_flights", 0.0).await;
}

async fn tell(app: &TestApp, event: &str) -> Answer {
    deliver(app, &signature(SECRET, event), event).await
}

#[tokio::test]
async fn a_deletion_is_believed_at_once_by_its_event() {
    for (url, path, action) in [(TAG, TAG_PATH, "deleted"), (LATEST, LATEST_PATH, "unpublished")] {
        let app = with(url).await;
        let event = app.github.release_event("octo/app", action);
        app.github.unpublish("octo/app");
        assert_eq!(tell(&app, &event).await.status, 202);
        app.until(async || app.github.calls(path) == 2).await;
        app.reaches("svm_flights", 0.0).await;
        let answer = app.version(url).await;
        match url {
            TAG => assert_eq!(answer.status, 404),
            _ => assert_eq!(answer.json()["tag_name"], "v1.0.0"),
        }
        // The first check suffices, and no witness was requested.
        assert!(app.github.total_calls() <= 3, "{}", app.github.total_calls());
        assert_eq!(app.github.calls(OLDER_TAG_PATH), 0);
    }
}

#[tokio::test]
async fn other_events_explain_no_loss() {
    let app = with(TAG).await;
    app.github.lie(TAG_PATH, Lie::Missing, 180);
    let event = |action| app.github.release_event("octo/app", action);
    app.github.release("octo/app").tag("v3.0.0").serve();
    let other = event("deleted");
    app.github.unpublish("octo/app");
    for (event, what) in [
        (event("edited"), "an edit"),
        (other, "the deletion of another release"),
        (event("published"), "a publication"),
        (app.github.push_event("octo/app"), "a push"),
    ] {
        let calls = app.github.calls(TAG_PATH);
        assert_eq!(tell(&app, &event).await.text(), r#"{"status":"accepted"}"#, "{what}");
        exceeds(&app, TAG_PATH, calls).await;
        assert_eq!(app.version(TAG).await.status, 200, "{what}");
        app.advance(Duration::from_secs(14));
    }
}

#[tokio::test]
async fn a_push_lets_no_soft_empty_list_through() {
    let app = with(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 180);
    let _ = tell(&app, &app.github.push_event("octo/app")).await;
    exceeds(&app, TAG_PATH, 0).await;
    let answer = app.version(LIST).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(2));
    assert!(answer.summary().ends_with("detail=unconfirmed"));
}

#[tokio::test]
async fn the_deletion_of_one_release_empties_no_list() {
    let app = with(LIST).await;
    let event = app.github.release_event("octo/app", "deleted");
    app.github.unpublish("octo/app");
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    let _ = tell(&app, &event).await;
    exceeds(&app, OLDER_TAG_PATH, 0).await;
    let answer = app.version(LIST).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(2));
    assert!(answer.summary().ends_with("detail=unconfirmed"));
    assert_eq!(app.github.calls(TAG_PATH), 0, "the event has told of it");
    app.advance(Duration::from_secs(600));
    let _ = app.try_to_revalidate(LIST).await;
    assert_eq!(app.version(LIST).await.json()[0]["tag_name"], "v1.0.0");
}

/// The event of the publication arrives late, after that of the deletion, and both arrive again.
#[tokio::test]
async fn events_out_of_order_remove_no_existing_release() {
    let app = with(TAG).await;
    let [published, deleted] =
        ["published", "deleted"].map(|action| app.github.release_event("octo/app", action));
    app.github.unpublish("octo/app");
    let _ = tell(&app, &deleted).await;
    app.until(async || app.version(TAG).await.status == 404).await;
    app.advance(Duration::from_secs(90));
    let _ = tell(&app, &published).await;
    app.until(async || app.version(TAG).await.status == 404).await;
    app.reaches("svm_flights", 0.0).await;
    let calls = app.github.total_calls();
    for event in [&deleted, &published] {
        assert_eq!(tell(&app, event).await.text(), r#"{"status":"repeated"}"#);
    }
    assert_eq!(app.version(TAG).await.status, 404);
    assert_eq!(app.github.total_calls(), calls);
}
