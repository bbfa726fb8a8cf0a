//! Tokens that GitHub refuses: their quarantine, and the inquiries until they work again.

use std::time::Duration;

use super::{document, used};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, GitHub};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const MINUTE: Duration = Duration::from_secs(60);
const FIRST_REJECTED: &str = "svm_token_rejected{token=\"0\"}";

/// Starts a service whose only token has just been refused.
async fn app_with_a_refused_token() -> TestApp {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.release("octo/app").serve();
    refuse_once(&app);
    assert_eq!(app.version(LATEST).await.status, 401);
    app
}

/// Makes GitHub refuse the token for one document, and elsewhere too.
fn refuse_once(app: &TestApp) {
    for target in [LATEST_PATH, "/user"] {
        app.github.fail(target).with(Failure::BadCredentials).times(1);
    }
}

/// Returns the number of inquiries about the token since its quarantine.
fn inquiries(app: &TestApp) -> u64 {
    app.github.calls("/user") - 1
}

/// Waits until the answers tell clients to retry after this number of seconds.
async fn is_back_in(app: &TestApp, seconds: u64) {
    app.until(async || app.version(LATEST).await.retry_after() == seconds).await;
}

#[tokio::test]
async fn a_refused_token_is_quarantined_and_reported() {
    let app = TestApp::builder().set("GITHUB_PATS", "bad,good").start().await;
    app.github.revoke("bad");
    for n in 0..4 {
        assert_eq!(app.version(&document(&app, &format!("octo/r{n}"))).await.status, 200);
    }
    assert_eq!(used(&app), ["bad", "bad", "good", "good", "good", "good"]);
    assert_eq!(app.metric(FIRST_REJECTED).await, 1.0);
    assert_eq!(app.metric("svm_token_rejected{token=\"1\"}").await, 0.0);
}

#[tokio::test]
async fn a_token_that_works_again_is_used_again() {
    let app = app_with_a_refused_token().await;
    app.advance(MINUTE);
    app.reaches(FIRST_REJECTED, 0.0).await;
    assert_eq!(inquiries(&app), 1);
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn inquiries_about_a_refused_token_become_rarer() {
    let app = app_with_a_refused_token().await;
    app.github.strict_tokens();
    app.github.revoke("a");
    for (asked, minutes) in [(1, 2), (2, 4), (3, 8)] {
        app.advance(MINUTE * minutes / 2);
        is_back_in(&app, u64::from(minutes) * 60).await;
        assert_eq!(inquiries(&app), asked);
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn an_inconclusive_inquiry_changes_neither_token_nor_pause() {
    for failure in [
        Failure::Unicorn503,
        Failure::Reset,
        Failure::Throttled429,
        Failure::SecondaryLimit(Some(60)),
        Failure::TooManyLogins,
    ] {
        let app = app_with_a_refused_token().await;
        // A break of only the idle connection is not a failure.
        let requests = if failure == Failure::Reset { 2 } else { 1 };
        app.github.fail("/user").with(failure.clone()).times(requests);
        app.advance(MINUTE);
        is_back_in(&app, 60).await;
        assert_eq!(inquiries(&app), u64::from(requests), "{failure:?}");
        assert_eq!(app.metric(FIRST_REJECTED).await, 1.0, "{failure:?}");
        app.advance(MINUTE);
        app.reaches(FIRST_REJECTED, 0.0).await;
    }
}

#[tokio::test]
async fn an_answer_to_a_request_from_before_ends_it() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let early = document(&app, "octo/early");
    let gate = app.github.hold("/repos/octo/early/releases/latest");
    let asked = tasks::spawn(app.ask(&early));
    gate.arrived(1).await;
    refuse_once(&app);
    assert_eq!(app.version(LATEST).await.status, 401);
    assert_eq!(app.metric(FIRST_REJECTED).await, 1.0);
    gate.open();
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(app.metric(FIRST_REJECTED).await, 0.0);
    assert_eq!(inquiries(&app), 0);
}

#[tokio::test]
async fn where_every_token_is_refused_the_answer_is_401_and_then_503() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.strict_tokens();
    assert_eq!(app.version(LATEST).await.status, 401);
    let answer = app.version(LATEST).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after()), (503, 60));
    insta::assert_snapshot!(app.get("/healthz").await.text(), @r#"{"status":"degraded","dependencies":{"request_path":{"status":"up"},"embedded_store":{"status":"up"},"github_tokens":{"status":"down","error":"GitHub refuses every token"},"github":{"status":"up"}}}"#);
    app.github.user("alice").token("b");
    app.advance(MINUTE);
    app.is_healthy("healthy").await;
}

#[tokio::test]
async fn too_many_logins_take_no_token_back() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let early = document(&app, "octo/early");
    let gate = app.github.hold("/repos/octo/early/releases/latest");
    app.github.fail("/repos/octo/early/releases/latest").with(Failure::TooManyLogins);
    let asked = tasks::spawn(app.ask(&early));
    gate.arrived(1).await;
    refuse_once(&app);
    assert_eq!(app.version(LATEST).await.status, 401);
    gate.open();
    assert_eq!(asked.await.unwrap().status, 403);
    assert_eq!(app.metric(FIRST_REJECTED).await, 1.0);
}

/// Makes GitHub refuse the token for every document, with inconclusive inquiries, and then accept
/// it again.
async fn refuse_all_once(app: &TestApp) {
    app.github.recover();
    app.github.fail("/user").with(Failure::NotFound404);
    app.github.fail_all(Failure::BadCredentials);
    assert_eq!(app.version(LATEST).await.status, 401);
    app.github.recover();
    app.github.fail("/user").with(Failure::NotFound404);
}

#[tokio::test]
async fn after_failed_inquiries_a_refused_token_is_tried_ever_later() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    assert_eq!(app.version(&document(&app, "octo/first")).await.status, 200);
    for minutes in [1, 2, 4] {
        refuse_all_once(&app).await;
        assert_eq!(app.version(LATEST).await.retry_after(), u64::from(minutes) * 60);
        app.advance(MINUTE * minutes);
        app.reaches(FIRST_REJECTED, 0.0).await;
    }
    assert_eq!(app.version(&document(&app, "octo/other")).await.status, 200);
    refuse_all_once(&app).await;
    let other = app.version(&document(&app, "octo/third")).await;
    assert_eq!((other.status.as_u16(), other.retry_after()), (503, 60), "it had worked");
}

#[tokio::test]
async fn an_inquiry_does_not_block_a_token_that_serves_documents() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::NotFound404).times(1);
    github.fail("/user").with(Failure::BadCredentials);
    let app = TestApp::builder().set("GITHUB_PATS", "a").identifying().start_with(github).await;
    eventually(|| app.github.calls("/user") == 1).await;
    assert_eq!(app.version(&document(&app, "octo/first")).await.status, 200);
    // At the third inquiry, the answer to the second one has been read.
    app.until(async || {
        app.advance(MINUTE);
        app.github.calls("/user") >= 3
    })
    .await;
    assert_eq!(app.metric(FIRST_REJECTED).await, 0.0);
    assert_eq!(app.version(&document(&app, "octo/second")).await.status, 200);
}
