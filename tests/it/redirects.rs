//! Redirects: followed hop by hop, each target validated like a URL from a client.

mod forgotten;
mod remembered;
mod renamed;

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::github::Failure;

#[tokio::test]
async fn a_relative_location_stays_on_its_host() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    app.github.redirect("/repos/octo/moved", 307, "/repos/octo/app/releases/latest");
    assert_eq!(app.version("https://api.github.com/repos/octo/moved").await.status, 200);
}

#[tokio::test]
async fn three_hops_are_followed_and_a_fourth_is_not() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    app.github.redirect(
        "/repos/hop/1",
        302,
        "https://api.github.com/repos/octo/app/releases/latest",
    );
    app.github.redirect("/repos/hop/2", 301, "https://api.github.com/repos/hop/1");
    app.github.redirect("/repos/hop/3", 308, "https://api.github.com/repos/hop/2");
    app.github.redirect("/repos/hop/4", 302, "https://api.github.com/repos/hop/3");
    assert_eq!(app.version("https://api.github.com/repos/hop/3").await.status, 200);
    let four = app.version("https://api.github.com/repos/hop/4").await;
    four.assert_error(
        502,
        "Bad upstream response",
        "the upstream redirects to where svm does not follow",
    );
    four.assert_summary("502 MISS upstream=302 svm; fwd=uri-miss; fwd-status=302; detail=redirect");
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_url_is_never_followed() {
    let app = TestApp::builder().start().await;
    for (n, location) in [
        "http://api.github.com/repos/octo/app",
        "https://evil.example/repos/octo/app",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/",
        "https://api.github.com:8443/repos/octo/app",
        "https://api.github.com@evil.example/repos/octo/app",
        "https://api.github.com/user",
        "//evil.example/repos/octo/app",
        "/repos/../user",
        "repos/octo/app",
        "",
        "https://api.github.com/repos/octo/app?access_token=abc",
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/repos/octo/r{n}");
        app.github.redirect(&path, 302, location);
        let calls = app.github.total_calls();
        let answer = app.version(&format!("https://api.github.com{path}")).await;
        answer.assert_summary(
            "502 MISS upstream=302 svm; fwd=uri-miss; fwd-status=302; detail=redirect",
        );
        assert_eq!(app.github.total_calls(), calls + 1, "{location:?} was asked");
    }
}

#[tokio::test]
async fn a_redirect_to_a_host_that_cools_down_is_a_limit() {
    let app = TestApp::start().await;
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.fail_host("raw.githubusercontent.com").with(Failure::RawThrottled429);
    assert_eq!(app.version(raw).await.status, 429);

    app.github.redirect("/repos/octo/moved", 302, raw);
    let answer = app.version("https://api.github.com/repos/octo/moved").await;
    let wait = answer.retry_after();
    let detail = format!("a rate limit is in force for another {wait} seconds");
    answer.assert_error(503, "Upstream rate limited", &detail);
    answer
        .assert_summary("503 MISS upstream=302 svm; fwd=uri-miss; fwd-status=302; detail=limited");
}

#[tokio::test]
async fn a_redirect_to_a_host_that_cools_down_costs_one_call() {
    const MOVED: &str = "/repos/octo/moved";
    let app = TestApp::start().await;
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.fail_host("raw.githubusercontent.com").with(Failure::RawThrottled429).times(1);
    assert_eq!(app.version(raw).await.retry_after(), 60);
    app.github.redirect(MOVED, 302, raw);
    let moved = format!("https://api.github.com{MOVED}");
    for passed in 0..20 {
        let answer = app.version(&moved).await;
        assert_eq!((answer.status.as_u16(), answer.retry_after()), (503, 60 - passed));
        assert!(answer.text().contains("a rate limit is in force"), "{}", answer.text());
        // Clients of the mirror wait for the reset of a limit.
        let mirrored = app.get(MOVED).await;
        assert_eq!(mirrored.status, 403);
        assert_eq!(mirrored.header("x-ratelimit-remaining"), "0");
        app.advance(Duration::from_secs(1));
    }
    assert_eq!(app.github.calls(MOVED), 1);
    let answer = app.version(&moved).await;
    answer.assert_summary("503 HIT upstream=0 svm; hit; ttl=40; detail=limited");
    app.advance(Duration::from_secs(40));
    assert_eq!(app.version(&moved).await.status, 200);
}

#[tokio::test]
async fn a_redirect_to_a_host_that_is_down_costs_one_call() {
    const MOVED: &str = "/repos/octo/moved";
    let app = TestApp::start().await;
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.redirect(MOVED, 302, raw);
    app.github.fail_host("raw.githubusercontent.com").with(Failure::CloseBeforeAnswer);
    let moved = format!("https://api.github.com{MOVED}");
    let first = app.version(&moved).await;
    first.assert_error(502, "Upstream unreachable", "the upstream could not be reached");
    first.assert_summary(
        "502 MISS upstream=302 svm; fwd=uri-miss; fwd-status=302; detail=unreachable",
    );
    for _ in 0..10 {
        let next = app.version(&moved).await;
        next.assert_summary("502 HIT upstream=0 svm; hit; ttl=10; detail=unreachable");
    }
    assert_eq!(app.github.calls(MOVED), 1, "the retry begins where the connection broke");
    assert_eq!(app.github.calls("/octo/app/main/v.json"), 2);
    app.github.recover();
    app.advance(Duration::from_secs(10));
    assert_eq!(app.version(&moved).await.status, 200);
}

#[tokio::test]
async fn a_validator_of_another_host_is_not_sent() {
    let app = TestApp::start().await;
    app.github.raw_document("/octo/app/main/v.json", "{}");
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.redirect("/repos/octo/moved", 302, raw);
    let moved = "https://api.github.com/repos/octo/moved";
    let _ = app.version(moved).await;
    assert_eq!(app.refresh(moved).await.header("x-cache"), "BYPASS");
    assert_eq!(app.github.conditional(), 0);
}

#[tokio::test]
async fn a_validator_is_not_sent_to_another_host() {
    let app = TestApp::start().await;
    let (raw, path) = ("raw.githubusercontent.com", "/octo/app/main/v.json");
    app.github.raw_document(path, "{}");
    let url = format!("https://{raw}{path}");
    let _ = app.version(&url).await;
    let elsewhere = "/octo/app/elsewhere.json";
    app.github.file_on("codeload.github.com", elsewhere, "{}");
    app.github.redirect_on(raw, path, 302, &format!("https://codeload.github.com{elsewhere}"));
    assert_eq!(app.refresh(&url).await.header("x-cache"), "BYPASS");
    let [first, again] = &app.github.requests_for(path)[..] else { panic!("two requests") };
    assert!(!first.is_conditional() && again.is_conditional());
    assert!(!app.github.requests_for(elsewhere)[0].is_conditional());
}
