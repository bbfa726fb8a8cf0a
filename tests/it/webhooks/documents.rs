//! The documents of a repository that its events check.

use std::time::Duration;

use super::{EVENT, SECRET, deliver, signature};
use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const DOCUMENT: &str = "https://api.github.com/repos/octo/app/readme";
const DOCUMENT_PATH: &str = "/repos/octo/app/readme";
/// The number and the size of the documents that fill the L1 of [`small`].
const FLOOD: usize = 4;
const FLOOD_BODY: usize = 30_000;

fn with_secret() -> TestAppBuilder {
    TestApp::builder().set("WEBHOOK_SECRETS", SECRET)
}

async fn flood(app: &TestApp) {
    for number in 0..FLOOD {
        let path = format!("/octo/flood/main/{number}.json");
        app.github.raw_document(&path, &format!("\"{}\"", "x".repeat(FLOOD_BODY)));
        let url = format!("https://raw.githubusercontent.com{path}");
        assert_eq!(app.version(&url).await.status, 200);
    }
}

#[tokio::test]
async fn documents_that_l1_has_evicted_are_checked_too() {
    let app = with_secret().set("CACHE_L1_MAX_GB", "0.0001").start().await;
    app.github.document(DOCUMENT_PATH, r#"{"n":1}"#);
    let _ = app.version(DOCUMENT).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    flood(&app).await;
    assert!(app.held(DOCUMENT).is_none());
    app.github.document(DOCUMENT_PATH, r#"{"n":2}"#);
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    app.until(async || app.github.calls(DOCUMENT_PATH) == 2).await;
    app.reaches("svm_flights", 0.0).await;
    assert_eq!(app.version(DOCUMENT).await.text(), r#"{"n":2}"#);
}

#[tokio::test]
async fn a_renamed_repository_is_known_by_its_number() {
    let app = with_secret().start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    let _ = app.github.rename("octo/app", "octo/new");
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v1.0.0");
    app.github.publish("octo/new", "v2.0.0");
    let event = app.github.release_event("octo/new", "published");
    let _ = deliver(&app, &signature(SECRET, &event), &event).await;
    app.until(async || app.version(LATEST).await.json()["tag_name"] == "v2.0.0").await;
}

#[tokio::test]
async fn names_that_do_not_exist_cost_an_event_nothing() {
    let app = with_secret().start().await;
    app.github.release("octo/app").serve();
    let tag = |number: usize| LATEST.replace("latest", &format!("tags/none{number}"));
    for number in 0..40 {
        assert_eq!(app.version(&tag(number)).await.status, 404);
    }
    let _ = app.version(LATEST).await;
    let calls = app.github.total_calls();
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    app.until(async || app.github.calls(LATEST_PATH) == 2).await;
    app.reaches("svm_flights", 0.0).await;
    assert_eq!(app.github.total_calls(), calls + 1);
    app.github.release("octo/app").tag("none7").serve();
    assert_eq!(app.version(&tag(7)).await.status, 200, "the next client has it asked for");
    assert_eq!(app.version(&LATEST.replace("octo/app", "octo/other")).await.status, 404);
}

#[tokio::test]
async fn events_leave_the_quota_of_clients_alone() {
    let app = with_secret().set("GITHUB_PATS", "ghp_first").start().await;
    app.github.user("octocat").token("ghp_first").limit(120).used(20);
    app.github.release("octo/app").serve();
    // The request leaves 99 of 120; the threshold is 100.
    let _ = app.version(LATEST).await;
    let absent = LATEST.replace("latest", "tags/none");
    let event = app.github.push_event("octo/app");
    // A round of checks begins after the end of the one before, and first forgets the absent names.
    for seconds in [0, 5, 10] {
        assert_eq!(app.version(&absent).await.status, 404);
        match seconds {
            0 => drop(deliver(&app, &signature(SECRET, &event), &event).await),
            _ => app.advance(Duration::from_secs(seconds)),
        }
        app.until(async || app.held(&absent).is_none()).await;
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_call_from_before_an_event_does_not_stand_for_its_check() {
    let app = with_secret().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let absent = LATEST.replace("latest", "tags/none");
    assert_eq!(app.version(&absent).await.status, 404);
    let gate = app.github.hold(LATEST_PATH);
    let refresh = tasks::spawn(app.ask_refresh(LATEST));
    gate.arrived(1).await;
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    app.until(async || app.held(&absent).is_none()).await;
    assert_eq!(app.metric("svm_flights").await, 1.0, "the check shares the flight");
    drop(gate);
    assert_eq!(refresh.await.expect("an answer").status, 200);
    app.until(async || app.github.calls(LATEST_PATH) == 3).await;
}

#[tokio::test]
async fn an_event_tells_of_changes_that_do_not_move_the_date() {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", SECRET).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    // Old releases are pinned, and the background checks them by their date.
    app.advance(Duration::from_secs(31 * 24 * 60 * 60));
    let url = LATEST.replace("latest", "tags/v1.0.0");
    let before = app.version(&url).await.body;
    app.github.bump_downloads("octo/app");
    assert_eq!(deliver(&app, &signature(SECRET, EVENT), EVENT).await.status, 202);
    app.until(async || app.version(&url).await.body != before).await;
    assert_eq!(app.version(&url).await.header("x-cache"), "HIT");
}
