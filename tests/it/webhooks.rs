//! Events from GitHub: their documents are checked at once, and forgeries cost nothing.

mod deletions;
mod documents;
mod wire;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use sha2::Sha256;
use svm::clock::Stopwatch;

use crate::support::app::{Answer, TestApp};
use crate::{LATEST, LATEST_PATH};

pub(crate) const SECRET: &str = "a-secret-of-the-hook";
const OLD_SECRET: &str = "the-secret-before-it";
const PATH: &str = "/webhooks/github";
/// The seconds after an event at which its documents are checked.
const CHECKED_AT: [u64; 4] = [0, 5, 15, 60];
const EVENT: &str = r#"{"action":"published","repository":{"id":17,"full_name":"Octo/App"}}"#;

async fn with_secrets() -> TestApp {
    let secrets = format!("{OLD_SECRET},{SECRET}");
    let app = TestApp::builder().set("WEBHOOK_SECRETS", &secrets).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.github.release("octo/other").serve();
    for url in [LATEST, &LATEST.replace("app", "other")] {
        assert_eq!(app.version(url).await.status, 200);
    }
    app.advance(Duration::from_secs(60));
    app
}

pub(crate) fn signature(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    let bytes = mac.chain_update(body).finalize().into_bytes();
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

pub(crate) async fn deliver(app: &TestApp, signature: &str, body: &str) -> Answer {
    let request = app.request(Method::POST, PATH).header("x-hub-signature-256", signature);
    Answer::of(request.header("content-type", "application/json").body(body.to_owned())).await
}

fn counter(result: &str) -> String {
    format!("svm_webhooks_total{{result=\"{result}\"}}")
}

#[tokio::test]
async fn without_secrets_the_route_is_a_404() {
    let app = TestApp::start().await;
    assert_eq!(deliver(&app, &signature(SECRET, EVENT), EVENT).await.status, 404);
    assert_eq!(app.get(PATH).await.status, 404);
}

#[tokio::test]
async fn a_new_release_is_served_right_after_its_event() {
    for secret in [SECRET, OLD_SECRET] {
        let app = with_secrets().await;
        app.github.publish("octo/app", "v2.0.0");
        let answer = deliver(&app, &signature(secret, EVENT), EVENT).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (202, r#"{"status":"accepted"}"#.into())
        );
        app.until(async || app.version(LATEST).await.json()["tag_name"] == "v2.0.0").await;
        assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
        let other = LATEST_PATH.replace("app", "other");
        assert_eq!(app.github.calls(&other), 1, "another repository has no event");
    }
}

/// Returns the seconds from an event until `v2.0.0` is served, and the number of checks by then.
async fn served_after(app: &TestApp) -> (u64, usize) {
    for second in 0..100 {
        let checks = CHECKED_AT.iter().filter(|at| **at <= second).count();
        app.until(async || app.github.calls(LATEST_PATH) == 1 + checks as u64).await;
        app.reaches("svm_flights", 0.0).await;
        if app.version(LATEST).await.json()["tag_name"] == "v2.0.0" {
            return (second, checks);
        }
        app.advance(Duration::from_secs(1));
    }
    panic!("it is never served");
}

#[tokio::test]
async fn a_release_is_served_two_seconds_after_its_event() {
    let app = with_secrets().await;
    app.github.publish("octo/app", "v2.0.0");
    let waited = Stopwatch::start();
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    let (seconds, checks) = served_after(&app).await;
    assert_eq!((seconds, checks), (0, 1));
    assert!(waited.elapsed() < Duration::from_secs(2), "{:?}", waited.elapsed());
}

#[tokio::test]
async fn a_release_that_lags_ten_seconds_is_served_after_fifteen() {
    let app = with_secrets().await;
    app.github.lag(LATEST_PATH, 10);
    app.github.publish("octo/app", "v2.0.0");
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    assert_eq!(served_after(&app).await, (15, 3), "17 s at most");
    app.advance(Duration::from_secs(45));
    app.until(async || app.github.calls(LATEST_PATH) == 5).await;
}

#[tokio::test]
async fn an_event_is_answered_before_github_is_asked() {
    let app = with_secrets().await;
    let gate = app.github.hold(LATEST_PATH);
    let answer = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    assert_eq!(answer.status, 202);
    app.until(async || app.github.calls(LATEST_PATH) == 2).await;
    assert_eq!(app.metric("svm_flights").await, 1.0, "the check waits for GitHub");
    drop(gate);
    app.reaches("svm_flights", 0.0).await;
}

#[tokio::test]
async fn a_release_that_was_missing_is_found_by_its_event() {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", SECRET).start().await;
    assert_eq!(app.version(LATEST).await.status, 404);
    app.github.release("octo/app").serve();
    let _ = deliver(&app, &signature(SECRET, EVENT), EVENT).await;
    app.until(async || app.version(LATEST).await.status == 200).await;
}

#[tokio::test]
async fn forged_and_replayed_events_cost_nothing() {
    let app = with_secrets().await;
    let calls = app.github.total_calls();
    let right = signature(SECRET, EVENT);
    for (signature, body, status) in [
        (signature("another-secret-of-yours", EVENT), EVENT.to_owned(), 401),
        (right.clone(), EVENT.replace("App", "Other"), 401),
        ("sha256=0".to_owned(), EVENT.to_owned(), 401),
        (signature(SECRET, "no json"), "no json".to_owned(), 400),
        (signature(SECRET, "{}"), "{}".to_owned(), 202),
    ] {
        assert_eq!(deliver(&app, &signature, &body).await.status, status, "{body}");
    }
    let unsigned = Answer::of(app.request(Method::POST, PATH).body(EVENT)).await;
    assert_eq!(unsigned.status, 401);
    let large = app.request(Method::POST, PATH).header("x-hub-signature-256", &right);
    let large = Answer::of(large.body(vec![b' '; (25 << 20) + 1])).await;
    assert_eq!(large.status, 413);
    let read = app.get(PATH).await;
    assert_eq!((read.status.as_u16(), read.header("allow")), (405, "POST"));
    assert_eq!(app.github.total_calls(), calls, "no call for any of them");

    let _ = deliver(&app, &right, EVENT).await;
    app.until(async || app.github.total_calls() == calls + 1).await;
    let other = EVENT.replace("published", "edited");
    for (body, result) in [(EVENT, "repeated"), (&*other, "too-soon")] {
        assert_eq!(deliver(&app, &signature(SECRET, body), body).await.status, 202);
        assert_eq!(app.metric(&counter(result)).await, 1.0, "{result}");
    }
    app.reaches("svm_flights", 0.0).await;
    assert_eq!(app.github.total_calls(), calls + 1);
}

#[tokio::test]
async fn odd_events_are_parsed_as_far_as_possible() {
    const REPOSITORY: &str = r#""repository":{"id":17,"full_name":"OCTO/app"}"#;
    let commits = vec!["{\"id\":\"0\"}"; 200_000].join(",");
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (body, status, result) in [
        (format!("{{{REPOSITORY},\"commits\":[{commits}]}}"), 202, "accepted"),
        (format!("{{\"action\":7,\"release\":[],{REPOSITORY}}}"), 202, "accepted"),
        (r#"{"repository":{"id":9,"full_name":"öcto/../app"}}"#.to_owned(), 202, "accepted"),
        (r#"{"repository":{"id":9,"full_name":""}}"#.to_owned(), 202, "accepted"),
        (r#"{"organization":{"login":"octo"}}"#.to_owned(), 202, "ignored"),
        (format!("{{{REPOSITORY},\"x\":{deep}}}"), 202, "accepted"),
        (format!("{{{REPOSITORY},{REPOSITORY}}}"), 400, "refused"),
        (r#"{"repository":{"id":-1,"full_name":"octo/app"}}"#.to_owned(), 400, "refused"),
        ("\u{feff}{}".to_owned(), 400, "refused"),
    ] {
        let app = with_secrets().await;
        let answer = deliver(&app, &signature(SECRET, &body), &body).await;
        assert_eq!(answer.status, status, "{body:.80}");
        assert_eq!(app.metric(&counter(result)).await, 1.0, "{body:.80}");
        let calls = if body.contains("OCTO") && result == "accepted" { 2 } else { 1 };
        app.until(async || app.github.calls(LATEST_PATH) == calls).await;
    }
}

#[tokio::test]
async fn a_body_is_read_as_it_was_signed() {
    let app = with_secrets().await;
    let released = app.github.release_event("octo/app", "published");
    assert!(released.contains('#'));
    let special = format!("{{\"text\":\"#^|`{}\",{}", "| a | ^ | # |".repeat(9_000), &EVENT[1..]);
    for body in [released, special] {
        let answer = deliver(&app, &signature(SECRET, &body), &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        app.advance(Duration::from_secs(60));
    }
}
