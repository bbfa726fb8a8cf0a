//! Documents that the upstream refuses, and the time for which svm stores each refusal.

use std::time::Duration;

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::github::{Failure, GitHub};
use crate::{LATEST, LATEST_PATH};

const MINUTE: u64 = 60;
const TARBALL: &str = "https://api.github.com/repos/octo/app/tarball/v1";
const ARCHIVE: &str = "https://codeload.github.com/octo/app/legacy.tar.gz/v1";

fn one_token() -> TestAppBuilder {
    TestApp::builder().set("GITHUB_PATS", "a")
}

/// Requests a document thirty times. Returns the first answer and the last.
async fn thirty(app: &TestApp, url: &str) -> (Answer, Answer) {
    let first = app.version(url).await;
    let mut last = app.version(url).await;
    for _ in 2..30 {
        last = app.version(url).await;
        assert_eq!((last.status, &last.body), (first.status, &first.body), "{}", last.summary());
    }
    (first, last)
}

#[tokio::test]
async fn a_refused_document_costs_one_exchange_and_is_remembered() {
    for (failure, status, seconds, detail) in [
        (Failure::Blocked451, 451, 5 * MINUTE, "other-status"),
        (Failure::Empty409, 409, 5 * MINUTE, "other-status"),
        (Failure::TooDeep422, 422, 5 * MINUTE, "other-status"),
        (Failure::TosBlocked403, 403, MINUTE, "denied"),
        (Failure::IpAllowList, 403, MINUTE, "denied"),
        (Failure::Unfinished202(None), 202, 5, "other-status"),
        (Failure::Unfinished202(Some(20)), 202, 20, "other-status"),
        (Failure::HtmlWith200, 502, MINUTE, "not-json"),
        (Failure::InvalidUtf8, 502, MINUTE, "not-json"),
    ] {
        let app = one_token().start().await;
        app.github.fail(LATEST_PATH).with(failure.clone());
        let (first, last) = thirty(&app, LATEST).await;
        assert_eq!(first.status.as_u16(), status, "{failure:?}");
        assert_eq!(app.github.calls(LATEST_PATH), 1, "{failure:?}");
        let told = format!("{status} HIT upstream=0 svm; hit; ttl={seconds}; detail={detail}");
        last.assert_summary(&told);
        assert_eq!(last.header("cache-control"), "no-store", "{failure:?}");

        app.github.recover();
        app.github.release("octo/app").serve();
        app.advance(Duration::from_secs(seconds - 1));
        assert_eq!(app.version(LATEST).await.status.as_u16(), status, "{failure:?}");
        app.advance(Duration::from_secs(1));
        assert_eq!(app.version(LATEST).await.status, 200, "{failure:?}");
    }
}

#[tokio::test]
async fn an_unfinished_answer_says_when_to_come_back() {
    let app = one_token().start().await;
    app.github.fail(LATEST_PATH).with(Failure::Unfinished202(Some(20)));
    assert_eq!(app.version(LATEST).await.retry_after(), 20);
    app.advance(Duration::from_secs(15));
    assert_eq!(app.version(LATEST).await.retry_after(), 5);
}

#[tokio::test]
async fn a_body_over_the_limit_is_remembered_for_an_hour() {
    let app = one_token().set("MAX_UPSTREAM_RESPONSE_BYTES", "1000").start().await;
    let body = format!("[\"{}\"]", "x".repeat(2000));
    app.github.document_bytes(LATEST_PATH, body.into_bytes());
    let (first, last) = thirty(&app, LATEST).await;
    first.assert_error(502, "Bad upstream response", "the upstream's answer is too large");
    last.assert_summary("502 HIT upstream=0 svm; hit; ttl=3600; detail=too-large");
    assert_eq!(app.github.calls(LATEST_PATH), 1);
    app.github.release("octo/app").assets(0).serve();
    app.github.document(LATEST_PATH, "{}");
    app.advance(Duration::from_secs(3600));
    app.version(LATEST).await.assert_document("{}");
}

#[tokio::test]
async fn a_tarball_costs_one_exchange() {
    let app = one_token().start().await;
    app.github.redirect("/repos/octo/app/tarball/v1", 302, ARCHIVE);
    app.github.file_on("codeload.github.com", "/octo/app/legacy.tar.gz/v1", "\u{1f}\u{8b}tar");
    let (first, last) = thirty(&app, TARBALL).await;
    first.assert_error(502, "Bad upstream response", "the upstream's answer is not JSON");
    last.assert_summary("502 HIT upstream=0 svm; hit; ttl=60; detail=not-json");
    assert_eq!(app.github.total_calls(), 2);
}

#[tokio::test]
async fn a_redirect_out_of_the_allowlist_costs_one_exchange() {
    let app = one_token().start().await;
    let asset = "/repos/octo/app/releases/assets/1";
    app.github.redirect(asset, 302, "https://release-assets.githubusercontent.com/1?sig=x");
    let (first, last) = thirty(&app, &format!("https://api.github.com{asset}")).await;
    assert_eq!(first.status, 502);
    last.assert_summary("502 HIT upstream=0 svm; hit; ttl=60; detail=redirect");
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn a_refresh_passes_over_what_is_remembered() {
    for failure in [Failure::Blocked451, Failure::TosBlocked403, Failure::HtmlWith200] {
        let app = one_token().start().await;
        app.github.fail(LATEST_PATH).with(failure.clone());
        let refused = app.version(LATEST).await.status;
        for calls in 2..4 {
            assert_eq!(app.refresh(LATEST).await.status, refused, "{failure:?}");
            assert_eq!(app.github.calls(LATEST_PATH), calls, "{failure:?}");
        }
        app.github.recover();
        app.github.release("octo/app").serve();
        assert_eq!(app.refresh(LATEST).await.status, 200, "{failure:?}");
        assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT", "{failure:?}");
    }
}

#[tokio::test]
async fn a_failure_of_the_upstream_is_not_remembered() {
    for failure in [Failure::ServerError502, Failure::Reset, Failure::CutBody] {
        let app = one_token().start().await;
        app.github.release("octo/app").serve();
        app.github.fail(LATEST_PATH).with(failure.clone());
        assert_eq!(app.version(LATEST).await.status, 502, "{failure:?}");
        app.github.recover();
        assert_eq!(app.version(LATEST).await.status, 200, "{failure:?}");
    }
}

#[tokio::test]
async fn a_refusal_hides_no_copy_that_may_be_served() {
    for failure in [Failure::Blocked451, Failure::TosBlocked403, Failure::HtmlWith200] {
        let app = one_token().start().await;
        app.github.release("octo/app").serve();
        let document = app.version(LATEST).await;
        app.github.fail(LATEST_PATH).with(failure.clone());
        assert!(app.refresh(LATEST).await.status.as_u16() >= 400, "{failure:?}");
        app.version(LATEST).await.assert_document(&document.body);
    }
}

#[tokio::test]
async fn a_refusal_of_an_expired_copy_costs_one_exchange() {
    let app = one_token().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(86_400));
    app.github.fail(LATEST_PATH).with(Failure::Blocked451);
    let (first, _) = thirty(&app, LATEST).await;
    first.assert_summary(
        "451 MISS upstream=451 svm; fwd=stale; fwd-status=451; detail=other-status",
    );
    assert_eq!(app.github.calls(LATEST_PATH), 2);

    // The copy is in L2, and serves once the refusal has expired.
    app.advance(Duration::from_secs(11 * 60));
    app.github.recover();
    app.github.fail(LATEST_PATH).with(Failure::ServerError502);
    let (next, _) = thirty(&app, LATEST).await;
    assert_eq!(next.status, 200, "{}", next.head());
    assert!(next.header("cache-status").contains("detail=stale-if-error"), "{}", next.head());
}

#[tokio::test]
async fn refusals_keep_to_the_bounds_of_negative_entries() {
    let github = GitHub::start().await;
    github.fail_all(Failure::TosBlocked403);
    let app = one_token().set("CACHE_L1_MAX_GB", "0.001").start_with(github).await;
    for number in 0..500 {
        let url = format!("https://api.github.com/repos/octo/r{number}/releases/latest");
        assert_eq!(app.version(&url).await.status, 403);
    }
    let bytes = app.metric("svm_l1_bytes").await;
    assert!(bytes <= 107_374.0, "{bytes} of 1 MiB are refusals");
}
