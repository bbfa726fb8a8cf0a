//! Events about releases that are gone: they explain the loss of that release and of nothing else.

use std::time::Duration;

use serde_json::Value;

use super::{SECRET, deliver, signature};
use crate::support::app::{Answer, TestApp};
use crate::support::github::Lie;
use crate::{LATEST, LATEST_PATH};

const LIST: &str = "https://api.github.com/repos/octo/app/releases";
const LIST_PATH: &str = "/repos/octo/app/releases";
const TAG: &str = "https://api.github.com/repos/octo/app/releases/tags/v2.0.0";
const TAG_PATH: &str = "/repos/octo/app/releases/tags/v2.0.0";
const OLDER_TAG_PATH: &str = "/repos/octo/app/releases/tags/v1.0.0";

/// A service that has a document of a repository with two releases, and the number of the newer.
async fn with(url: &str) -> (TestApp, Value) {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", SECRET).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.advance(Duration::from_secs(60));
    app.github.release("octo/app").tag("v2.0.0").serve();
    let stored = app.version(url).await.json();
    let newest = if url == LIST { &stored[0] } else { &stored };
    let id = newest["id"].clone();
    (app, id)
}

/// Waits until a path was asked for more often than this, and what that has come to.
async fn exceeds(app: &TestApp, path: &str, calls: u64) {
    app.until(async || app.github.calls(path) > calls).await;
    app.reaches("svm_flights", 0.0).await;
}

async fn tell(app: &TestApp, action: &str, release: &Value) -> Answer {
    let repository = r#"{"id":17,"full_name":"octo/app"}"#;
    let release = format!(r#"{{"id":{release},"tag_name":"v2.0.0"}}"#);
    let body = format!(r#"{{"action":"{action}","release":{release},"repository":{repository}}}"#);
    deliver(app, &signature(SECRET, &body), &body).await
}

#[tokio::test]
async fn a_deletion_is_believed_at_once_by_its_event() {
    for (url, path, action) in [(TAG, TAG_PATH, "deleted"), (LATEST, LATEST_PATH, "unpublished")] {
        let (app, id) = with(url).await;
        app.github.unpublish("octo/app");
        assert_eq!(tell(&app, action, &id).await.status, 202);
        app.until(async || app.github.calls(path) == 2).await;
        app.reaches("svm_flights", 0.0).await;
        let answer = app.version(url).await;
        match url {
            TAG => assert_eq!(answer.status, 404),
            _ => assert_eq!(answer.json()["tag_name"], "v1.0.0"),
        }
        // The first check has told, and no witness was asked for.
        assert!(app.github.total_calls() <= 3, "{}", app.github.total_calls());
        assert_eq!(app.github.calls(OLDER_TAG_PATH), 0);
    }
}

#[tokio::test]
async fn other_events_explain_no_loss() {
    let (app, id) = with(TAG).await;
    app.github.lie(TAG_PATH, Lie::Missing, 180);
    let other = Value::from(id.as_u64().expect("a number") + 1);
    for (action, release) in [("edited", &id), ("deleted", &other), ("published", &id)] {
        let calls = app.github.calls(TAG_PATH);
        assert_eq!(tell(&app, action, release).await.text(), r#"{"status":"accepted"}"#);
        exceeds(&app, TAG_PATH, calls).await;
        assert_eq!(app.version(TAG).await.status, 200, "{action}");
        app.advance(Duration::from_secs(15));
    }
}

#[tokio::test]
async fn a_push_lets_no_soft_empty_list_through() {
    let (app, _) = with(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 180);
    let body = r#"{"ref":"refs/heads/main","repository":{"id":17,"full_name":"octo/app"}}"#;
    let _ = deliver(&app, &signature(SECRET, body), body).await;
    exceeds(&app, TAG_PATH, 0).await;
    let answer = app.version(LIST).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(2));
    assert!(answer.summary().ends_with("detail=unconfirmed"));
}

#[tokio::test]
async fn the_deletion_of_one_release_empties_no_list() {
    let (app, id) = with(LIST).await;
    app.github.unpublish("octo/app");
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    let _ = tell(&app, "deleted", &id).await;
    exceeds(&app, OLDER_TAG_PATH, 0).await;
    let answer = app.version(LIST).await;
    assert_eq!(answer.json().as_array().map(Vec::len), Some(2));
    assert!(answer.summary().ends_with("detail=unconfirmed"));
    assert_eq!(app.github.calls(TAG_PATH), 0, "the event has told of it");
    app.advance(Duration::from_secs(600));
    let _ = app.try_to_revalidate(LIST).await;
    assert_eq!(app.version(LIST).await.json()[0]["tag_name"], "v1.0.0");
}
