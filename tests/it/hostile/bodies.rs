//! Bodies that no page reads: the client gets its answer, whatever it still sends.

use std::net::SocketAddr;
use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::LATEST_PATH;
use crate::support::app::TestApp;
use crate::support::raw::{Raw, RawAnswer};
use crate::support::tasks::spawn;

/// The size of the largest body after which the connection stays open.
const SMALL: usize = 64 << 10;
const LARGE: usize = 3 << 20;
/// A request whose body is never complete.
const ENDLESS: &str = "PUT /repos/o/r HTTP/1.1\r\nHost: svm\r\nContent-Length: 1000000000\r\n\r\n";

/// Returns the head of a request with a body.
fn head(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: svm\r\n{fields}\r\n\r\n")
}

fn with_length(line: &str, length: usize) -> Vec<u8> {
    let head = head(line, &format!("Content-Length: {length}"));
    [head.as_bytes(), &vec![b'x'; length]].concat()
}

fn with_chunks(line: &str, length: usize) -> Vec<u8> {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1 << 10)).repeat(length.div_ceil(1 << 10));
    [head(line, "Transfer-Encoding: chunked"), chunk, "0\r\n\r\n".to_owned()].concat().into_bytes()
}

/// Sends the whole request before it reads the answer, as most clients do.
async fn answered(raw: &mut Raw, request: &[u8]) -> RawAnswer {
    raw.send_all(request).await;
    raw.answer().await.expect("an answer")
}

/// Sends bytes until the service closes the connection. Returns their number.
async fn send_forever(stream: &mut TcpStream) -> usize {
    let bytes = vec![b'x'; 16 << 10];
    let mut sent = 0;
    while let Ok(count) = stream.write(&bytes).await {
        sent += count;
    }
    sent
}

/// A client whose request was answered, and which stays.
async fn lingering(address: SocketAddr) -> Raw {
    let mut raw = Raw::connect(address).await;
    let answer = answered(&mut raw, ENDLESS.as_bytes()).await;
    assert_eq!((answer.status, answer.header("connection")), (403, "close"));
    raw
}

#[tokio::test]
async fn a_body_that_no_page_reads_costs_no_answer() {
    let app = TestApp::start().await;
    let lines =
        [("PUT /repos/octo/app/contents/x", 403), ("POST /version", 405), ("GET /ping", 200)];
    for (line, status) in lines {
        for length in [1, 20_000, SMALL, SMALL + 1, 900_000, LARGE] {
            for request in [with_length(line, length), with_chunks(line, length)] {
                let mut raw = Raw::connect(app.address()).await;
                let answer = answered(&mut raw, &request).await;
                assert_eq!(answer.status, status, "{line}, {length} bytes");
                let is_last = length > SMALL;
                let close = if is_last { "close" } else { "" };
                assert_eq!(answer.header("connection"), close, "{line}, {length} bytes");
                let next = if is_last { None } else { Some(200) };
                assert_eq!(raw.get("/ping").await, next, "{line}, {length} bytes");
            }
        }
    }
    app.reaches("svm_client_connections", 1.0).await;
}

#[tokio::test]
async fn a_delivery_that_is_refused_early_gets_its_answer() {
    let app = TestApp::builder().set("WEBHOOK_SECRETS", "a-secret-of-16-bytes").start().await;
    let signature = format!("X-Hub-Signature-256: sha256={}", "0".repeat(64));
    for (fields, length, status) in [("X-A: b", LARGE, 401), (&*signature, 27 << 20, 413)] {
        let head = head("POST /webhooks/github", &format!("{fields}\r\nContent-Length: {length}"));
        let mut raw = Raw::connect(app.address()).await;
        let answer = answered(&mut raw, &[head.as_bytes(), &vec![b'x'; length]].concat()).await;
        assert_eq!((answer.status, answer.header("connection")), (status, "close"));
    }
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_the_body() {
    let app = TestApp::start().await;
    for length in [20_000, LARGE] {
        let fields = format!("Expect: 100-continue\r\nContent-Length: {length}");
        let mut raw = Raw::connect(app.address()).await;
        let answer = answered(&mut raw, head("PUT /repos/o/r", &fields).as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (403, "close"));
        // The client may send the body all the same.
        raw.send_all(&vec![b'x'; length]).await;
        assert!(raw.answer().await.is_none());
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_gets_its_answer() {
    let app = TestApp::start().await;
    for length in [40_000, 60_000, 12 << 20] {
        let request = head("GET /ping", &format!("X-A: {}", "x".repeat(length)));
        let mut raw = Raw::connect(app.address()).await;
        assert_eq!(answered(&mut raw, request.as_bytes()).await.status, 431, "{length} bytes");
    }
}

#[tokio::test]
async fn a_small_body_that_does_not_come_ends_the_connection() {
    let app = TestApp::start().await;
    let mut raw = Raw::connect(app.address()).await;
    let answer = answered(&mut raw, head("GET /ping", "Content-Length: 10").as_bytes()).await;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    assert!(raw.answer().await.is_none());
}

#[tokio::test]
async fn a_client_that_never_stops_sending_is_cut_off() {
    let app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(ENDLESS.as_bytes()).await.unwrap();
    let sent = send_forever(&mut stream).await;
    // The kernels of both sides hold some of the bytes.
    assert!(sent < 48 << 20, "{sent} bytes");
    app.reaches("svm_client_connections", 1.0).await;
}

#[tokio::test]
async fn clients_that_stay_after_the_answer_keep_no_other_out() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "2").start().await;
    let mut stayed = Vec::new();
    let began = Stopwatch::start();
    for _ in 0..40 {
        stayed.push(lingering(app.address()).await);
        let mut other = Raw::connect(app.address()).await;
        assert_eq!(other.get("/version?url=octo").await, Some(400), "no spare connection");
    }
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    app.reaches("svm_client_connections", 1.0).await;
}

#[tokio::test]
async fn a_client_that_stays_does_not_delay_the_shutdown() {
    let mut app = TestApp::start().await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(ENDLESS.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    let dripping = spawn(async move { while stream.write(b"x").await.is_ok() {} });
    let began = Stopwatch::start();
    let _ = app.stop().await;
    // The grace period for answers is 5 s, and there are no answers.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    dripping.await.unwrap();
}

#[tokio::test]
async fn a_spare_connection_waits_for_no_body() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "1").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let mut waiting = Raw::connect(app.address()).await;
    waiting.send(format!("GET {LATEST_PATH} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
    gate.arrived(1).await;
    let began = Stopwatch::start();
    for _ in 0..10 {
        let mut raw = Raw::connect(app.address()).await;
        let answer = answered(&mut raw, head("GET /ping", "Content-Length: 10").as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    gate.open();
    assert_eq!(waiting.answer().await.expect("an answer").status, 200);
}
