//! Organizations that require single sign-on: svm fetches their public documents without a token.

use std::time::Duration;

use super::used;
use crate::support::app::TestApp;
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
