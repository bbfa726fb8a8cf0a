//! Paths, methods and parameters: those that the service answers, and those that it refuses.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn ping() {
    let app = TestApp::start().await;
    let answer = app.get("/ping").await;
    insta::assert_snapshot!(answer.head(), @"
    200
    cache-control: no-store
    content-type: application/json
    ");
    assert_eq!(answer.text(), r#"{"status":"ok","message":"Service is up and running"}"#);
}

#[tokio::test]
async fn a_service_that_serves_is_live_and_ready() {
    let app = TestApp::start().await;
    for (path, body) in [("/livez", r#"{"status":"live"}"#), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = app.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, body));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn another_path_is_404_in_json() {
    let app = TestApp::start().await;
    insta::assert_snapshot!(app.get("/nothing").await.head(), @"
    404
    cache-control: no-store
    content-type: application/json
    ");
    for path in
        ["//", "/versions", "/version/", "//version", "/ping/", "/Ping", "/%70ing", "/version/x"]
    {
        let detail = "the paths are /version, /explain, /openapi.json, /status.json, /ping, /healthz, /livez, /readyz and /metrics";
        app.get(path).await.assert_error(404, "Not found", detail);
    }
    let posted = Answer::of(app.request(Method::POST, "/nothing").body("x")).await;
    assert_eq!(posted.status, 404);
}

#[tokio::test]
async fn another_method_is_405_in_json() {
    let app = TestApp::start().await;
    for path in [
        "/version?url=x",
        "/openapi.json",
        "/status.json",
        "/ping",
        "/healthz",
        "/livez",
        "/readyz",
        "/metrics",
    ] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let answer = Answer::of(app.request(method, path)).await;
            answer.assert_error(405, "Method not allowed", "use GET or HEAD");
            assert_eq!(answer.header("allow"), "GET, HEAD");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let document = format!("/version?url={}", encode(LATEST));
    for path in [document.as_str(), "/version", "/ping", "/livez", "/readyz", "/nothing"] {
        let get = app.get(path).await;
        let head = Answer::of(app.request(Method::HEAD, path)).await;
        assert_eq!(head.head(), get.head(), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert!(head.body.is_empty());
    }
    for path in ["/healthz", "/metrics"] {
        let head = Answer::of(app.request(Method::HEAD, path)).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_ne!(head.header("content-length"), "");
    }
}

#[tokio::test]
async fn head_fetches_and_stores_as_get_does() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let path = format!("/version?url={}", encode(LATEST));
    let head = Answer::of(app.request(Method::HEAD, &path)).await;
    assert_eq!(head.header("x-cache"), "MISS");
    assert_eq!(app.get(&path).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_400() {
    let app = TestApp::start().await;
    let check = async |query: &str, detail: &str| {
        let answer = app.get(&format!("/version{query}")).await;
        answer.assert_error(400, "Invalid parameter", detail);
        assert_eq!(answer.summary(), "400 BYPASS upstream=0 svm; detail=invalid-parameter");
    };
    check("", "url parameter is required").await;
    check("?", "url parameter is required").await;
    check("?url=", "url parameter is required").await;
    check("?refresh=true", "url parameter is required").await;
    check(
        "?url=a&url=b",
        "url parameter is repeated; percent-encode the value of url if this belongs to it",
    )
    .await;
    check(
        "?url=https://api.github.com/repos/o/r/releases?per_page=1&page=2",
        "unknown parameter `page`; percent-encode the value of url if this belongs to it",
    )
    .await;
    check(
        "?url=https://api.github.com/repos/o/r&refresh=yes",
        "refresh parameter must be true, 1, false or 0",
    )
    .await;
    check("?url=%zz", "url parameter is not well-formed percent-encoded UTF-8").await;
    check("?url=%ff", "url parameter is not well-formed percent-encoded UTF-8").await;
}

#[tokio::test]
async fn targets_that_are_not_allowed_are_400() {
    let app = TestApp::start().await;
    let check = async |url: &str, detail: &str| {
        app.version(url).await.assert_error(400, "Invalid parameter", detail);
    };
    check("api.github.com/repos/o/r", "url must be an absolute https URL").await;
    check("/repos/o/r", "url must be an absolute https URL").await;
    check("http://api.github.com/repos/o/r", "url must be an absolute https URL").await;
    check("https://user:secret@api.github.com/repos/o/r", "url must not carry user information")
        .await;
    check("https://api.github.com:8443/repos/o/r", "url must not name a port other than 443").await;
    check("https://example.com/repos/o/r", "upstream host is not allowlisted").await;
    check("https://api.github.com.example.com/repos/o/r", "upstream host is not allowlisted").await;
    check("https://127.0.0.1/repos/o/r", "upstream host is not allowlisted").await;
    check("https://api.github.com/user", "upstream path is not allowlisted").await;
    check(
        "https://api.github.com/repos/../user",
        "url path must not have an empty, `.` or `..` segment",
    )
    .await;
    check(
        "https://api.github.com/repos/o/r#fragment",
        "url must not have a fragment: percent-encode the `#` of a name as `%23`, and then the whole url",
    )
    .await;
    check(
        "https://api.github.com/repos/o/r?access_token=abc",
        "url query must not carry a credential",
    )
    .await;
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn the_date_of_a_slow_answer_is_that_of_its_end() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let began = UNIX_EPOCH + Duration::from_secs(app.clock.now().as_secs());
    let gate = app.github.hold(LATEST_PATH);
    let waiting = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    app.advance(Duration::from_secs(5));
    let _ = app.get("/ping").await;
    gate.open();
    let date = waiting.await.expect("an answer").header("date").to_owned();
    // The library gives the time of this machine, which is later than that of the tests.
    assert!(httpdate::parse_http_date(&date).expect("a date") > began, "{date}");
}
