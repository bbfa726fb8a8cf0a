//! Answers with irregular framing, each followed by an answer that was not requested.

use std::time::Duration;

use super::{DOCUMENT, JSON, app};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::github::{Failure, Wire};
use crate::{LATEST, LATEST_PATH};

const OTHER: &str = "https://api.github.com/repos/octo/other/releases/latest";
const OTHER_PATH: &str = "/repos/octo/other/releases/latest";
/// The answer that was not requested, and that no key may ever hold.
const PLANTED: &str = r#"{"tag_name":"planted"}"#;

/// The time of the extra answer.
#[derive(Clone, Copy, Debug)]
enum When {
    Now,
    AfterFlush,
    /// After the next request on the connection, if there is one.
    WithNextRequest,
}

/// Returns a complete answer of this version, status line and framing, with the document in chunks
/// or unchanged.
fn answer(version: &str, status: &str, framing: &str, is_chunked: bool) -> Wire {
    let lines = format!("{JSON}\n{framing}");
    let lines: String = lines.lines().map(|line| format!("{}\r\n", line.trim())).collect();
    let head = Wire::new(format!("HTTP/{version} {status}\r\n{lines}\r\n"));
    match is_chunked {
        true => head.then(format!("{:x}\r\n{DOCUMENT}\r\n0\r\n\r\n", DOCUMENT.len())),
        false => head.then(DOCUMENT),
    }
}

/// Returns irregular answers, which svm accepts or refuses by their content.
fn irregular() -> Vec<(&'static str, Wire)> {
    let ok = |framing: &str, is_chunked| answer("1.1", "200 OK", framing, is_chunked);
    let bare = |status: &str, framing: &str| Wire::head(status, framing);
    vec![
        ("a length and chunks", ok("content-length: 2\ntransfer-encoding: chunked", true)),
        ("chunks and a length", ok("transfer-encoding: chunked\ncontent-length: 38", true)),
        ("a length twice", ok("content-length: 17\ncontent-length: 17", false)),
        ("a length twice in one line", ok("content-length: 17, 17", false)),
        ("two lengths", ok("content-length: 17\ncontent-length: 2", false)),
        ("chunked twice", ok("transfer-encoding: chunked\ntransfer-encoding: chunked", true)),
        ("identity, chunked", ok("transfer-encoding: identity, chunked", true)),
        ("chunked, identity", ok("transfer-encoding: chunked, identity", true)),
        ("HTTP/1.0 that stays", {
            answer("1.0", "200 OK", "content-length: 17\nconnection: keep-alive", false)
        }),
        ("204 with a length", bare("204 No Content", "content-length: 22")),
        ("204 with chunks", bare("204 No Content", "transfer-encoding: chunked")),
        ("304 with a length", bare("304 Not Modified", "content-length: 22")),
        ("304 with chunks", bare("304 Not Modified", "transfer-encoding: chunked")),
        ("an error with both", {
            answer("1.1", "404 Not Found", "content-length: 2\ntransfer-encoding: chunked", true)
        }),
        ("a redirect with both", {
            let framing =
                "location: /repos/octo/app\ncontent-length: 2\ntransfer-encoding: chunked";
            answer("1.1", "302 Found", framing, true)
        }),
    ]
}

async fn plants_nothing(name: &str, first: &Wire, when: When) {
    let app = app().await;
    app.github.release("octo/other").tag("v2").serve();
    let planted = Wire::whole("200 OK", JSON, PLANTED);
    let wire = match when {
        When::Now => first.clone().followed_by(planted.clone()),
        When::AfterFlush => first.clone().then_flushed().followed_by(planted.clone()),
        When::WithNextRequest => first.clone(),
    };
    app.github.fail(LATEST_PATH).with(Failure::Wire(wire)).times(1);
    let first = app.version(LATEST).await;
    assert_ne!(first.body, PLANTED, "{name}, {when:?}");
    if matches!(when, When::WithNextRequest) && app.github.connections() == 1 {
        // The connection waits with an answer to the next request.
        app.github.fail(OTHER_PATH).with(Failure::Wire(planted)).on_known_connections();
    }
    // The next request does not wait until the connection is closed.
    assert_eq!(app.version(OTHER).await.json()["tag_name"], "v2", "{name}, {when:?}");
    assert_eq!(app.refresh(OTHER).await.json()["tag_name"], "v2", "{name}, {when:?}");
    assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v1.0.0", "{name}, {when:?}");
}

#[tokio::test]
async fn a_connection_is_not_used_after_an_irregular_answer() {
    for (name, first) in irregular() {
        for when in [When::Now, When::AfterFlush, When::WithNextRequest] {
            plants_nothing(name, &first, when).await;
        }
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_an_irregular_answer() {
    for (_, first) in irregular() {
        let app = app().await;
        app.github.fail_all(Failure::Wire(first)).times(1);
        let _ = app.version(LATEST).await;
        let ended = || app.github.connections() - app.github.open_connections();
        eventually(|| ended() >= 1).await;
    }
}

/// Sends a regular answer, and another one after a pause without a request.
async fn an_idle_connection_that_speaks(app: &TestApp, extra: Wire) {
    const PAUSE: Duration = Duration::from_millis(50);
    let whole = Wire::whole("200 OK", JSON, DOCUMENT).then_flushed();
    let wire = whole.then_after(PAUSE).followed_by(extra);
    app.github.fail_all(Failure::Wire(wire)).times(1);
    app.version(LATEST).await.assert_document(DOCUMENT);
    eventually(|| app.github.open_connections() == 0).await;
}

#[tokio::test]
async fn an_idle_connection_that_speaks_is_closed() {
    for extra in [
        Wire::whole("200 OK", JSON, PLANTED),
        Wire::head("304 Not Modified", "etag: \"x\""),
        Wire::new("HTTP/1.1 200 OK\r\n"),
        Wire::new("HTTP/1.1 103 Early Hints\r\n\r\n"),
        Wire::new("\r\n"),
        Wire::new("0"),
    ] {
        let app = app().await;
        app.github.release("octo/other").tag("v2").serve();
        an_idle_connection_that_speaks(&app, extra).await;
        assert_eq!(app.version(OTHER).await.json()["tag_name"], "v2");
        assert_eq!(app.github.calls(OTHER_PATH), 1);
    }
}

#[tokio::test]
async fn regular_answers_share_a_connection() {
    let app = app().await;
    let chunked = "transfer-encoding: Chunked";
    app.github.fail_all(Failure::Wire(answer("1.1", "200 OK", chunked, true))).times(1);
    app.version(LATEST).await.assert_document(DOCUMENT);
    app.github.fail_all(Failure::NotFound404).times(1);
    assert_eq!(app.version(OTHER).await.status, 404);
    let _ = app.refresh(LATEST).await;
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(app.github.connections(), 1);
}
