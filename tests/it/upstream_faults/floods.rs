//! Bytes beside the document: before the head of an answer, and between the chunks of its body.

use std::time::Duration;

use futures_util::future::join_all;
use svm::clock::Stopwatch;

use super::{CUT_SHORT, DOCUMENT, JSON, UNREACHABLE, Verdict, app, builder, refused, taken};
use crate::support::app::TestApp;
use crate::support::github::{Failure, Wire};
use crate::{LATEST, LATEST_PATH};

const CHUNKED: &str = "transfer-encoding: chunked";

const TOO_SLOW: Verdict = Verdict {
    status: 504,
    error: "Upstream timed out",
    ..super::bad(
        200,
        "too-slow",
        "the upstream's answer came too slowly: less than 4 KiB within 5 seconds",
    )
};

fn chunked() -> Wire {
    Wire::head("200 OK", &format!("{JSON}\n{CHUNKED}"))
}

#[tokio::test]
async fn endless_bytes_before_the_head_are_refused() {
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let long = format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "x".repeat(16 * 1024));
    let for_ever = |bytes: String| Failure::Wire(Wire::new("").then_for_ever(bytes));
    refused(
        UNREACHABLE,
        [
            ("103", for_ever(hints.to_owned())),
            ("long 103", for_ever(long)),
            ("100", for_ever("HTTP/1.1 100 Continue\r\n\r\n".to_owned())),
            ("102 without headers", for_ever("HTTP/1.1 102 x\r\n\r\n".to_owned())),
            ("199", for_ever("HTTP/1.1 199 x\r\na: b\r\n\r\n".to_owned())),
            ("a megabyte of 103, then a document", {
                let flood = Wire::new("").then_repeated(hints, 30_000);
                Failure::Wire(flood.followed_by(Wire::whole("200 OK", JSON, DOCUMENT)))
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_flood_is_read_for_two_attempts_alone() {
    let app = app().await;
    let hints = Wire::new("").then_for_ever("HTTP/1.1 103 Early Hints\r\n\r\n");
    app.github.fail_all(Failure::Wire(hints));
    assert_eq!(app.version(LATEST).await.status, 502);
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn extensions_and_trailers_of_megabytes_are_refused() {
    let extension = format!("1;{}\r\nv\r\n", "x".repeat(1_000));
    let named = format!("1;name=\"{}\"\r\nv\r\n", "x".repeat(1_000));
    refused(
        CUT_SHORT,
        [
            ("one extension", {
                Failure::Wire(chunked().then("2;").then_repeated("x", 4_000_000))
            }),
            ("an extension for each chunk", Failure::Wire(chunked().then_for_ever(extension))),
            ("an extension with a name", Failure::Wire(chunked().then_for_ever(named))),
            ("leading zeros", Failure::Wire(chunked().then_for_ever("0"))),
            ("blanks after a length", Failure::Wire(chunked().then("2").then_for_ever(" "))),
            ("trailers", {
                Failure::Wire(chunked().then("2\r\n{}\r\n0\r\n").then_for_ever("x-more: 1\r\n"))
            }),
            ("one trailer", {
                Failure::Wire(chunked().then("2\r\n{}\r\n0\r\nx: ").then_for_ever("x"))
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_body_in_many_small_chunks_is_taken() {
    let bytes = format!("\"{}\"", "v".repeat(100_000));
    let chunks: String = bytes.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
    let whole = Wire::head("200 OK", &format!("{JSON}\n{CHUNKED}")).then(chunks + "0\r\n\r\n");
    taken([("chunks of a byte", Failure::Wire(whole), bytes.as_bytes())]).await;
}

#[tokio::test]
async fn bodies_of_megabytes_are_taken_one_after_the_other() {
    let app = TestApp::builder().start().await;
    for n in 0..4 {
        let bytes = format!("\"{}\"", "v".repeat(9_000_000 + n)).into_bytes();
        app.github.document_bytes(&format!("/repos/octo/app/large{n}"), bytes);
        let url = format!("https://api.github.com/repos/octo/app/large{n}");
        assert_eq!(app.version(&url).await.status, 200);
    }
    assert_eq!((app.github.connections(), app.github.total_calls()), (1, 4));
}

/// Asserts that svm ends an exchange whose upstream holds a slot within the limit.
async fn gives_up(app: &TestApp, name: &str, limit: Duration) {
    let stopwatch = Stopwatch::start();
    TOO_SLOW.assert(&app.version(LATEST).await, "uri-miss", name);
    assert!(stopwatch.elapsed() < limit, "{name}: took {:?}", stopwatch.elapsed());
    assert_eq!(app.github.calls(LATEST_PATH), 1, "{name}");
}

#[tokio::test]
async fn a_body_that_drips_or_stalls_is_given_up_early() {
    const LIMIT: Duration = Duration::from_secs(15);
    const PAUSE: Duration = Duration::from_secs(1);
    let headers = format!("{JSON}\ncontent-length: 100000");
    let rows = [
        ("a chunk a second", chunked().then_in_pieces("1\r\nv\r\n", PAUSE)),
        ("a byte a second", Wire::head("200 OK", &headers).then_slowly("v".repeat(100), PAUSE)),
        ("a kilobyte at first", {
            Wire::head("200 OK", &headers).then("v".repeat(1_000)).then_in_pieces("v", PAUSE)
        }),
        ("half a body", Wire::head("200 OK", &headers).then("v".repeat(10_000))),
        ("an extension a second", chunked().then("2;").then_in_pieces("x", PAUSE)),
    ];
    join_all(rows.map(async |(name, wire)| {
        let app = builder(LIMIT).start().await;
        app.github.fail_all(Failure::Wire(wire));
        gives_up(&app, name, LIMIT).await;
    }))
    .await;
}

#[tokio::test]
async fn a_body_that_comes_steadily_is_waited_for() {
    const PAUSE: Duration = Duration::from_millis(200);
    let body = format!("\"{}\"", "v".repeat(59_998));
    let headers = format!("{JSON}\ncontent-length: {}", body.len());
    // The body takes four seconds, and each second brings more than the required bytes.
    let wire = (0..20).fold(Wire::head("200 OK", &headers), |wire, n| {
        wire.then(body[n * 3_000..(n + 1) * 3_000].to_owned()).then_flushed().then_after(PAUSE)
    });
    taken([("3 kB in 0.2 s", Failure::Wire(wire), body.as_bytes())]).await;
}
