//! An upstream that fails: its cause in the log, on `/healthz` and in the metrics, and the end of
//! the outage.

use std::time::Duration;

use serde_json::{Value, json};

use super::{JSON, app};
use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::github::{Defect, Failure, GitHub, Wire};
use crate::support::process::{Running, Setup};

const FAILS: &str = "the upstream fails";
const WORKS: &str = "the upstream works again";
const RAW: &str = "https://raw.githubusercontent.com/octo/app/main/version.json";

fn url(number: usize) -> String {
    format!("https://api.github.com/repos/octo/r{number}")
}

/// Publishes the documents with these numbers.
fn publish(github: &GitHub, numbers: std::ops::Range<usize>) {
    for number in numbers {
        github.document(&format!("/repos/octo/r{number}"), r#"{"body":"so and so long"}"#);
    }
}

/// Requests documents that no client has requested before.
async fn ask(svm: &Running, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let status = svm.version(&url(number)).await.status;
        assert!(status.is_server_error(), "{status}");
    }
}

/// Returns the causes in the log, in order.
fn causes(svm: &Running) -> Vec<String> {
    let lines = svm.said(FAILS);
    lines.iter().map(|line| line["cause"].as_str().expect("a cause").to_owned()).collect()
}

/// Returns each failure with the cause for the operator, and a word of its sentence.
fn failures() -> Vec<(Failure, &'static str, &'static str)> {
    let garbage = Wire::new("SSH-2.0-OpenSSH_9.9\r\n\r\n");
    let cut = Wire::new("HTTP/1.1 200 OK\r\ncontent-");
    vec![
        (Failure::TlsHandshake, "connection-closed", "closed"),
        (Failure::UntrustedCertificate, "certificate-unknown-authority", "authority"),
        (Failure::DefectiveCertificate(Defect::Expired), "certificate-expired", "expired"),
        (
            Failure::DefectiveCertificate(Defect::NotYetValid),
            "certificate-not-yet-valid",
            "not valid yet",
        ),
        (Failure::DefectiveCertificate(Defect::WrongName), "certificate-wrong-name", "name"),
        (Failure::Reset, "connection-reset", "reset"),
        (Failure::Wire(garbage), "not-http", "HTTP"),
        (Failure::CutBody, "cut-short", "end"),
        (Failure::Unicorn503, "server-error", "5xx"),
        (Failure::Hang, "timeout", "UPSTREAM_TIMEOUT"),
        (Failure::CloseBeforeAnswer, "connection-closed", "closed"),
        (Failure::Wire(cut), "connection-closed", "closed"),
    ]
}

#[tokio::test]
async fn each_cause_is_named_once_and_its_repetitions_counted() {
    let github = GitHub::start().await;
    let setup = Setup::new().behind(&github).set("UPSTREAM_TIMEOUT", "400ms");
    // The inquiry about a second token might fail between the documents.
    let setup = setup.set("GITHUB_PATS", "ghp_first");
    publish(&github, 0..100);
    let svm = setup.start().await;
    let _ = svm
        .shows("/metrics", |page| {
            page.text().contains("svm_upstream_up{host=\"api.github.com\"} 1")
        })
        .await;
    let mut named: Vec<&str> = Vec::new();
    for (row, (failure, cause, word)) in failures().into_iter().enumerate() {
        github.recover();
        github.fail_host("api.github.com").with(failure.clone());
        ask(&svm, 2 * row..2 * row + 2).await;
        if !named.contains(&cause) {
            named.push(cause);
            let line = svm.said(FAILS).pop().expect("a line");
            assert_eq!(line["level"], "WARN", "{line}");
            assert_eq!(line["host"], "api.github.com", "{line}");
            let error = line["error"].as_str().expect("a sentence");
            assert!(error.contains(word), "{failure:?}: {line}");
        }
        assert_eq!(causes(&svm), named, "{failure:?}");
    }
    for line in svm.said(FAILS).iter().skip(1) {
        assert_eq!(line["failures"], 2, "the second of the cause before, and this one: {line}");
    }
    github.recover();
    assert_eq!(svm.version(&url(99)).await.status, 200);
    let works = svm.says(WORKS).await;
    let count = 2 * failures().len();
    assert_eq!((&works["level"], &works["failures"]), (&json!("INFO"), &json!(count)), "{works}");
    let ended = svm.terminate().await;
    assert_eq!(ended.said(WORKS).len(), 1);
    assert_eq!(ended.said("upstream failed"), Vec::<Value>::new());
    for line in [ended.said(FAILS), ended.said(WORKS)].concat() {
        assert!(!line.to_string().contains("/repos/"), "{line}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_named_after_each_recovery() {
    let github = GitHub::start().await;
    github.go_down().await;
    let svm = Setup::new().behind(&github).start().await;
    // No document was requested: this line is about the inquiry about the tokens.
    let first = svm.says(FAILS).await;
    assert_eq!(first["cause"], "connection-refused", "{first}");
    ask(&svm, 0..5).await;
    github.come_up().await;
    publish(&github, 99..100);
    assert_eq!(svm.version(&url(99)).await.status, 200);
    svm.says(WORKS).await;
    github.go_down().await;
    ask(&svm, 5..8).await;
    assert_eq!(causes(&svm), ["connection-refused", "connection-refused"]);
    let failed =
        "svm_upstream_failures_total{cause=\"connection-refused\",host=\"api.github.com\"}";
    let failed = svm.metric(failed).await;
    assert!(failed >= 8.0, "{failed}");
}

#[tokio::test]
async fn a_name_without_a_public_address_is_named_as_that() {
    let setup = Setup::new().set("ALLOWED_UPSTREAM_HOSTS", "api.github.com,localhost");
    let svm = setup.start().await;
    let answer = svm.version("https://localhost/repos/octo/app").await;
    assert_eq!(answer.status, 502);
    let health = svm.get("/healthz").await.json();
    let github = &health["dependencies"]["github"];
    assert_eq!(github["error"], "localhost: the name has no public address", "{health}");
}

async fn github_health(app: &TestApp) -> Value {
    app.get("/healthz").await.json()["dependencies"]["github"].clone()
}

#[tokio::test]
async fn health_is_degraded_from_the_failure_to_the_next_success() {
    let app = app().await;
    assert_eq!(github_health(&app).await, json!({ "status": "up" }));
    assert_eq!(app.version(LATEST).await.status, 200);
    app.github.go_down().await;
    let _ = app.refresh(LATEST).await;
    let down = json!({
        "status": "down",
        "error": "api.github.com: the connection is refused",
        "since": "2026-06-01T12:00:00.000Z",
    });
    assert_eq!(github_health(&app).await, down);
    assert_eq!(app.get("/healthz").await.json()["status"], "degraded");
    assert_eq!(app.metric("svm_upstream_up{host=\"api.github.com\"}").await, 0.0);

    app.advance(Duration::from_secs(600));
    let _ = app.refresh(LATEST).await;
    assert_eq!(github_health(&app).await, down, "it began when it began");
    // No client waits for the answer that ends the outage.
    app.github.come_up().await;
    app.revalidate(LATEST).await;
    assert_eq!(github_health(&app).await, json!({ "status": "up" }));
    assert_eq!(app.get("/healthz").await.json()["status"], "healthy");
    assert_eq!(app.metric("svm_upstream_up{host=\"api.github.com\"}").await, 1.0);
}

#[tokio::test]
async fn server_errors_and_silence_are_told_by_health_once_confirmed() {
    let failures = [
        (Failure::Unicorn502, "the answer is a server error (5xx)"),
        (Failure::Hang, "no answer within UPSTREAM_TIMEOUT"),
        (Failure::CutBody, "the answer stops before its end"),
    ];
    for (failure, error) in failures {
        let app = TestApp::builder().set("UPSTREAM_TIMEOUT", "300ms").start().await;
        app.github.release("octo/app").serve();
        publish(&app.github, 0..2);
        app.github.fail_all(failure.clone());
        let _ = app.version(LATEST).await;
        assert_eq!(
            github_health(&app).await["status"],
            "up",
            "{failure:?}: it may be the document"
        );
        app.advance(Duration::from_secs(1));
        let told = github_health(&app).await;
        assert_eq!(told["error"], format!("api.github.com: {error}"), "{failure:?}");
        app.github.recover();
        let _ = app.version(LATEST).await;
        assert_eq!(github_health(&app).await["status"], "up", "{failure:?}");
        app.github.fail_all(failure.clone());
        for number in 0..2 {
            let _ = app.version(&url(number)).await;
        }
        assert_eq!(github_health(&app).await["status"], "down", "{failure:?}");
    }
}

#[tokio::test]
async fn limits_refusals_and_errors_of_the_client_are_no_outage() {
    for failure in [
        Failure::SecondaryLimit(Some(60)),
        Failure::PrimaryLimit,
        Failure::BadCredentials,
        Failure::Saml,
        Failure::NotFound404,
        Failure::TooDeep422,
        Failure::HtmlWith200,
        Failure::RedirectLoop,
    ] {
        let app = app().await;
        app.github.fail_all(failure.clone());
        for number in 0..3 {
            let _ = app.version(&url(number)).await;
        }
        assert_eq!(github_health(&app).await, json!({ "status": "up" }), "{failure:?}");
        assert_eq!(app.metric("svm_upstream_up{host=\"api.github.com\"}").await, 1.0);
    }
}

#[tokio::test]
async fn the_host_that_fails_is_named_and_not_the_one_that_led_there() {
    let app = app().await;
    let found = Wire::whole("302 Found", &format!("{JSON}\nlocation: {RAW}"), "{}");
    app.github.fail(crate::LATEST_PATH).with(Failure::Wire(found));
    app.github.fail_host("raw.githubusercontent.com").with(Failure::TlsHandshake);
    for _ in 0..2 {
        assert_eq!(app.refresh(LATEST).await.status, 502);
    }
    let told = github_health(&app).await;
    let error = "raw.githubusercontent.com: the connection is closed before the answer";
    assert_eq!(told["error"], error);
    assert_eq!(app.metric("svm_upstream_up{host=\"api.github.com\"}").await, 1.0);
    assert_eq!(app.metric("svm_upstream_up{host=\"raw.githubusercontent.com\"}").await, 0.0);
}
