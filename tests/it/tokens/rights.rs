//! The rights and the expiry of tokens: the warnings, and the consequences.

use std::time::Duration;

use svm::clock::{Clock, Timestamp};

use super::document;
use crate::support::app::TestApp;
use crate::support::github::GitHub;
use crate::support::process::Setup;
use crate::{LATEST, LATEST_PATH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const FIRST_PRIVATE: &str = "svm_token_private{token=\"0\"}";

/// Starts a service that refuses tokens with access to private data.
async fn strict(tokens: &str, github: GitHub) -> TestApp {
    let builder = TestApp::builder().set("GITHUB_PATS", tokens);
    builder.set("REQUIRE_PUBLIC_TOKENS", "true").start_with(github).await
}

async fn tokens_health(app: &TestApp) -> String {
    app.get("/healthz").await.json()["dependencies"]["github_tokens"].to_string()
}

/// Returns a time in GitHub's notation.
fn written(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{} UTC", text[.."2026-06-01T12:00:00".len()].replace('T', " "))
}

#[tokio::test]
async fn a_token_with_private_data_is_reported_and_used() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b,c").start().await;
    app.github.user("alice").token("a").scopes("repo, gist");
    app.github.user("bob").token("b").scopes("public_repo");
    app.github.user("carol").token("c").scopes("read:org");
    let told = async |name| {
        let _ = app.version(&document(&app, name)).await;
        tokens_health(&app).await
    };
    insta::assert_snapshot!(told("octo/a").await, @r#"{"status":"up","detail":"token 0 sees private data"}"#);
    insta::assert_snapshot!(told("octo/b").await, @r#"{"status":"up","detail":"token 0 sees private data"}"#);
    insta::assert_snapshot!(told("octo/c").await, @r#"{"status":"up","detail":"tokens 0, 2 see private data"}"#);
    app.is_healthy("healthy").await;
    for (token, private) in [("0", 1.0), ("1", 0.0), ("2", 1.0)] {
        assert_eq!(app.metric(&format!("svm_token_private{{token=\"{token}\"}}")).await, private);
    }
}

#[tokio::test]
async fn where_tokens_must_be_public_none_is_used_before_its_inquiry() {
    let github = GitHub::start().await;
    let gate = github.hold("/user");
    let app = strict("a", github).await;
    gate.arrived(1).await;
    app.github.release("octo/app").serve();
    let early = app.version(LATEST).await;
    early.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    assert_eq!(early.retry_after(), 1);
    insta::assert_snapshot!(tokens_health(&app).await, @r#"{"status":"down","error":"every token is refused, sees private data, or has not been looked at yet"}"#);
    gate.open();
    app.is_healthy("healthy").await;
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn where_tokens_must_be_public_one_that_sees_more_is_unused() {
    let github = GitHub::start().await;
    github.user("alice").token("a").scopes("repo");
    github.user("bob").token("b").scopes("");
    let app = strict("a,b,github_pat_c", github).await;
    crate::support::eventually::eventually(|| app.github.calls("/user") == 3).await;
    app.until(async || app.version(LATEST).await.status != 503).await;
    for n in 0..4 {
        assert_eq!(app.version(&document(&app, &format!("octo/r{n}"))).await.status, 200);
    }
    let used = |token| app.github.token_counts(token).requests - 1;
    assert_eq!(used("a"), 0);
    assert!(used("b") > 0 && used("github_pat_c") > 0, "no scopes, or none to be seen");
    insta::assert_snapshot!(tokens_health(&app).await, @r#"{"status":"up","detail":"token 0 sees private data; left unused"}"#);
}

#[tokio::test]
async fn the_use_of_a_token_follows_the_change_of_its_scopes() {
    let github = GitHub::start().await;
    github.user("alice").token("a").scopes("repo");
    let app = strict("a", github).await;
    app.github.release("octo/app").serve();
    app.reaches(FIRST_PRIVATE, 1.0).await;
    app.until(async || app.version(LATEST).await.retry_after() == 3600).await;
    app.is_healthy("degraded").await;

    app.github.user("alice").scopes("");
    app.advance(Duration::from_secs(3600));
    app.is_healthy("healthy").await;
    assert_eq!(app.version(LATEST).await.status, 200);

    app.github.user("alice").scopes("repo");
    assert_eq!(app.refresh(LATEST).await.status, 200, "nobody could know");
    let barred = app.refresh(LATEST).await;
    assert_eq!((barred.status.as_u16(), barred.retry_after()), (503, 3600));
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn the_days_until_a_token_expires_are_shown() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.user("alice").token("a").expires("2026-06-03 13:00:00 +0000");
    for n in 0..2 {
        let _ = app.version(&document(&app, &format!("octo/r{n}"))).await;
    }
    let days = "svm_token_expires_days{token=\"0\"}";
    assert_eq!(app.metric(days).await, 2.0);
    assert!(!app.get("/metrics").await.text().contains("svm_token_expires_days{token=\"1\"}"));
    app.advance(DAY * 3);
    assert_eq!(app.metric(days).await, -1.0);
}

#[tokio::test]
async fn the_log_warns_of_private_data_and_of_the_end() {
    let github = GitHub::start().await;
    let soon = written(Clock::System.now() + DAY * 3 + DAY / 2);
    github.user("alice").token("ghp_a").scopes("repo").expires(&soon);
    let later = written(Clock::System.now() + DAY * 30);
    github.user("bob").token("ghp_b").expires(&later);
    let over = written(Clock::System.now() - DAY / 2);
    github.user("carol").token("ghp_c").expires(&over);
    let svm = Setup::new().behind(&github).set("GITHUB_PATS", "ghp_a,ghp_b,ghp_c").start().await;
    let expired = svm.says("a token has expired").await;
    assert_eq!((&expired["token"], &expired["days"]), (&2.into(), &(-1).into()));
    let expires = svm.says("a token expires soon").await;
    assert_eq!(
        (&expires["level"], &expires["token"], &expires["days"]),
        (&"WARN".into(), &0.into(), &3.into())
    );
    for _ in 0..2 {
        let _ = svm.version(LATEST).await;
    }
    let ended = svm.terminate().await;
    assert_eq!(ended.said("a token expires soon").len(), 1, "once a day");
    let private = ended.said("a token sees private data, and so does every client");
    assert_eq!(private.len(), 1);
    assert_eq!((&private[0]["token"], &private[0]["scopes"]), (&0.into(), &"repo".into()));
}
