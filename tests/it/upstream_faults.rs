//! Upstreams that lie, stall or break: what the client is told, and that nothing of it is stored.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

async fn app() -> TestApp {
    let app = TestApp::builder()
        .set("UPSTREAM_TIMEOUT", "400ms")
        .set("MAX_UPSTREAM_RESPONSE_BYTES", "200000")
        .start()
        .await;
    app.github.release("octo/app").serve();
    app
}

/// The answer to a failure, and that the next one, after it is over, is not from any store.
async fn check(failure: Failure, status: u16, error: &str, detail: &str, cache_status: &str) {
    let app = app().await;
    app.github.fail_all(failure.clone());
    let answer = app.version(LATEST).await;
    answer.assert_error(status, error, detail);
    assert_eq!(
        answer.header("cache-status"),
        format!("svm; fwd=uri-miss; {cache_status}"),
        "{failure:?}"
    );
    app.github.recover();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS", "{failure:?}");
}

const BAD: &str = "Bad upstream response";

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let told = "the upstream's answer is not JSON";
    for failure in [Failure::HtmlWith200, Failure::InvalidUtf8] {
        check(failure, 502, BAD, told, "fwd-status=200; detail=not-json").await;
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_refused() {
    let told = "the upstream's answer ended early";
    for failure in [Failure::CutBody, Failure::CutChunked, Failure::CutGzip, Failure::FakeGzip] {
        check(failure, 502, BAD, told, "fwd-status=200; detail=cut-short").await;
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_it_comes() {
    let told = "the upstream's answer is too large";
    for failure in [Failure::EndlessBody, Failure::GzipBomb] {
        check(failure, 502, BAD, told, "fwd-status=200; detail=too-large").await;
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken() {
    let app = app().await;
    let of_size = |size: usize| format!("\"{}\"", "x".repeat(size - 2)).into_bytes();
    app.github.document_bytes("/repos/octo/app/fits", of_size(200_000));
    app.github.document_bytes("/repos/octo/app/over", of_size(200_001));
    assert_eq!(app.version("https://api.github.com/repos/octo/app/fits").await.status, 200);
    assert_eq!(app.version("https://api.github.com/repos/octo/app/over").await.status, 502);
}

#[tokio::test]
async fn an_upstream_that_stalls_is_not_waited_for_beyond_the_limit() {
    let told = "no complete answer within 0.4 seconds";
    for failure in [Failure::Hang, Failure::Drip(Duration::from_millis(50))] {
        check(failure, 504, "Upstream timed out", told, "detail=timeout").await;
    }
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_refused() {
    let told = "the upstream answered 304 to a request without a validator";
    check(Failure::UnaskedNotModified, 502, BAD, told, "fwd-status=304; detail=unasked-304").await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_told_so_without_an_address() {
    let told = "the upstream could not be reached";
    for failure in [
        Failure::Reset,
        Failure::CloseBeforeAnswer,
        Failure::TlsHandshake,
        Failure::UntrustedCertificate,
        Failure::ManyHeaders,
    ] {
        check(failure, 502, "Upstream unreachable", told, "detail=unreachable").await;
    }
}

#[tokio::test]
async fn depth_alone_is_no_fault() {
    let app = app().await;
    app.github.fail_all(Failure::DeepJson);
    assert_eq!(app.version(LATEST).await.status, 200);
}

#[tokio::test]
async fn a_tag_with_odd_bytes_is_not_sent_back() {
    let app = app().await;
    app.github.fail_all(Failure::OddEtag).times(1);
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.refresh(LATEST).await.status, 200);
    let second = &app.github.requests_for(LATEST_PATH)[1];
    assert_eq!(second.header("if-none-match"), None);
}

#[tokio::test]
async fn a_passing_fault_is_tried_once_more() {
    for failure in
        [Failure::ServerError502, Failure::Unicorn503, Failure::Reset, Failure::CloseBeforeAnswer]
    {
        let app = app().await;
        app.github.fail_all(failure.clone()).times(1);
        assert_eq!(app.version(LATEST).await.status, 200, "{failure:?}");
        app.github.fail_all(failure.clone()).times(2);
        assert_ne!(app.refresh(LATEST).await.status, 200, "{failure:?}");
    }
}

#[tokio::test]
async fn a_host_that_resolves_to_a_private_address_is_not_dialled() {
    let app = TestApp::builder().set("ALLOWED_UPSTREAM_HOSTS", "localhost").start().await;
    let answer = app.version("https://localhost/repos/octo/app").await;
    answer.assert_error(502, "Upstream unreachable", "the upstream could not be reached");
    assert_eq!(app.github.connections(), 0);
}

#[tokio::test]
async fn no_more_exchanges_than_allowed_run_at_once() {
    let app = TestApp::builder().set("UPSTREAM_MAX_CONCURRENCY", "2").start().await;
    let gates: Vec<_> = (0..3)
        .map(|n| {
            app.github.release(&format!("octo/r{n}")).serve();
            app.github.hold(&format!("/repos/octo/r{n}/releases/latest"))
        })
        .collect();
    let asked: Vec<_> = (0..3)
        .map(|n| {
            let url = format!("https://api.github.com/repos/octo/r{n}/releases/latest");
            crate::support::tasks::spawn(app.ask(&url))
        })
        .collect();
    app.reaches("svm_flights", 3.0).await;
    let arrived = || gates.iter().map(|gate| gate.arrivals()).sum::<usize>();
    crate::support::eventually::eventually(|| arrived() == 2).await;
    assert_eq!(app.metric("svm_upstream_requests_total").await, 0.0);
    assert_eq!(arrived(), 2, "the third waits for a place");
    drop(gates);
    for answer in asked {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}
