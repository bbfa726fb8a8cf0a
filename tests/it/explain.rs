//! The page `/explain`: the state of a document and the outcome of a request for it, without a
//! call.

mod causes;
mod mirror;
mod parameters;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{TestApp, encode};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const FETCHED: &str = "2026-06-01T12:00:00Z";

async fn explain(app: &TestApp, url: &str) -> Value {
    let calls = app.github.total_calls();
    let answer = app.get(&format!("/explain?url={}", encode(url))).await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
    assert_eq!(app.github.total_calls(), calls, "it causes no call");
    answer.json()
}

fn last_sentence(explained: &Value) -> &str {
    let sentences = explained["sentences"].as_array().expect("sentences");
    sentences.last().and_then(Value::as_str).expect("one of them")
}

#[tokio::test]
async fn it_follows_a_document_through_its_life() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let unknown = explain(&app, LATEST).await;
    assert_eq!((&unknown["tier"], &unknown["stored"]), (&json!("none"), &Value::Null));
    assert_eq!(unknown["request_now"]["asks_github"], "yes");

    let document = app.version(LATEST).await;
    app.advance(Duration::from_secs(30));
    let fresh = explain(&app, LATEST).await;
    assert_eq!(fresh["key"], document.header("x-cache-key"));
    assert_eq!((&fresh["tier"], &fresh["changes"]), (&json!("l1"), &json!("at any time")));
    let stored = &fresh["stored"];
    assert_eq!((&stored["age"], &stored["ttl"]), (&json!(30), &json!(86_370)));
    assert_eq!([&stored["fetched_at"], &stored["checked_at"]], [FETCHED, FETCHED]);
    assert_eq!((&stored["validator"], &stored["token"]), (&json!("etag"), &json!(0)));
    assert_eq!(fresh["next_check"], "2026-06-01T12:01:00Z");
    assert_eq!(
        fresh["request_now"],
        json!({"outcome": "HIT", "detail": null, "asks_github": "no"})
    );
    let sentences = [
        "The document is in memory. GitHub sent it 30s ago, and has not been asked since.",
        "It has an ETag, and the token at place 0 of GITHUB_PATS fetched it.",
        "It is fresh for another 23h 59m 30s.",
        "While it is in use, the background checks it every 1m; the next check is due in 30s.",
        "A request now is answered from the cache, without a call.",
    ];
    assert_eq!(fresh["sentences"], json!(sentences));

    let _ = app.restart().await;
    for _ in 0..2 {
        let at_rest = explain(&app, LATEST).await;
        assert_eq!(at_rest["tier"], "l2", "it is not promoted");
    }
    app.advance(Duration::from_secs(86_400));
    let expired = explain(&app, LATEST).await;
    assert_eq!(expired["request_now"]["asks_github"], "yes");
    let by_tag = "A request now waits for GitHub, which svm asks by its ETag, which costs nothing if it is unchanged.";
    assert_eq!(last_sentence(&expired), by_tag);
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_copy_and_an_absence_are_explained() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(86_400 + 60));
    let _failure = app.github.fail_all(Failure::ServerError502);
    let _ = app.version(LATEST).await;
    let copy = explain(&app, LATEST).await;
    assert_eq!(copy["request_now"]["detail"], "stale-if-error", "{copy:#}");
    let sentences = copy["sentences"].to_string();
    assert!(sentences.contains("Its lifetime ended 1m ago."), "{sentences}");
    let failed = "The last check failed 0s ago: the answer is a server error (5xx) (server-error); the next one is due in 10s.";
    assert!(sentences.contains(failed), "{sentences}");
    let last = &copy["last_check"];
    assert_eq!((&last["outcome"], &last["detail"]), (&json!("failed"), &json!("server-error")));

    app.github.recover();
    let absent = "https://api.github.com/repos/octo/none";
    let _ = app.version(absent).await;
    let absence = explain(&app, absent).await;
    assert_eq!((&absence["stored"]["status"], &absence["changes"]), (&json!(404), &Value::Null));
    assert_eq!(absence["request_now"]["asks_github"], "no");
    let first = absence["sentences"][0].as_str().unwrap();
    assert_eq!(first, "GitHub answered 404 Not Found 0s ago; that is in memory.");
}

#[tokio::test]
async fn a_refused_url_names_the_rule() {
    let app = TestApp::start().await;
    for (url, rule) in [
        ("http://api.github.com/repos/o/r", "https"),
        ("https://evil.example/repos/o/r", "host"),
        ("https://api.github.com/user", "path"),
    ] {
        let answer = app.get(&format!("/explain?url={}", encode(url))).await;
        assert_eq!(answer.status, 400, "{url}");
        assert!(answer.text().contains(rule), "{}", answer.text());
    }
    assert_eq!(app.get("/explain").await.status, 400);
}
