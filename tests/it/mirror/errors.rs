//! Refusals and failures, in the form that clients of GitHub understand.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{Answer, TestApp};
use crate::support::github::Failure;
use crate::support::raw::talk;
use crate::{LATEST, LATEST_PATH};

#[track_caller]
fn assert_shape(answer: &Answer, status: u16, message: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(body["message"], message);
    assert_eq!(body["status"], status.to_string());
    assert!(
        body["documentation_url"].as_str().expect("a URL").starts_with("https://docs.github.com/")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
}

/// Asserts that svm refused the request. The counters by `X-Cache` count such an answer too.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, message: &str) {
    assert_shape(answer, status, message);
    answer.assert_summary(&format!("{status} BYPASS upstream=0 svm; detail=invalid-parameter"));
}

#[tokio::test]
async fn a_path_that_is_not_open_is_not_found() {
    let app = TestApp::start().await;
    for path in [
        "/user",
        "/users/octo",
        "/orgs/octo/repos",
        "/search/code?q=x",
        "/graphql",
        "/api/graphql",
        "/api/v3/user",
        "/api/v4",
        "/repos",
        "/repositories",
        "/api/v3/graphql",
        "/emojis",
        "/gists/1",
        "/organizations/1",
    ] {
        assert_refused(&app.get(path).await, 404, "Not Found");
    }
    let query = Answer::of(app.request(Method::POST, "/graphql").body("{}")).await;
    assert_refused(&query, 404, "Not Found");
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn a_path_that_is_no_url_is_refused() {
    let app = TestApp::start().await;
    for path in ["/repos/../user", "/repos//o/r", "/repos/o/r?access_token=x", "/repos/o/%zz"] {
        let answers = talk(
            app.address(),
            format!("GET {path} HTTP/1.1\r\nhost: svm\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(answers[0].status, 400, "{path}");
        assert!(answers[0].json()["message"].is_string(), "{path}");
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn the_mirror_only_reads() {
    let app = TestApp::start().await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        for path in ["/repos/octo/app/releases", "/", "/api/v3", "/rate_limit", "/meta"] {
            let answer = Answer::of(app.request(method.clone(), path).body("{}")).await;
            assert_refused(&answer, 403, "This is a read-only cache of the GitHub API");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn another_representation_is_415() {
    let app = TestApp::start().await;
    let ask = async |path: &str, accept: &str| {
        Answer::of(app.request(Method::GET, path).header("accept", accept)).await
    };
    for (path, accept) in [
        ("/repos/octo/app/contents/x", "application/vnd.github.raw"),
        ("/api/v3/repos/octo/app/commits/main", "application/vnd.github.v3.sha"),
        ("/repos/octo/app/%63ontents/x", "application/vnd.github.raw"),
        ("/repos/octo/app/%72eadme/", "application/vnd.github.raw"),
    ] {
        assert_refused(&ask(path, accept).await, 415, "Unsupported 'Accept' header");
    }
    app.github.release("octo/app").serve();
    let long = format!("application/json, {}", "text/x-none;q=0.1, ".repeat(400));
    assert_eq!(ask(LATEST_PATH, &long).await.status, 200);
    let version =
        app.request(Method::GET, LATEST_PATH).header("x-github-api-version", "2020-01-01");
    assert_eq!(Answer::of(version).await.status, 400);
    let version =
        app.request(Method::GET, LATEST_PATH).header("x-github-api-version", "2022-11-28");
    assert_eq!(Answer::of(version).await.status, 200);
}

#[tokio::test]
async fn an_error_of_github_comes_through_to_the_byte() {
    let app = TestApp::start().await;
    for (number, (failure, status)) in [
        (Failure::NotFound404, 404),
        (Failure::Gone410, 410),
        (Failure::Blocked451, 451),
        (Failure::TooDeep422, 422),
        (Failure::Saml, 403),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/repos/octo/failing/{number}");
        app.github.fail(&path).with(failure.clone());
        let answer = app.get(&path).await;
        assert_eq!(answer.status, status, "{failure:?}");
        let wrapped = app.version(&format!("https://api.github.com{path}")).await.json();
        assert_eq!(answer.json(), wrapped["message"], "{failure:?}");
        assert!(answer.json()["message"].is_string(), "{failure:?}");
    }
}

#[tokio::test]
async fn a_refused_token_of_svm_is_not_blamed_on_the_client() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::BadCredentials);
    let answer = app.get(LATEST_PATH).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[tokio::test]
async fn a_rate_limit_has_the_form_that_clients_wait_for() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::PrimaryLimit);
    for _ in 0..2 {
        let answer = app.get(LATEST_PATH).await;
        assert_shape(&answer, 403, "API rate limit exceeded for svm.");
        let header = |name: &str| answer.header(&format!("x-ratelimit-{name}")).to_owned();
        assert_eq!([header("limit"), header("remaining"), header("used")], ["5000", "0", "5000"]);
        assert_eq!(header("resource"), "core");
        assert!(header("reset").parse::<u64>().is_ok());
        assert_eq!(answer.header("retry-after"), "");
    }
}

#[tokio::test]
async fn a_client_over_its_rate_has_met_a_secondary_limit() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "0.001").start().await;
    app.github.release("octo/app").serve();
    let mut answers = Vec::new();
    for number in 0..20 {
        answers.push(app.get(&format!("/repos/octo/app/{number}")).await);
    }
    let limited = answers.iter().find(|answer| answer.status == 403).expect("a limit");
    let message = "You have exceeded a secondary rate limit of this cache";
    assert_shape(limited, 403, message);
    let url = limited.json()["documentation_url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("#about-secondary-rate-limits"), "{url}");
    assert!(limited.retry_after() > 0);
}

#[tokio::test]
async fn a_broken_upstream_is_502() {
    let app = TestApp::start().await;
    app.github.fail(LATEST_PATH).with(Failure::Unicorn502);
    let answer = app.get(LATEST_PATH).await;
    assert_eq!(answer.status, 502);
    assert!(answer.json()["message"].is_string());
    let text = "https://raw.githubusercontent.com/octo/app/main/x";
    app.github.raw_document("/octo/app/main/x", "not JSON");
    assert_eq!(app.version(text).await.status, 502);
}

#[tokio::test]
async fn an_error_on_version_keeps_its_form() {
    let app = TestApp::start().await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["error"], json!("Upstream API error"));
    assert!(matches!(answer.json()["message"], Value::Object(_)));
}

#[tokio::test]
async fn a_release_that_did_not_exist_is_looked_for_after_a_minute() {
    // The interval is about refreshes, and no client wants one here.
    for interval in ["0s", "5m"] {
        let app = TestApp::builder().set("REFRESH_MIN_INTERVAL", interval).start().await;
        let ask = async |path: &str| app.get(path).await.status.as_u16();
        assert_eq!(ask(LATEST_PATH).await, 404);
        // Another spelling of the same release.
        assert_eq!(ask("/repos/octo/app/releases/%6Catest/").await, 404);
        app.advance(Duration::from_secs(59));
        assert_eq!(ask(LATEST_PATH).await, 404);
        assert_eq!(app.github.total_calls(), 1);
        app.advance(Duration::from_secs(1));
        for path in ["/repos/octo/app/releases/%6Catest/", LATEST_PATH, LATEST_PATH] {
            assert_eq!(ask(path).await, 404);
            assert_eq!(app.github.total_calls(), 2, "once in a minute, {interval}");
        }
        app.advance(Duration::from_secs(60));
        app.github.release("octo/app").serve();
        assert_eq!(app.version(LATEST).await.status, 404, "no client of /version asked for this");
        assert_eq!(ask(LATEST_PATH).await, 200, "{interval}");
        assert_eq!(app.version(LATEST).await.status, 200);
        // The absence of other documents is believed for `CACHE_NEGATIVE_TTL`.
        let other = "/repos/octo/app/contents/x";
        assert_eq!(ask(other).await, 404);
        app.advance(Duration::from_secs(200));
        let calls = app.github.total_calls();
        assert_eq!(ask(other).await, 404);
        assert_eq!(app.github.total_calls(), calls);
    }
}

#[tokio::test]
async fn a_lifetime_of_the_operator_holds_for_releases_too() {
    let app = TestApp::builder().set("CACHE_NEGATIVE_TTL", "5m").start().await;
    for _ in 0..2 {
        assert_eq!(app.get(LATEST_PATH).await.status, 404);
        app.advance(Duration::from_secs(200));
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused_as_github_does() {
    let app = TestApp::start().await;
    let head = "GET /repos/o/r HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n";
    let answers = talk(app.address(), head.to_owned()).await;
    assert_eq!(answers[0].status, 400);
    assert!(answers[0].json()["documentation_url"].is_string());
}
