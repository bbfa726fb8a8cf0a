//! A `401` that concerns only the document: the token stays in use.

use std::time::Duration;

use futures_util::future::join_all;

use super::document;
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const INSTALLATION: &str = "https://api.github.com/repos/octo/app/installation";
const INSTALLATION_PATH: &str = "/repos/octo/app/installation";
const MINUTE: Duration = Duration::from_secs(60);

async fn app(tokens: &str) -> TestApp {
    TestApp::builder().set("GITHUB_PATS", tokens).start().await
}

/// Asserts that no token is in quarantine.
async fn assert_none_is_rejected(app: &TestApp, context: &str) {
    for token in 0..app.get("/metrics").await.text().matches("svm_token_rejected{").count() {
        let rejected = format!("svm_token_rejected{{token=\"{token}\"}}");
        assert_eq!(app.metric(&rejected).await, 0.0, "{rejected} {context}");
    }
}

/// Asserts that no token is in quarantine, and that documents are still fetched.
async fn assert_tokens_work(app: &TestApp, name: &str) {
    assert_none_is_rejected(app, name).await;
    assert_eq!(app.version(&document(app, name)).await.status, 200);
    app.is_healthy("healthy").await;
}

#[tokio::test]
async fn a_document_for_apps_costs_no_token() {
    for (tokens, calls) in [("a", 1), ("a,b", 2), ("a,b,c,d", 2)] {
        let app = app(tokens).await;
        let first = app.version(INSTALLATION).await;
        first.assert_summary(
            "401 MISS upstream=401 svm; fwd=uri-miss; fwd-status=401; detail=denied",
        );
        for _ in 0..5 {
            app.version(INSTALLATION)
                .await
                .assert_summary("401 HIT upstream=0 svm; hit; ttl=60; detail=denied");
        }
        assert_eq!(app.github.calls(INSTALLATION_PATH), calls, "{tokens}");
        assert_eq!(app.github.calls("/user"), calls, "{tokens}: each is looked at once");
        assert_tokens_work(&app, "octo/other").await;
    }
}

#[tokio::test]
async fn a_hundred_of_them_cost_one_check_of_each_token() {
    let app = app("a,b").await;
    let url = |n| format!("https://api.github.com/repos/octo/r{n}/installation");
    let urls: Vec<_> = (0..100).map(url).collect();
    for answer in join_all(urls.iter().map(|url| app.ask(url))).await {
        assert_eq!(answer.status, 401);
    }
    assert_eq!(app.github.calls("/user"), 2);
    assert_tokens_work(&app, "octo/other").await;
}

#[tokio::test]
async fn one_401_a_minute_keeps_the_service_up() {
    let app = app("a,b").await;
    for minute in 0..5 {
        assert_eq!(app.version(INSTALLATION).await.status, 401);
        assert_tokens_work(&app, &format!("octo/r{minute}")).await;
        app.advance(MINUTE);
    }
}

#[tokio::test]
async fn a_gateways_bare_401_costs_no_token() {
    let app = app("a,b").await;
    app.github.fail(LATEST_PATH).with(Failure::Bare401);
    assert_eq!(app.version(LATEST).await.status, 401);
    assert_tokens_work(&app, "octo/other").await;
}

#[tokio::test]
async fn a_gateway_that_refuses_inquiries_costs_no_token() {
    for refusal in [Failure::BadCredentials, Failure::Bare401, Failure::NotFound404] {
        let app = app("a").await;
        app.github.fail("/user").with(refusal.clone());
        assert_eq!(app.version(&document(&app, "octo/first")).await.status, 200);
        assert_eq!(app.version(INSTALLATION).await.status, 401, "{refusal:?}");
        assert_tokens_work(&app, "octo/other").await;
    }
}

#[tokio::test]
async fn one_bogus_401_costs_the_only_token_nothing() {
    let app = app("a").await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::BadCredentials).times(1);
    assert_eq!(app.version(LATEST).await.status, 401);
    assert_tokens_work(&app, "octo/other").await;
    app.advance(MINUTE);
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn one_bogus_401_is_not_seen_where_there_is_another_token() {
    let app = app("a,b").await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::BadCredentials).times(1);
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_tokens_work(&app, "octo/other").await;
}

#[tokio::test]
async fn a_document_that_becomes_401_costs_no_token() {
    let app = app("a,b").await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.github.fail(LATEST_PATH).with(Failure::BadCredentials);
    for minute in 0..3 {
        let _ = app.try_to_revalidate(LATEST).await;
        assert_tokens_work(&app, &format!("octo/r{minute}")).await;
        app.version(LATEST).await.assert_document(&document.body);
        app.advance(MINUTE);
    }
}

#[tokio::test]
async fn an_inquiry_that_is_not_answered_is_no_refusal() {
    for failure in [Failure::Unicorn503, Failure::Reset, Failure::SecondaryLimit(Some(5))] {
        let app = app("a,b").await;
        app.github.fail("/user").with(failure.clone());
        assert_eq!(app.version(INSTALLATION).await.status, 401, "{failure:?}");
        assert_none_is_rejected(&app, &format!("{failure:?}")).await;
    }
}

#[tokio::test]
async fn a_token_that_is_refused_elsewhere_too_is_put_aside() {
    let app = app("a,b").await;
    for name in ["octo/one", "octo/two"] {
        assert_eq!(app.version(&document(&app, name)).await.status, 200);
    }
    app.github.revoke("a");
    for n in 0..4 {
        assert_eq!(app.version(&document(&app, &format!("octo/r{n}"))).await.status, 200);
    }
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 1.0);
    let with_a = app.github.token_counts("a").requests;
    assert!(with_a <= 4, "one document, one inquiry, one document that it got: {with_a}");
}

#[tokio::test]
async fn a_token_is_checked_again_after_a_minute() {
    let app = app("a").await;
    assert_eq!(app.version(INSTALLATION).await.status, 401);
    app.github.revoke("a");
    assert_eq!(app.version(&document(&app, "octo/one")).await.status, 401);
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 0.0);
    app.advance(MINUTE);
    assert_eq!(app.version(&document(&app, "octo/two")).await.status, 401);
    assert_eq!(app.metric("svm_token_rejected{token=\"0\"}").await, 1.0);
    assert_eq!(app.version(&document(&app, "octo/three")).await.status, 503);
}
