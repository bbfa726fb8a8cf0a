//! The causes in `/explain`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{explain, last_sentence};
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const MINUTE: Duration = Duration::from_secs(60);

#[track_caller]
fn assert_told(explained: &Value, sentence: &str) {
    let sentences = explained["sentences"].as_array().expect("sentences");
    assert!(sentences.iter().any(|told| told == sentence), "{sentence}\n{explained:#}");
}

#[tokio::test]
async fn a_stale_answer_names_the_cause_of_the_outage() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 60 * 24 + MINUTE);
    let _failure = app.github.fail_all(Failure::UntrustedCertificate);
    let _ = app.version(LATEST).await;
    let copy = explain(&app, LATEST).await;
    assert_told(
        &copy,
        "The last check failed 0s ago: the certificate is from an unknown authority (certificate-unknown-authority); the next one is due in 10s.",
    );
    assert_told(
        &copy,
        "api.github.com has failed for 0s: the certificate is from an unknown authority (certificate-unknown-authority).",
    );
    assert_told(
        &copy,
        "The document is in memory. GitHub sent it 1day 1m ago, and has not confirmed it since.",
    );
    let stale = "A request now gets this copy although its lifetime is over, since GitHub fails.";
    assert_eq!(last_sentence(&copy), stale);
    let absent = explain(&app, "https://api.github.com/repos/octo/none").await;
    let error = "A request now waits for GitHub, and gets an error if that still fails.";
    assert_eq!(last_sentence(&absent), error);
    let cause = "certificate-unknown-authority";
    assert_eq!(
        copy["last_check"],
        json!({"at": "2026-06-02T12:01:00Z", "outcome": "failed", "detail": "unreachable", "cause": cause})
    );
    assert_eq!(copy["github"]["failing"]["cause"], cause);
    let request = json!({"outcome": "HIT", "detail": "stale-if-error", "asks_github": "no"});
    assert_eq!(copy["request_now"], request);
}

#[tokio::test]
async fn a_failed_check_of_a_fresh_document_is_explained() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE);
    let _failure = app.github.fail_all(Failure::Maintenance503(30));
    let _ = app.try_to_revalidate(LATEST).await;
    app.advance(Duration::from_secs(4));
    let fresh = explain(&app, LATEST).await;
    assert_told(
        &fresh,
        "The last check failed 4s ago: the answer is a server error (5xx) (server-error); the next one is due in 6s.",
    );
    assert_eq!(fresh["request_now"]["outcome"], "HIT");
}

#[tokio::test]
async fn a_slow_miss_is_seen_while_it_lasts() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let waiting = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    let calls = app.github.total_calls();
    let answer = app.get(&format!("/explain?url={LATEST}")).await.json();
    assert_eq!(app.github.total_calls(), calls);
    assert!(answer["call_under_way_ms"].is_u64(), "{answer:#}");
    let sentences = answer["sentences"].to_string();
    assert!(sentences.contains("A call for this document has been under way for "), "{sentences}");
    let shared = "A request now waits for that call, and causes none of its own.";
    assert_eq!(last_sentence(&answer), shared);
    gate.open();
    let _ = waiting.await;
    let landed = explain(&app, LATEST).await;
    assert_eq!(landed["call_under_way_ms"], Value::Null);
    assert!(landed["github"]["last_exchange_ms"].is_u64(), "{landed:#}");
}

#[tokio::test]
async fn a_check_that_is_late_names_what_it_waits_for() {
    let app = TestApp::builder().set("REVALIDATE_INTERVAL", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 119);
    assert_eq!(explain(&app, LATEST).await["next_check_waits_for"], Value::Null);
    app.advance(MINUTE * 11);
    let late = explain(&app, LATEST).await;
    assert_eq!(
        (&late["next_check"], &late["next_check_waits_for"]),
        (&json!("2026-06-01T13:00:00Z"), &json!("turn"))
    );
    assert_told(&late, "Its next check is 1h 10m late: no sweep has come to it yet.");

    let _failure = app.github.fail_all(Failure::ServerError502);
    let _ = app.try_to_revalidate(LATEST).await;
    assert_eq!(explain(&app, LATEST).await["next_check_waits_for"], "failure");
}

#[tokio::test]
async fn a_check_that_waits_for_quota_says_so() {
    let app = TestApp::builder().set("GITHUB_PATS", "ghp_first").start().await;
    app.github.user("octocat").token("ghp_first").limit(120).used(20);
    app.github.release("octo/app").serve();
    // This leaves 99 of 120 requests; the threshold is 100.
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 3);
    let late = explain(&app, LATEST).await;
    assert_eq!(late["next_check_waits_for"], "quota", "{late:#}");
    assert_told(
        &late,
        "Its next check is 2m late: the tokens have no more quota left than API_USAGE_THRESHOLD keeps for clients.",
    );
}

#[tokio::test]
async fn an_impossible_request_is_explained_in_advance() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::PrimaryLimit);
    let _ = app.version(LATEST).await;
    let refused = explain(&app, LATEST).await;
    let answer = app.version(LATEST).await;
    assert_eq!(answer.status, 503);
    let request = json!({"outcome": "MISS", "detail": "no-token", "asks_github": "no"});
    assert_eq!(refused["request_now"], request);
    let obstacle = json!({"reason": "no-token", "until": "2026-06-01T13:00:00Z"});
    assert_eq!(refused["no_call_possible"], obstacle);
    let sentence = "A request now gets a 503 at once: every token is in a cooldown, is refused, or must not be used (no-token); a call is possible at 2026-06-01T13:00:00Z, in 1h.";
    assert_eq!(last_sentence(&refused), sentence);
}

#[tokio::test]
async fn few_calls_at_once_are_a_limit_only_after_one() {
    let app = TestApp::builder().set("UPSTREAM_MAX_CONCURRENCY", "4").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let sentence =
        "After a limit of GitHub, svm sends it 1 at a time, so calls wait for each other.";
    let narrow = "calls wait for each other";
    assert!(!explain(&app, LATEST).await["sentences"].to_string().contains(narrow));
    let _failure = app.github.fail("/repos/octo/limited").with(Failure::SecondaryLimit(Some(60)));
    let _ = app.version("https://api.github.com/repos/octo/limited").await;
    assert_told(&explain(&app, LATEST).await, sentence);
}

#[tokio::test]
async fn a_check_from_before_a_restart_is_not_said_to_be_by_date() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 5);
    assert_eq!(app.ask_refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    let unchanged =
        "The document is in memory. GitHub sent it 5m ago, and said 0s ago that it is unchanged.";
    assert_told(&explain(&app, LATEST).await, unchanged);
    // The record is the older one; the index has the time of the check, and not its kind.
    let _ = app.restart().await;
    app.reaches("svm_revalidate_due_total", 1.0).await;
    let _ = app.version(LATEST).await;
    let explained = explain(&app, LATEST).await;
    assert_told(&explained, unchanged);
    let last_check = json!({"at": "2026-06-01T12:05:00Z", "outcome": "unchanged", "detail": null, "cause": null});
    assert_eq!(explained["last_check"], last_check);
}

#[tokio::test]
async fn a_client_over_its_rate_learns_its_wait() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "0.1").start().await;
    let spare = explain(&app, LATEST).await;
    assert_eq!(spare["client_wait"], 0.0);
    let _ = app.version(LATEST).await;
    let waits = explain(&app, LATEST).await;
    // The document does not exist, which svm has stored.
    assert_eq!(
        (&waits["client_wait"], &waits["last_check"]["outcome"]),
        (&json!(10.0), &json!("not-found"))
    );
    let other = explain(&app, "https://api.github.com/repos/octo/other").await;
    let sentence = "This client has had GitHub asked as often as CLIENT_MISS_RATE allows: it gets a 429, and may ask again in 10 s.";
    assert_eq!(last_sentence(&other), sentence);
}

#[tokio::test]
async fn a_document_that_nobody_uses_is_not_checked() {
    let app = TestApp::builder().set("REVALIDATE_LOOKBACK", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 61);
    let unused = explain(&app, LATEST).await;
    assert_eq!(unused["next_check"], Value::Null);
    assert_told(&unused, "No client has asked for it lately, so the background does not check it.");
}

#[tokio::test]
async fn a_longer_interval_names_its_cause() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(MINUTE * 60);
    app.revalidate(LATEST).await;
    let idle = explain(&app, LATEST).await;
    assert_eq!(idle["next_check"], "2026-06-01T13:02:00Z");
    assert_told(
        &idle,
        "No client has asked for it for 1h, so the background checks it every 2m instead of every 1m; the next check is due in 2m.",
    );
}

#[tokio::test]
async fn a_settled_document_says_why() {
    let app = TestApp::start().await;
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let path = format!("/repos/octo/app/commits/{hash}");
    app.github.document(&path, json!({"sha": hash}));
    let url = format!("https://api.github.com{path}");
    let _ = app.version(&url).await;
    let settled = explain(&app, &url).await;
    assert_eq!((&settled["changes"], &settled["next_check"]), (&json!("never"), &Value::Null));
    assert_told(&settled, "It cannot change, since a full hash names it: it is not checked.");
}
