//! Every kind of upstream failure with a stored copy: the copy is the answer, and is counted.

use std::time::Duration;

use super::{app_with_copy_expired_for, app_with_expired_copy, short_lived};
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

/// The answer while a failure is remembered, or if no call is possible.
const UNASKED: &str = "200 HIT upstream=0 svm; hit; ttl=0; detail=stale-if-error";
/// Another document; its limit applies to all clients.
const OTHER: &str = "https://api.github.com/repos/octo/other/releases/latest";

/// Starts a service with an expired copy of a document that has changed since, so that a `304`
/// cannot hide a failure.
async fn app() -> TestApp {
    let builder = short_lived().set("MAX_UPSTREAM_RESPONSE_BYTES", "200000");
    let app = app_with_copy_expired_for(builder, Duration::ZERO).await;
    app.github.publish("octo/app", "v2");
    app
}

/// Asserts that a client gets the copy with the reason, that the next client gets it at once, and
/// that a refresh gets the failure without harm to the copy.
async fn stands_in(app: &TestApp, told: &str, what: &str) {
    let first = app.version(LATEST).await;
    assert_eq!(first.summary(), format!("200 HIT {told}; detail=stale-if-error"), "{what}");
    assert_eq!(first.json()["tag_name"], "v1.0.0", "{what}");
    app.version(LATEST).await.assert_summary(UNASKED);

    let refresh = app.refresh(LATEST).await;
    assert!(refresh.status.as_u16() >= 400, "{what}: {}", refresh.summary());
    assert_eq!(refresh.header("x-cache"), "BYPASS", "{what}");
    app.version(LATEST).await.assert_document(&first.body).assert_summary(UNASKED);
    let counted = app.metric("svm_stale_answers_total{reason=\"stale-if-error\"}").await;
    assert_eq!(counted, 3.0, "{what}");
}

/// Asserts the same for each of these failures.
async fn stands_in_for(failures: impl IntoIterator<Item = Failure>, told: &str) {
    for failure in failures {
        let app = app().await;
        app.github.fail_all(failure.clone());
        stands_in(&app, told, &format!("{failure:?}")).await;
    }
}

#[tokio::test]
async fn no_connection() {
    let app = app().await;
    app.github.go_down().await;
    stands_in(&app, "upstream=0 svm; fwd=stale", "refused").await;
}

#[tokio::test]
async fn a_connection_that_breaks() {
    let failures = [
        Failure::TlsHandshake,
        Failure::UntrustedCertificate,
        Failure::Reset,
        Failure::CloseBeforeAnswer,
        Failure::ManyHeaders,
    ];
    stands_in_for(failures, "upstream=0 svm; fwd=stale").await;
}

#[tokio::test]
async fn an_upstream_that_takes_too_long() {
    for failure in [Failure::Hang, Failure::Drip(Duration::from_millis(50))] {
        let builder = short_lived().set("UPSTREAM_TIMEOUT", "400ms");
        let app = app_with_copy_expired_for(builder, Duration::ZERO).await;
        app.github.publish("octo/app", "v2");
        app.github.fail_all(failure.clone());
        stands_in(&app, "upstream=0 svm; fwd=stale", &format!("{failure:?}")).await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_document() {
    let failures = [
        Failure::CutBody,
        Failure::CutChunked,
        Failure::CutGzip,
        Failure::FakeGzip,
        Failure::LyingLength,
        Failure::EndlessBody,
        Failure::GzipBomb,
        Failure::HtmlWith200,
        Failure::InvalidUtf8,
    ];
    stands_in_for(failures, "upstream=200 svm; fwd=stale; fwd-status=200").await;
}

#[tokio::test]
async fn a_304_that_nobody_asked_for() {
    let told = "upstream=304 svm; fwd=stale; fwd-status=304";
    stands_in_for([Failure::UnaskedNotModified], told).await;
}

#[tokio::test]
async fn a_redirect_in_a_circle_or_to_what_is_not_allowed() {
    stands_in_for([Failure::RedirectLoop], "upstream=301 svm; fwd=stale; fwd-status=301").await;
    for location in ["https://evil.example/", "http://api.github.com/repos/octo/app", "/user"] {
        let app = app().await;
        app.github.redirect(LATEST_PATH, 302, location);
        stands_in(&app, "upstream=302 svm; fwd=stale; fwd-status=302", location).await;
    }
}

#[tokio::test]
async fn a_server_in_trouble() {
    let bad_gateway = [Failure::ServerError502, Failure::Unicorn502];
    stands_in_for(bad_gateway, "upstream=502 svm; fwd=stale; fwd-status=502").await;
    stands_in_for([Failure::Unicorn503], "upstream=503 svm; fwd=stale; fwd-status=503").await;
    for status in [500, 501, 502, 503, 504, 599] {
        let app = app().await;
        // Such a status makes this an error, not a redirect.
        app.github.redirect(LATEST_PATH, status, "/");
        let told = format!("upstream={status} svm; fwd=stale; fwd-status={status}");
        stands_in(&app, &told, "without a body").await;
    }
}

#[tokio::test]
async fn tokens_that_are_all_refused() {
    let told = "upstream=401 svm; fwd=stale; fwd-status=401";
    stands_in_for([Failure::BadCredentials], told).await;
}

#[tokio::test]
async fn a_policy() {
    let failures = [
        Failure::IpAllowList,
        Failure::Saml,
        Failure::ClassicTokenBanned,
        Failure::FineGrainedLifetime,
        Failure::TosBlocked403,
        Failure::TooManyLogins,
    ];
    stands_in_for(failures, "upstream=403 svm; fwd=stale; fwd-status=403").await;
}

#[tokio::test]
async fn a_limit() {
    let failures = [
        Failure::PrimaryLimit,
        Failure::SecondaryLimit(None),
        Failure::SecondaryLimit(Some(60)),
        Failure::Abuse,
    ];
    stands_in_for(failures, "upstream=403 svm; fwd=stale; fwd-status=403").await;
    let throttled = [Failure::Throttled429, Failure::RawThrottled429];
    stands_in_for(throttled, "upstream=429 svm; fwd=stale; fwd-status=429").await;
}

#[tokio::test]
async fn a_cooldown_in_which_no_request_is_sent() {
    for limit in [Failure::PrimaryLimit, Failure::BadCredentials, Failure::Throttled429] {
        let app = app().await;
        app.github.fail_all(limit.clone());
        assert!(app.version(OTHER).await.status.as_u16() >= 400, "{limit:?}");
        let calls = app.github.calls(LATEST_PATH);
        app.github.recover();
        stands_in(&app, "upstream=0 svm; hit; ttl=0", &format!("{limit:?}")).await;
        assert_eq!(app.github.calls(LATEST_PATH), calls, "{limit:?}");
    }
}

#[tokio::test]
async fn a_negative_entry_stands_in_for_nothing() {
    for failure in
        [Failure::Unicorn503, Failure::PrimaryLimit, Failure::Reset, Failure::HtmlWith200]
    {
        let app = TestApp::start().await;
        assert_eq!(app.version(LATEST).await.status, 404);
        app.advance(Duration::from_secs(5 * 60));
        app.github.fail_all(failure.clone());
        // The second time, there is a cooldown if the failure is a limit.
        for _ in 0..2 {
            let status = app.version(LATEST).await.status.as_u16();
            assert!(status != 404 && status >= 400, "{failure:?}: {status}");
        }
        assert_eq!(app.metric("svm_stale_answers_total{reason=\"stale-if-error\"}").await, 0.0);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_failure_replaces_the_copy() {
    for (failure, status, detail) in [
        (Failure::NotFound404, 404, "stored; ttl=300; detail=negative"),
        (Failure::Gone410, 410, "stored; ttl=300; detail=negative"),
        (Failure::TooDeep422, 422, "detail=other-status"),
        (Failure::Blocked451, 451, "detail=other-status"),
    ] {
        let app = app_with_expired_copy().await;
        app.github.fail_all(failure);
        app.version(LATEST).await.assert_summary(&format!(
            "{status} MISS upstream={status} svm; fwd=stale; fwd-status={status}; {detail}"
        ));
        assert_eq!(app.metric("svm_stale_answers_total{reason=\"stale-if-error\"}").await, 0.0);
    }
}
