//! Organizations that require single sign-on: svm fetches their public documents without a token.

use std::time::Duration;

use super::used;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

async fn app(tokens: &str) -> TestApp {
    let app = TestApp::builder().set("GITHUB_PATS", tokens).start().await;
    app.github.release("octo/app").serve();
    app.github.require_sign_on("octo");
    app
}

#[tokio::test]
async fn a_public_document_is_got_without_a_token() {
    for (tokens, sent) in [("a", &["a", "-"][..]), ("a,b", &["a", "b", "-"])] {
        let app = app(tokens).await;
        assert_eq!(app.version(LATEST).await.status, 200);
        assert_eq!(used(&app), sent);
        assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    }
}

#[tokio::test]
async fn its_copy_is_checked_without_a_token_too() {
    let app = app("a").await;
    let _ = app.version(LATEST).await;
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app), ["a", "-", "-"]);
}

#[tokio::test]
async fn a_private_document_stays_refused_and_is_tried_once() {
    let app = app("a").await;
    app.github.fail(LATEST_PATH).with(Failure::Saml).for_token("a");
    app.github.fail(LATEST_PATH).with(Failure::NotFound404);
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("SAML"), "{}", answer.text());
    let _ = app.version(LATEST).await;
    assert_eq!(used(&app), ["a", "-"], "the refusal is remembered");
}

#[tokio::test]
async fn other_policies_are_not_tried_without_a_token() {
    let app = app("a").await;
    app.github.fail(LATEST_PATH).with(Failure::TosBlocked403);
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(used(&app), ["a"]);
}

#[tokio::test]
async fn the_anonymous_limit_cools_no_token_and_no_host_down() {
    let app = app("a").await;
    app.github.user("").exhaust();
    assert_eq!(app.version(LATEST).await.status, 403);
    app.github.release("free/app").serve();
    let other = "https://api.github.com/repos/free/app/releases/latest";
    assert_eq!(app.version(other).await.status, 200);
    app.advance(Duration::from_secs(60));
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(used(&app), ["a", "-", "a", "a"], "the limit is not met twice");
    app.advance(Duration::from_secs(3600));
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn the_background_leaves_half_of_that_quota_to_clients() {
    let app = app("a").await;
    let _ = app.version(LATEST).await;
    app.github.user("").used(31);
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    let sent = app.github.total_calls();
    let _ = app.try_to_revalidate(LATEST).await;
    assert_eq!(app.github.total_calls(), sent);
}

#[tokio::test]
async fn a_spent_anonymous_quota_stops_no_other_check() {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a")
        .set("REVALIDATE_INTERVAL", "100ms")
        .set("REVALIDATE_MAX_RPS", "1000")
        .set("REVALIDATE_PER_WORKER_RPS", "1000")
        .start()
        .await;
    app.github.release("octo/app").serve();
    app.github.require_sign_on("octo");
    let paths = [0, 1, 2, 3].map(|number| format!("/repos/free/r{number}/releases/latest"));
    for (number, path) in paths.iter().enumerate() {
        app.github.release(&format!("free/r{number}")).serve();
        assert_eq!(app.version(&format!("https://api.github.com{path}")).await.status, 200);
    }
    // It is the most used, so each sweep begins with it.
    for _ in 0..5 {
        assert_eq!(app.version(LATEST).await.status, 200);
    }
    // Fewer are left than clients keep.
    app.github.user("").used(40);
    assert_eq!(app.refresh(LATEST).await.status, 200);
    let before = app.github.calls(LATEST_PATH);
    app.advance(Duration::from_secs(1));
    eventually(|| paths.iter().all(|path| app.github.calls(path) == 2)).await;
    assert_eq!(app.github.calls(LATEST_PATH), before);
}

#[tokio::test]
async fn its_whole_check_needs_no_token_either() {
    let app = app("a,b").await;
    app.github.release("octo/app").tag("v2.0.0").serve();
    // The last page is full, so only a whole answer shows whether there is another.
    let page = "https://api.github.com/repos/octo/app/releases?per_page=2";
    assert_eq!(app.version(page).await.status, 200);
    for _ in 0..2 {
        app.advance(Duration::from_secs(3_600));
        app.revalidate(page).await;
    }
    assert_eq!(used(&app), ["a", "b", "-", "-", "-"]);
}

#[tokio::test]
async fn its_check_needs_no_token_that_is_usable() {
    let app = app("a").await;
    assert_eq!(app.version(LATEST).await.status, 200);
    app.github.release("free/app").serve();
    app.github.user("alice").token("a").exhaust();
    let other = "https://api.github.com/repos/free/app/releases/latest";
    assert_eq!(app.version(other).await.status, 403);
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
}
