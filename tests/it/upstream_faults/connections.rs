//! Connections between answers: surplus bytes, retries, slots, addresses.

use super::{DOCUMENT, JSON, app};
use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Wire};
use crate::support::tasks;

const OTHER: &str = "https://api.github.com/repos/octo/other/releases/latest";
/// A document that no request asked for, and that no key may ever hold.
const PLANTED: &str = r#"{"tag_name":"planted"}"#;

/// Makes another answer follow the answer to one document, and requests the next document after the
/// end of the connection.
async fn nothing_is_planted(name: &str, more: &Wire) {
    let app = app().await;
    app.github.release("octo/other").tag("v2").serve();
    app.github.fail_all(Failure::Wire(more.clone())).times(1);
    app.version(LATEST).await.assert_document(DOCUMENT);
    eventually(|| app.github.open_connections() == 0).await;
    for answer in [app.version(OTHER).await, app.refresh(OTHER).await] {
        assert_eq!(answer.json()["tag_name"], "v2", "{name}");
    }
    app.version(LATEST).await.assert_document(DOCUMENT);
    assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v1.0.0", "{name}");
}

#[tokio::test]
async fn a_second_answer_never_answers_the_next_request() {
    let both = |second: Wire| (Wire::whole("200 OK", JSON, DOCUMENT), second);
    let planted = || Wire::whole("200 OK", JSON, PLANTED);
    for (name, (first, second)) in [
        ("another document", both(planted())),
        ("one that says 304", both(Wire::head("304 Not Modified", "etag: \"x\""))),
        ("half a head", both(Wire::new("HTTP/1.1 200 OK\r\n"))),
        ("an interim answer", both(Wire::new("HTTP/1.1 100 Continue\r\n\r\n"))),
        ("a body that is longer than it says", both(Wire::new(PLANTED))),
        ("a line of nothing", both(Wire::new("\r\n"))),
        ("one after chunks", {
            let head = format!("{JSON}\ntransfer-encoding: chunked");
            let chunks = format!("{:x}\r\n{DOCUMENT}\r\n0\r\n\r\n", DOCUMENT.len());
            (Wire::head("200 OK", &head).then(chunks), planted())
        }),
        ("one after a length and chunks", {
            let head = format!("{JSON}\ncontent-length: 2\ntransfer-encoding: chunked");
            let chunks = format!("{:x}\r\n{DOCUMENT}\r\n0\r\n\r\n", DOCUMENT.len());
            (Wire::head("200 OK", &head).then(chunks), planted())
        }),
        ("one after HTTP/1.0", {
            let head = format!("HTTP/1.0 200 OK\r\n{JSON}\r\ncontent-length: 17\r\n");
            let head = head + "connection: keep-alive\r\n\r\n";
            (Wire::new(head).then(DOCUMENT), planted())
        }),
    ] {
        nothing_is_planted(name, &first.clone().followed_by(second.clone())).await;
        nothing_is_planted(name, &first.then_flushed().followed_by(second)).await;
    }
}

#[tokio::test]
async fn a_body_where_there_is_none_never_answers_the_next_request() {
    for status in ["204 No Content", "304 Not Modified", "205 Reset Content"] {
        let app = app().await;
        app.github.release("octo/other").tag("v2").serve();
        let planted = Wire::whole("200 OK", JSON, PLANTED);
        let bare = Wire::head(status, "content-length: 0");
        app.github.fail_all(Failure::Wire(bare.followed_by(planted))).times(1);
        assert_ne!(app.version(LATEST).await.status, 200, "{status}");
        eventually(|| app.github.open_connections() == 0).await;
        assert_eq!(app.version(OTHER).await.json()["tag_name"], "v2", "{status}");
        assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v1.0.0", "{status}");
    }
}

#[tokio::test]
async fn a_passing_fault_is_tried_once_more() {
    for failure in
        [Failure::ServerError502, Failure::Unicorn503, Failure::Reset, Failure::CloseBeforeAnswer]
    {
        let app = app().await;
        app.github.fail_all(failure.clone()).times(1);
        assert_eq!(app.version(LATEST).await.status, 200, "{failure:?}");
        // The break of an idle connection does not count.
        let breaks = matches!(failure, Failure::Reset | Failure::CloseBeforeAnswer);
        app.github.fail_all(failure.clone()).times(if breaks { 3 } else { 2 });
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
            tasks::spawn(app.ask(&url))
        })
        .collect();
    app.reaches("svm_flights", 3.0).await;
    let arrived = || gates.iter().map(|gate| gate.arrivals()).sum::<usize>();
    eventually(|| arrived() == 2).await;
    assert_eq!(app.metric("svm_upstream_requests_total").await, 0.0);
    assert_eq!(arrived(), 2, "the third waits for a slot");
    drop(gates);
    for answer in asked {
        assert_eq!(answer.await.unwrap().status, 200);
    }
}
