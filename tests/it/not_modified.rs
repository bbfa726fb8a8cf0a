//! The meaning of a `304`: it confirms the body of the validator that was sent, and no other.

use std::time::Duration;

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Received, Wire};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const INTERVAL: Duration = Duration::from_millis(100);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn asking_by_date() -> TestAppBuilder {
    TestApp::builder().set("REVALIDATE_BY_DATE", "always").set("REVALIDATE_INTERVAL", "100ms")
}

/// Starts a service with a settled release, published a day after another one. The background
/// checks it by date.
async fn app_asking_by_date() -> TestApp {
    with_settled_release(asking_by_date()).await
}

async fn with_settled_release(builder: TestAppBuilder) -> TestApp {
    let app = builder.start().await;
    app.github.release("octo/app").tag("v1").serve();
    app.advance(DAY);
    app.github.publish("octo/app", "v2");
    app.advance(DAY);
    assert_eq!(app.version(LATEST).await.json()["tag_name"], "v2");
    app
}

/// Returns the kind of the conditional header of each request for the document, in order.
fn conditions(app: &TestApp) -> Vec<&'static str> {
    let condition = |request: Received| match (
        request.header("if-none-match"),
        request.header("if-modified-since"),
    ) {
        (None, None) => "none",
        (Some(_), None) => "etag",
        (None, Some(_)) => "date",
        (Some(_), Some(_)) => "both",
    };
    app.github.requests_for(LATEST_PATH).into_iter().map(condition).collect()
}

async fn until_a_sweep_has(app: &TestApp, result: &str) {
    app.reaches(&format!("svm_revalidate_done_total{{result=\"{result}\"}}"), 1.0).await;
}

#[tokio::test]
async fn a_check_by_date_is_free_although_the_body_is_another_by_now() {
    let app = app_asking_by_date().await;
    app.github.bump_downloads("octo/app");
    app.advance(INTERVAL);
    until_a_sweep_has(&app, "unchanged").await;
    assert_eq!(conditions(&app), ["none", "date"]);
    assert_eq!(app.github.counts(LATEST_PATH).free, 1);
    assert_eq!(app.version(LATEST).await.header("age"), "0");
}

#[tokio::test]
async fn the_date_of_the_previous_release_reveals_a_deletion() {
    let app = app_asking_by_date().await;
    app.github.unpublish("octo/app");
    app.advance(INTERVAL);
    until_a_sweep_has(&app, "changed").await;
    assert_eq!(conditions(&app), ["none", "date", "etag"], "in the same exchange");
    assert_eq!(app.metric("svm_upstream_misled_total{validator=\"date\"}").await, 1.0);
    let answer = app.version(LATEST).await;
    assert_eq!((answer.header("x-cache"), &answer.json()["tag_name"]), ("HIT", &"v1".into()));
}

#[tokio::test]
async fn a_full_check_follows_when_the_audit_is_due() {
    let app = app_asking_by_date().await;
    app.advance(INTERVAL);
    until_a_sweep_has(&app, "unchanged").await;
    app.advance(Duration::from_secs(600) - INTERVAL);
    eventually(|| conditions(&app) == ["none", "date", "etag"]).await;
}

#[tokio::test]
async fn a_304_about_another_etag_is_not_believed() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.github.fail(LATEST_PATH).with(Failure::UnaskedNotModified).times(1);
    let answer = app.refresh(LATEST).await;
    answer.assert_document(&document.body).assert_summary(
        "200 BYPASS upstream=200 svm; fwd=request; fwd-status=200; stored; ttl=86400",
    );
    assert_eq!(conditions(&app), ["none", "etag", "none"]);
    assert_eq!(app.metric("svm_upstream_misled_total{validator=\"etag\"}").await, 1.0);
}

#[tokio::test]
async fn without_an_etag_the_date_is_the_condition() {
    const DATE: &str = "Mon, 01 Jun 2026 00:00:00 GMT";
    const OTHER: &str = "Tue, 02 Jun 2026 00:00:00 GMT";
    let wire = |status: &str, date: &str, body: &str| {
        let headers = format!("content-type: application/json\nlast-modified: {date}");
        Failure::Wire(Wire::whole(status, &headers, body))
    };
    for (url, path, want) in [
        ("https://api.github.com/repos/octo/app/tags", "/repos/octo/app/tags", Some(DATE)),
        ("https://raw.githubusercontent.com/o/r/main/x.json", "/o/r/main/x.json", Some(DATE)),
        (LATEST, LATEST_PATH, None),
    ] {
        let app = TestApp::start().await;
        app.github.fail(path).with(wire("200 OK", DATE, "[1]"));
        let _ = app.version(url).await;
        app.github.recover();
        app.github.fail(path).with(match want {
            Some(_) => wire("304 Not Modified", DATE, ""),
            None => wire("200 OK", DATE, "[1]"),
        });
        app.revalidate(url).await;
        let refreshed = app.refresh(url).await;
        let outcome = if want.is_some() { "REVALIDATED" } else { "BYPASS" };
        assert_eq!(refreshed.header("x-cache"), outcome, "{url}");
        refreshed.assert_document("[1]");
        let sent = app.github.requests_for(path);
        let dates = sent.iter().map(|it| it.header("if-modified-since"));
        assert_eq!(dates.collect::<Vec<_>>(), [None, want, want], "{url}");

        if want.is_some() {
            app.github.recover();
            app.github.fail(path).with(wire("304 Not Modified", OTHER, "")).times(1);
            app.github.fail(path).with(wire("200 OK", OTHER, "[2]"));
            app.refresh(url).await.assert_document("[2]");
        }
    }
}

#[tokio::test]
async fn a_304_to_the_request_in_full_is_a_failure() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let document = app.version(LATEST).await;
    app.github.fail(LATEST_PATH).with(Failure::UnaskedNotModified);
    app.refresh(LATEST).await.assert_summary(
        "502 BYPASS upstream=304 svm; fwd=request; fwd-status=304; detail=unasked-304",
    );
    assert_eq!(conditions(&app), ["none", "etag", "none"], "once is enough");
    app.version(LATEST).await.assert_document(&document.body);
}

/// Returns the answer to a request that joins the background's exchange by date.
async fn joined(app: &TestApp, request: impl Future<Output = Answer> + Send + 'static) -> Answer {
    let gate = app.github.hold(LATEST_PATH);
    app.advance(INTERVAL);
    gate.arrived(1).await;
    let request = tasks::spawn(request);
    app.reaches("svm_flight_followers_total", 1.0).await;
    gate.open();
    request.await.expect("an answer")
}

#[tokio::test]
async fn a_refresh_that_joins_a_check_by_date_asks_in_full_afterwards() {
    let app = app_asking_by_date().await;
    app.github.bump_downloads("octo/app");
    let refresh = joined(&app, app.ask_refresh(LATEST)).await;
    refresh.assert_summary(
        "200 BYPASS upstream=200 svm; fwd=request; fwd-status=200; stored; ttl=86400",
    );
    assert_eq!(conditions(&app), ["none", "date", "etag"]);
}

#[tokio::test]
async fn a_refresh_soon_after_a_check_by_date_does_not_take_its_word() {
    let app = TestApp::builder().set("REVALIDATE_BY_DATE", "always");
    let app = with_settled_release(app.set("REFRESH_MIN_INTERVAL", "90s")).await;
    app.github.grow_asset("octo/app");
    for _ in 0..2 {
        app.advance(Duration::from_secs(60));
        app.revalidate(LATEST).await;
    }
    assert_eq!(conditions(&app), ["none", "date", "date"]);
    let refresh = app.refresh(LATEST).await;
    assert_eq!(refresh.json()["assets"].as_array().map(Vec::len), Some(2), "{}", refresh.summary());
}

#[tokio::test]
async fn a_plain_request_that_joins_a_check_by_date_takes_its_word() {
    // The document expires when it becomes due, so the request needs the upstream, and has no
    // patience limit.
    let app = asking_by_date().set("CACHE_HARD_TTL", "100ms").set("STALE_AFTER", "0s");
    let app = with_settled_release(app).await;
    let plain = joined(&app, app.ask(LATEST)).await;
    plain.assert_summary(
        "200 REVALIDATED upstream=304 svm; fwd=stale; fwd-status=304; ttl=1; collapsed",
    );
    assert_eq!(conditions(&app), ["none", "date"]);
}
