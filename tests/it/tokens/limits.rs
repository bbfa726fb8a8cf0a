//! Tokens and hosts that meet a limit.

use std::time::Duration;

use reqwest::StatusCode;
use svm::clock::{Clock, ManualClock};

use super::{document, used};
use crate::support::app::{Answer, TestApp};
use crate::support::github::{Failure, Wire};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn a_limited_token_cools_down_and_no_client_sees_it() {
    for failure in [
        Failure::PrimaryLimit,
        Failure::SecondaryLimit(Some(60)),
        Failure::SecondaryLimit(None),
        Failure::Abuse,
        Failure::BadCredentials,
    ] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.fail_all(failure.clone()).for_token("a");
        for n in 0..6 {
            let url = document(&app, &format!("octo/r{n}"));
            assert_eq!(app.version(&url).await.status, StatusCode::OK, "{failure:?}");
        }
        let with_a = used(&app).iter().filter(|token| *token == "a").count();
        // A refused token is tried on another document before its quarantine.
        let most = if failure == Failure::BadCredentials { 2 } else { 1 };
        assert_eq!(with_a, most, "{failure:?}: it is not asked again while it cools down");
    }
}

#[tokio::test]
async fn an_answer_from_before_a_limit_does_not_end_the_cooldown() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let early = document(&app, "octo/early");
    let gate = app.github.hold("/repos/octo/early/releases/latest");
    let asked = tasks::spawn(app.ask(&early));
    gate.arrived(1).await;
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60)));
    assert_eq!(app.version(LATEST).await.status, 403);
    gate.open();
    assert_eq!(asked.await.unwrap().status, 200);
    let refused = app.version(&document(&app, "octo/other")).await;
    assert_eq!((refused.status.as_u16(), refused.retry_after()), (503, 60));
}

/// Requests a renamed document. The first token meets a limit while the redirect is in flight.
async fn redirected_while_the_first_token_is_limited(app: &TestApp) -> Answer {
    let (old, new) = ("/repos/octo/old/releases/latest", document(app, "octo/new"));
    app.github.redirect(old, 301, &new);
    let gate = app.github.hold(old);
    let asked = tasks::spawn(app.ask(&format!("https://api.github.com{old}")));
    gate.arrived(1).await;
    app.github.fail_all(Failure::PrimaryLimit).for_token("a");
    // The tokens take turns, so one of these requests uses the first token.
    for name in ["octo/one", "octo/two"] {
        let _ = app.version(&document(app, name)).await;
    }
    app.github.recover();
    gate.open();
    asked.await.expect("the task has ended in good order")
}

#[tokio::test]
async fn a_redirect_is_followed_with_no_token_that_cools_down() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let limited = redirected_while_the_first_token_is_limited(&app).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (503, 3600));
    assert_eq!(app.github.calls("/repos/octo/new/releases/latest"), 0);
}

#[tokio::test]
async fn a_redirect_is_followed_with_another_token_if_there_is_one() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    assert_eq!(redirected_while_the_first_token_is_limited(&app).await.status, 200);
    assert_eq!(used(&app).last().unwrap(), "b");
}

#[tokio::test]
async fn a_cooldown_ends_as_the_answer_said() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    let url = document(&app, "octo/app");
    app.github.fail_all(Failure::SecondaryLimit(Some(90))).times(1);
    let limited = app.version(&url).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 90));
    app.advance(Duration::from_secs(30));
    let refused = app.version(&url).await;
    assert_eq!((refused.status.as_u16(), refused.retry_after()), (503, 60));
    app.advance(Duration::from_secs(60));
    assert_eq!(app.version(&url).await.status, 200);
}

#[tokio::test]
async fn a_spent_token_cools_down_until_its_window_ends() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.user("alice").token("a").limit(3);
    for n in 0..3 {
        let url = document(&app, &format!("octo/r{n}"));
        assert_eq!(app.version(&url).await.status, 200);
    }
    let limited = app.version(LATEST).await;
    assert_eq!(limited.status, 403);
    assert_eq!(limited.retry_after(), 3600);
    assert_eq!(limited.json()["error"], "Upstream API error");
    app.advance(Duration::from_secs(3600));
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_throttled_endpoint_cools_down_the_host_and_no_token() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::Throttled429).times(1);
    let throttled = app.version(LATEST).await;
    assert_eq!((throttled.status.as_u16(), throttled.retry_after()), (429, 60));
    let refused = app.version(LATEST).await;
    refused.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(refused.retry_after(), 60);
    assert_eq!(app.metric("svm_token_resting{token=\"0\"}").await, 0.0);
    app.advance(Duration::from_secs(60));
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_limit_of_a_file_host_leaves_the_api_alone() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.fail("/octo/app/main/v.json").with(Failure::RawThrottled429).times(1);
    assert_eq!(app.version(raw).await.status, 429);
    assert_eq!(app.version(raw).await.status, 503);
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_spent_token_cools_down_even_with_a_clock_that_is_ahead() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.no_date();
    app.github.user("alice").token("a").limit(1);
    assert_eq!(app.version(&document(&app, "octo/app")).await.status, 200);
    // By GitHub's clock, the window ends in half a minute; by ours, it ended half a minute ago.
    app.advance(Duration::from_secs(3630));
    let behind = ManualClock::at(app.clock.now() - Duration::from_secs(60));
    app.github.follow(Clock::Manual(behind));
    let before = app.github.total_calls();
    let limited = app.version(&document(&app, "octo/first")).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 60));
    for n in 0..5 {
        let answer = app.version(&document(&app, &format!("octo/r{n}"))).await;
        assert_eq!((answer.status.as_u16(), answer.retry_after()), (503, 60));
    }
    assert_eq!(app.github.total_calls(), before + 1);
}

#[tokio::test]
async fn too_many_logins_cool_the_host_down_and_prove_no_token() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.fail_all(Failure::TooManyLogins);
    let limited = app.version(LATEST).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 60));
    let refused = app.version(&document(&app, "octo/other")).await;
    refused.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(app.github.total_calls(), 1);
    assert_eq!(app.metric("svm_token_resting{token=\"0\"}").await, 0.0);
}

#[tokio::test]
async fn a_cooldown_outlives_no_clock_that_is_set_back() {
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.release("octo/app").serve();
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60))).times(1);
    app.github.fail("/octo/app/main/v.json").with(Failure::RawThrottled429).times(1);
    assert_eq!(app.version(LATEST).await.status, 403);
    assert_eq!(app.version(raw).await.status, 429);
    app.clock.set_back(Duration::from_secs(86_400));
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.version(raw).await.status, 200);
}

#[tokio::test]
async fn a_failing_server_does_not_reset_the_cooldown_of_a_host() {
    let app = TestApp::start().await;
    let raw = |name: &str| format!("https://raw.githubusercontent.com/octo/app/main/{name}.json");
    for name in ["first", "second"] {
        app.github.fail(&format!("/octo/app/main/{name}.json")).with(Failure::RawThrottled429);
    }
    app.github.fail("/octo/app/main/trouble.json").with(Failure::ServerError502);
    assert_eq!(app.version(&raw("first")).await.retry_after(), 60);
    app.advance(Duration::from_secs(60));
    assert_eq!(app.version(&raw("trouble")).await.status, 502);
    assert_eq!(app.version(&raw("second")).await.retry_after(), 120);
}

#[tokio::test]
async fn retry_after_outlasts_the_reset_of_a_spent_quota() {
    for resource in ["core", "search"] {
        let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
        let reset = app.clock.now().as_secs() + 4;
        let headers = format!(
            "content-type: application/json\nx-ratelimit-remaining: 0\nx-ratelimit-reset: {reset}\n\
             x-ratelimit-resource: {resource}\nretry-after: 600"
        );
        let body = r#"{"message":"You have exceeded a secondary rate limit"}"#;
        let limit = Wire::whole("403 Forbidden", &headers, body);
        app.github.fail_all(Failure::Wire(limit)).times(1);
        let limited = app.version(LATEST).await;
        assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 600), "{resource}");
        app.github.release("octo/app").serve();
        app.advance(Duration::from_secs(599));
        assert_eq!(app.version(LATEST).await.retry_after(), 1, "{resource}");
        app.advance(Duration::from_secs(1));
        assert_eq!(app.version(LATEST).await.status, 200, "{resource}");
        assert_eq!(app.github.calls(LATEST_PATH), 2, "{resource}");
    }
}

/// Returns the answer to a token that has spent the quota of SBOMs.
fn no_sboms_left(app: &TestApp) -> Failure {
    let reset = app.clock.now().as_secs() + 600;
    let headers = format!(
        "content-type: application/json\nx-ratelimit-remaining: 0\nx-ratelimit-reset: {reset}\n\
         x-ratelimit-resource: dependency_sbom"
    );
    let body = r#"{"message":"API rate limit exceeded"}"#;
    let length = format!("{headers}\ncontent-length: {}", body.len());
    Failure::Wire(Wire::head("403 Forbidden", &length).then(body))
}

#[tokio::test]
async fn the_quota_of_another_resource_is_counted_by_token() {
    const SBOM: &str = "/repos/octo/app/dependency-graph/sbom";
    let url = format!("https://api.github.com{SBOM}");
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.document(SBOM, r#"{"sbom":{}}"#);
    app.github.fail(SBOM).with(no_sboms_left(&app)).for_token("a");
    assert_eq!(app.version(&url).await.status, 200);
    assert_eq!(used(&app), ["a", "b"]);

    app.github.fail(SBOM).with(no_sboms_left(&app)).for_token("b");
    let limited = app.refresh(&url).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 600));
    let calls = app.github.total_calls();
    let refused = app.refresh(&url).await;
    refused.assert_summary("503 BYPASS upstream=0 svm; fwd=request; detail=host-rests");
    assert_eq!(app.github.total_calls(), calls);
    let url = document(&app, "octo/other");
    assert_eq!(app.version(&url).await.status, 200, "other endpoints have their own quota");
    app.advance(Duration::from_secs(600));
    app.github.recover();
    assert_eq!(app.refresh(&format!("https://api.github.com{SBOM}")).await.status, 200);
}
