//! Answers with other statuses: their heads count, and the wait for their bodies is short.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{DOCUMENT, JSON, LONGEST_REFUSAL, TIMEOUT, app, timely};
use crate::support::app::{Answer, TestApp};
use crate::support::github::{Failure, Wire};
use crate::{LATEST, LATEST_PATH};

/// Returns the answer to this response, which is no document. Asserts that the next answer after
/// its lifetime is the upstream's.
async fn passes(name: &str, wire: Wire) -> Answer {
    let app = app().await;
    app.github.fail_all(Failure::Wire(wire));
    let answer = timely(app.version(LATEST), TIMEOUT, name).await;
    app.github.recover();
    app.advance(LONGEST_REFUSAL);
    let next = app.version(LATEST).await;
    assert_eq!((next.status.as_u16(), next.header("x-cache")), (200, "MISS"), "{name}");
    answer
}

#[tokio::test]
async fn a_status_without_a_meaning_is_passed_on() {
    for (line, status, body) in [
        ("201 Created", 201, DOCUMENT),
        ("203 Non-Authoritative", 203, DOCUMENT),
        ("204 No Content", 204, ""),
        ("205 Reset Content", 205, ""),
        ("226 IM Used", 226, DOCUMENT),
        ("299 x", 299, DOCUMENT),
    ] {
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}", body.len()) };
        let headers = format!("{JSON}\ncontent-range: bytes 0-1/17\n{length}");
        let answer = passes(line, Wire::head(line, headers.trim_end()).then(body).closed()).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (status, body), "{line}");
        assert_eq!(answer.header("cache-control"), "no-store", "{line}");
    }
}

#[tokio::test]
async fn a_head_of_204_has_no_length() {
    let app = TestApp::start().await;
    app.github.fail_all(Failure::Wire(Wire::head("204 No Content", JSON).closed()));
    for path in [LATEST_PATH.to_owned(), format!("/version?url={LATEST}")] {
        for method in [Method::HEAD, Method::GET] {
            let answer = Answer::of(app.request(method, &path)).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-length")), (204, ""));
        }
    }
}

#[tokio::test]
async fn a_205_is_passed_on_without_its_content() {
    let line = "205 Reset Content";
    let answer = passes(line, Wire::whole(line, JSON, DOCUMENT).closed()).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (205, ""));
}

#[tokio::test]
async fn a_part_of_a_document_is_no_answer() {
    for headers in [JSON, &format!("{JSON}\ncontent-range: bytes 0-1/17")] {
        let line = "206 Partial Content";
        let answer = passes(line, Wire::whole(line, headers, DOCUMENT).closed()).await;
        let detail = "the upstream's answer ended early";
        answer.assert_error(502, "Bad upstream response", detail);
    }
}

#[tokio::test]
async fn an_error_without_a_meaning_is_passed_on() {
    for (line, status, message) in [
        ("400 Bad Request", 400, "Bad Request"),
        ("418 x", 418, "I'm a teapot"),
        ("499 x", 499, "Unknown status"),
        ("500 x", 500, "Internal Server Error"),
        ("599 x", 599, "Unknown status"),
        ("600 x", 502, "Bad Gateway"),
        ("999 x", 502, "Bad Gateway"),
    ] {
        let answer = passes(line, Wire::whole(line, JSON, "<html>")).await;
        assert_eq!(answer.status.as_u16(), status, "{line}");
        let want = json!({ "error": "Upstream API error", "message": message });
        assert_eq!(answer.json(), want, "{line}");
    }
}

#[tokio::test]
async fn the_beginning_of_an_endless_error_suffices() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let gone = Duration::from_millis(500);
    for (name, body, message) in [
        ("endless", Wire::head("500 x", JSON).then_for_ever("x"), json!("Internal Server Error")),
        (
            "slow",
            Wire::head("500 x", JSON).then_slowly(DOCUMENT, gone),
            json!("Internal Server Error"),
        ),
        (
            "cut",
            { Wire::head("500 x", "content-length: 100").then("{\"message\":").cut() },
            json!("Internal Server Error"),
        ),
        (
            "not UTF-8",
            Wire::whole("500 x", JSON, b"{\"message\":\"\xff\"}"),
            json!("Internal Server Error"),
        ),
        ("odd", Wire::whole("500 x", JSON, "  [1, 2]\n"), json!([1, 2])),
    ] {
        let answer = passes(name, body).await;
        assert_eq!(answer.status, 500, "{name}");
        assert_eq!(answer.json()["message"], message, "{name}");
    }
    let answer = passes("deep", Wire::whole("403 x", JSON, &deep)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.text(), format!(r#"{{"error":"Upstream API error","message":{deep}}}"#));
}

#[tokio::test]
async fn a_switch_of_protocols_is_no_answer() {
    let wire =
        Wire::head("101 Switching Protocols", "connection: upgrade\nupgrade: x").then(DOCUMENT);
    let answer = passes("101", wire).await;
    assert_eq!(answer.status, 502, "{}", answer.summary());
}
