//! Inquiries about tokens, their failures, and the consequences for documents.

use std::time::Duration;

use super::document;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, GitHub};
use crate::support::tasks;

const WINDOW: &str = "svm_upstream_window";

async fn five_tokens(github: GitHub) -> TestApp {
    TestApp::builder().set("GITHUB_PATS", "a,b,c,d,e").identifying().start_with(github).await
}

async fn rests_of_the_last(app: &TestApp) -> f64 {
    app.metric("svm_token_resting{token=\"4\"}").await
}

#[tokio::test]
async fn a_secondary_limit_ends_a_round_and_slows_documents_down() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::SecondaryLimit(Some(600)));
    let app = five_tokens(github).await;
    app.reaches(WINDOW, 1.0).await;
    assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200);
    app.advance(Duration::from_secs(600));
    app.reaches("svm_upstream_limits_total{kind=\"secondary\"}", 2.0).await;
    assert_eq!(app.github.calls("/user"), 2, "one before the cooldown, and one after it");
    assert_eq!(rests_of_the_last(&app).await, 0.0);
}

#[tokio::test]
async fn a_throttled_endpoint_cools_no_documents_down() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::Throttled429).times(1);
    let app = five_tokens(github).await;
    let limited = "svm_upstream_limits_total{kind=\"host\"} 1";
    app.until(async || app.get("/metrics").await.text().contains(limited)).await;
    assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200);
    assert_eq!(app.github.calls("/user"), 1);
    app.advance(Duration::from_secs(60));
    eventually(|| app.github.calls("/user") == 6).await;
}

#[tokio::test]
async fn a_refusal_that_leaves_no_token_closes_the_window() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::BadCredentials);
    let app = five_tokens(github).await;
    app.reaches(WINDOW, 1.0).await;
    assert_eq!(app.github.calls("/user"), 5);
}

#[tokio::test]
async fn they_take_a_place_as_documents_do() {
    let github = GitHub::start().await;
    let gate = github.hold("/user");
    let builder = TestApp::builder().set("GITHUB_PATS", "a").set("UPSTREAM_MAX_CONCURRENCY", "1");
    let app = builder.identifying().start_with(github).await;
    gate.arrived(1).await;
    let asked = tasks::spawn(app.ask(&document(&app, "octo/app")));
    app.reaches("svm_l2_reads_total{result=\"miss\"}", 1.0).await;
    // The loop takes as long as a request that waits for nothing.
    for _ in 0..20 {
        assert_eq!(app.metric(WINDOW).await, 1.0);
    }
    gate.open();
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(app.github.peak(), 1);
}
