//! Failures of GitHub, in the form that clients of GitHub understand.

use std::time::Duration;

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::github::{Failure, GitHub, Wire};
use crate::{LATEST, LATEST_PATH};

/// A document of the endpoint of `LATEST_PATH`.
const OTHER_PATH: &str = "/repos/octo/other/releases/latest";

#[track_caller]
fn assert_failure(answer: &Answer, status: u16, message: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert!(body["message"].as_str().expect("a text").starts_with(message), "{body}");
    assert_eq!(body["status"], status.to_string());
    assert!(
        body["documentation_url"].as_str().expect("a URL").starts_with("https://docs.github.com/")
    );
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("x-ratelimit-remaining"), "");
}

#[tokio::test]
async fn a_failure_without_an_answer_has_the_form_of_github() {
    let large = "content-type: application/json\ncontent-length: 4000000";
    for (failure, limit, status, message) in [
        (
            Failure::HtmlWith200,
            "1m",
            502,
            "Bad upstream response: the upstream's answer is not JSON",
        ),
        (
            Failure::Wire(Wire::head("200 OK", large)),
            "1m",
            502,
            "Bad upstream response: the upstream's answer is too large",
        ),
        (Failure::Hang, "1s", 504, "Upstream timed out"),
    ] {
        let app = TestApp::builder()
            .set("MAX_UPSTREAM_RESPONSE_BYTES", "1048576")
            .set("UPSTREAM_TIMEOUT", limit)
            .start()
            .await;
        app.github.fail_all(failure);
        assert_failure(&app.get(LATEST_PATH).await, status, message);
    }
    let app = TestApp::start().await;
    app.github.go_down().await;
    assert_failure(&app.get(LATEST_PATH).await, 502, "Upstream unreachable");
}

#[tokio::test]
async fn a_rate_limit_names_the_time_of_the_first_usable_token() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.user("alice").token("a").exhaust().resets_in(1_200);
    app.github.user("bob").token("b").exhaust().resets_in(600);
    let reset = (app.clock.now() + Duration::from_secs(600)).as_secs().to_string();
    for _ in 0..2 {
        let answer = app.get(LATEST_PATH).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-reset")), (403, &*reset));
    }
    assert_eq!(app.github.total_calls(), 2, "the second answer took no call");
}

/// Asserts that the answer is a `503` that states when to try again, and no rate limit.
#[track_caller]
fn assert_unavailable(answer: &Answer, retry_after: u64) {
    assert_failure(answer, 503, "Upstream unavailable: ");
    assert_eq!(answer.retry_after(), retry_after);
    assert!(!answer.text().contains("limit"), "{}", answer.text());
}

/// Asserts that the answer is a rate limit, which ends after these seconds.
#[track_caller]
fn assert_limit(app: &TestApp, answer: &Answer, seconds: u64) {
    let reset = (app.clock.now() + Duration::from_secs(seconds)).as_secs().to_string();
    assert_eq!(answer.status, 403, "{}", answer.text());
    let headers = ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"];
    assert_eq!(headers.map(|name| answer.header(name)), ["0", &reset, ""]);
}

fn with_tokens(tokens: &str) -> TestAppBuilder {
    TestApp::builder().set("GITHUB_PATS", tokens)
}

#[tokio::test]
async fn while_github_refuses_all_tokens_no_limit_is_reported() {
    let app = with_tokens("a,b").start().await;
    app.github.revoke("a");
    app.github.revoke("b");
    assert_failure(&app.get(LATEST_PATH).await, 503, "GitHub refuses every token");
    for path in [LATEST_PATH, OTHER_PATH] {
        assert_unavailable(&app.get(path).await, 60);
    }
    let version = app.version(LATEST).await;
    version.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    assert_eq!(version.json()["error"], "Upstream rate limited");
}

#[tokio::test]
async fn a_withheld_token_is_reported_as_no_limit() {
    let github = GitHub::start().await;
    github.user("alice").token("a").scopes("repo");
    let gate = github.hold("/user");
    let app = with_tokens("a").set("REQUIRE_PUBLIC_TOKENS", "true").start_with(github).await;
    gate.arrived(1).await;
    assert_unavailable(&app.get(LATEST_PATH).await, 1);
    gate.open();
    app.until(async || app.get(LATEST_PATH).await.retry_after() == 3_600).await;
    assert_unavailable(&app.get(LATEST_PATH).await, 3_600);
}

#[tokio::test]
async fn a_limit_of_the_inquiry_is_reported_as_a_limit() {
    let github = GitHub::start().await;
    let gate = github.hold("/user");
    let app = with_tokens("a").set("REQUIRE_PUBLIC_TOKENS", "true").start_with(github).await;
    app.github.user("alice").token("a").exhaust().resets_in(600);
    gate.open();
    app.reaches("svm_token_resting{token=\"0\"}", 1.0).await;
    assert_limit(&app, &app.get(LATEST_PATH).await, 600);
}

#[tokio::test]
async fn a_limited_token_beside_a_refused_one_is_a_limit() {
    let app = with_tokens("a,b").start().await;
    app.github.fail_all(Failure::SecondaryLimit(Some(600))).for_token("a");
    app.github.release("octo/other").serve();
    // One of these requests begins the cooldown of the first token.
    for _ in 0..2 {
        assert_eq!(app.version(&format!("https://api.github.com{OTHER_PATH}")).await.status, 200);
    }
    app.github.revoke("b");
    for _ in 0..2 {
        assert_limit(&app, &app.get(LATEST_PATH).await, 600);
    }
}

#[tokio::test]
async fn only_a_limit_of_the_host_is_reported_as_one() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::Throttled429);
    for path in [LATEST_PATH, OTHER_PATH] {
        assert_limit(&app, &app.get(path).await, 60);
    }
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::Maintenance503(120));
    assert_failure(&app.get(LATEST_PATH).await, 503, "Service Unavailable");
    for path in [LATEST_PATH, OTHER_PATH] {
        assert_unavailable(&app.get(path).await, 120);
    }
}
