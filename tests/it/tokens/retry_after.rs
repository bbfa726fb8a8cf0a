//! The errors for clients while no token is usable: they name the limit and its end, not other
//! failures.

use std::time::Duration;

use futures_util::future::join_all;

use super::document;
use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::github::Failure;

async fn app_with_two_tokens() -> TestApp {
    TestApp::builder().set("GITHUB_PATS", "a,b").start().await
}

#[tokio::test]
async fn a_client_that_meets_limits_learns_their_end() {
    let app = app_with_two_tokens().await;
    let urls: Vec<_> = (0..40).map(|n| document(&app, &format!("octo/r{n}"))).collect();
    app.github.fail_all(Failure::SecondaryLimit(Some(60)));
    // Some requests meet the limit of the first token while others meet that of the second.
    let answers = join_all(urls.iter().map(|url| app.ask(url))).await;
    for answer in answers {
        assert_eq!(answer.retry_after(), 60, "{}", answer.summary());
    }
}

#[tokio::test]
async fn a_refusal_after_a_limit_is_reported_as_the_limit() {
    let app = app_with_two_tokens().await;
    app.github.fail_all(Failure::SecondaryLimit(Some(600))).for_token("a");
    app.github.revoke("b");
    let limited = app.version(LATEST).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 600));
}

#[tokio::test]
async fn a_limit_after_a_refusal_is_reported_as_the_limit() {
    let app = app_with_two_tokens().await;
    app.github.revoke("a");
    app.github.fail_all(Failure::SecondaryLimit(Some(600))).for_token("b");
    let limited = app.version(LATEST).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 600));
}

#[tokio::test]
async fn retry_after_ignores_refused_tokens_during_a_cooldown() {
    let app = app_with_two_tokens().await;
    app.github.fail_all(Failure::SecondaryLimit(Some(600))).for_token("a");
    app.github.revoke("b");
    let _ = app.version(LATEST).await;
    let refused = app.version(LATEST).await;
    refused.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    assert_eq!(refused.retry_after(), 600);
}

#[tokio::test]
async fn a_limit_whose_body_stalls_is_a_limit() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.user("alice").token("a").exhaust();
    app.github.fail_all(Failure::Drip(Duration::from_secs(600)));
    let limited = app.version(LATEST).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 3600));
    assert_eq!(app.metric("svm_token_resting{token=\"0\"}").await, 1.0);
}
