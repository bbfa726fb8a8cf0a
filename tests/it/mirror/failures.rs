//! Failures of GitHub, in the form that clients of GitHub understand.

use std::time::Duration;

use crate::LATEST_PATH;
use crate::support::app::{Answer, TestApp};
use crate::support::github::{Failure, Wire};

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
