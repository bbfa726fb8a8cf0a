//! Slow clients: heads that never end, bodies that are never read, and their memory.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use svm::clock::Stopwatch;
use svm::descriptors;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::GitHub;
use crate::support::process::Setup;
use crate::support::raw::Raw;

const PATIENCE: Duration = Duration::from_millis(200);
const LARGE: &str = "https://raw.githubusercontent.com/o/r/main/large.json";
const LARGE_PATH: &str = "/o/r/main/large.json";
/// More bytes than the kernel buffers for a client that reads nothing.
const LARGE_BYTES: usize = 9 << 20;

fn large_json() -> String {
    format!("\"{}\"", "x".repeat(LARGE_BYTES - 2))
}

/// Allows one connection at a time: an answer on the next one shows that the previous one was
/// closed.
fn one_at_a_time() -> TestAppBuilder {
    TestApp::builder().set("MAX_CONNECTIONS", "1").connection_patience(PATIENCE)
}

async fn ping(address: SocketAddr) {
    let mut raw = Raw::connect(address).await;
    raw.send("GET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n").await;
    assert_eq!(raw.answer().await.expect("an answer").status, 200);
}

/// Requests the large document on a connection, and receives at most a few bytes of it.
async fn asks_and_reads_nothing(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a size that is allowed");
    let mut stream = socket.connect(address).await.expect("a service that accepts");
    let head = format!("GET /version?url={LARGE} HTTP/1.1\r\nHost: svm\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("an open connection");
    // The answer has begun.
    stream.readable().await.expect("an answer");
    stream
}

#[tokio::test]
async fn a_head_that_stops_is_given_up_and_gets_no_answer() {
    let app = one_at_a_time().start().await;
    for begun in ["", "G", "GET /ping", "GET /ping HTTP/1.1\r\nHost: svm\r\n", "\r\n"] {
        let mut raw = Raw::connect(app.address()).await;
        raw.send(begun).await;
        assert_eq!(raw.drain().await, 0, "{begun:?}");
        ping(app.address()).await;
    }
}

#[tokio::test]
async fn a_head_that_drips_is_given_up_as_soon() {
    let app = TestApp::builder().connection_patience(PATIENCE).start().await;
    let mut dripping = TcpStream::connect(app.address()).await.unwrap();
    dripping.write_all(b"GET /ping HTTP/1.1\r\nX: ").await.unwrap();
    // One byte for each answered request of others: if a byte extended the patience, the wait would
    // never end.
    app.until(async || {
        assert_eq!(app.get("/ping").await.status, 200);
        let is_open = matches!(dripping.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        let taken = dripping.try_write(b"x").is_ok();
        !(is_open && taken)
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_last_answer() {
    let app = one_at_a_time().start().await;
    let mut raw = Raw::connect(app.address()).await;
    raw.send("GET /ping HTTP/1.1\r\nHost: svm\r\n\r\n").await;
    assert_eq!(raw.answer().await.expect("an answer").status, 200);
    assert!(raw.answer().await.is_none());
}

#[tokio::test]
async fn a_client_that_never_reads_is_given_up() {
    let app = one_at_a_time().start().await;
    app.github.raw_document(LARGE_PATH, &large_json());
    let mut stuck = asks_and_reads_nothing(app.address()).await;
    let (service, client) = (app.address().port(), stuck.local_addr().expect("an address").port());
    // The connection that sends this request.
    app.reaches("svm_client_connections", 1.0).await;
    assert_eq!(unacknowledged(service, client), None, "the kernel keeps nothing for it");
    // The bytes in the buffers of the kernel, and a reset.
    let mut got = Vec::new();
    let _ = stuck.read_to_end(&mut got).await;
    assert!(got.len() < LARGE_BYTES, "{} bytes", got.len());
}

#[tokio::test]
async fn an_answer_in_the_kernels_buffer_is_given_up_too() {
    let app = one_at_a_time().start().await;
    let small = format!("\"{}\"", "x".repeat(100_000));
    app.github.raw_document(LARGE_PATH, &small);
    let stuck = asks_and_reads_nothing(app.address()).await;
    let (service, client) = (app.address().port(), stuck.local_addr().expect("an address").port());
    // The connection that sends this request.
    app.reaches("svm_client_connections", 1.0).await;
    eventually(|| unacknowledged(service, client).is_none()).await;
}

/// The pace of the reader is set by concurrent requests, each of which takes the service some time.
#[tokio::test]
async fn a_client_that_reads_slowly_and_steadily_gets_all() {
    const BYTES: usize = 4 << 20;
    let app = TestApp::builder().connection_patience(PATIENCE).start().await;
    app.github.raw_document(LARGE_PATH, &format!("\"{}\"", "x".repeat(BYTES - 2)));
    assert_eq!(app.version(LARGE).await.status, 200);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("a size that is allowed");
    let mut slow = socket.connect(app.address()).await.expect("a service that accepts");
    let head =
        format!("GET /version?url={LARGE} HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n");
    slow.write_all(head.as_bytes()).await.expect("an open connection");
    let mut raw = Raw::connect(app.address()).await;
    let (mut got, waited) = (0, Stopwatch::start());
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = slow.read(&mut bytes).await.expect("more of the answer");
        got += count;
        if count == 0 {
            break;
        }
        let step = Stopwatch::start();
        while step.elapsed() < PATIENCE / 40 {
            assert_eq!(raw.get("/ping").await, Some(200));
        }
    }
    assert!(got > BYTES, "{got} bytes");
    assert!(waited.elapsed() > 4 * PATIENCE, "too fast to tell");
}

#[tokio::test]
async fn the_kernel_keeps_little_for_a_client_that_reads_nothing() {
    let app = TestApp::start().await;
    app.github.raw_document(LARGE_PATH, &large_json());
    assert_eq!(app.version(LARGE).await.status, 200);
    let stuck = asks_and_reads_nothing(app.address()).await;
    let client = stuck.local_addr().expect("an address").port();
    let unsent = || unacknowledged(app.address().port(), client).expect("the connection");
    // The kernel's buffer is full once it stops growing.
    let kept = Cell::new(0);
    app.until(async || {
        assert_eq!(app.get("/ping").await.status, 200);
        let now = unsent();
        now > 0 && now == kept.replace(now)
    })
    .await;
    assert!(kept.get() < 256 << 10, "{} bytes", kept.get());
}

/// Returns the number of open connections, from this page of metrics.
fn open(page: &Answer) -> f64 {
    let text = page.text();
    let open = text.lines().find_map(|line| line.strip_prefix("svm_client_connections "));
    open.expect("a metric").parse().expect("a number")
}

/// Returns the unacknowledged bytes that the kernel buffers between two ports; `None` if there is
/// no connection.
fn unacknowledged(from: u16, to: u16) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("a table of connections");
    let ends = format!(":{from:04X} 0100007F:{to:04X} ");
    let line = table.lines().find(|line| line.contains(&ends))?;
    let queues = line.split_whitespace().nth(4).expect("a column");
    let unsent = queues.split(':').next().expect("two numbers");
    Some(u64::from_str_radix(unsent, 16).expect("a number"))
}

#[tokio::test]
async fn heads_that_are_held_back_have_a_bound_together() {
    const CLIENTS: usize = 3_000;
    const AT_ONCE: usize = 100;
    /// 32 MiB of such heads, and some further connections.
    const MOST_HELD: f64 = 1_500.0;
    descriptors::raise().expect("a limit that may be raised");
    let svm = Setup::new().start().await;
    let resident = "process_resident_memory_bytes";
    let before = svm.metric(resident).await;
    let head = format!("GET /ping HTTP/1.1\r\nHost: svm\r\nX: {}", "x".repeat(31 << 10));
    let mut held = Vec::new();
    for _ in 0..CLIENTS / AT_ONCE {
        for _ in 0..AT_ONCE {
            let mut raw = Raw::connect(svm.address()).await;
            raw.send(&head).await;
            held.push(raw);
        }
        // A busy machine closes connections late, while more clients connect.
        let _ = svm.shows("/metrics", |page| open(page) < MOST_HELD).await;
    }
    let mut last = Raw::connect(svm.address()).await;
    assert_eq!(last.get("/ping").await, Some(200));
    assert!(svm.metric(r#"svm_client_connections_shed_total{reason="heads"}"#).await > 0.0);
    let grown = svm.metric(resident).await - before;
    // 3,000 heads of 68 KiB would take 200 MiB.
    assert!(grown < f64::from(96 << 20), "{CLIENTS} clients cost {grown} bytes");
    let newest = held.last_mut().expect("a client");
    newest.send("\r\n\r\n").await;
    assert_eq!(newest.answer().await.expect("an answer").status, 200, "the oldest go first");
    assert_eq!(
        svm.said("clients hold back too many request heads; the oldest are given up").len(),
        1
    );
}

#[tokio::test]
async fn clients_that_never_read_share_one_body_in_memory() {
    let github = GitHub::start().await;
    github.raw_document(LARGE_PATH, &large_json());
    let svm = Setup::new().behind(&github).start().await;
    assert_eq!(svm.version(LARGE).await.body.len(), LARGE_BYTES);
    let resident = "process_resident_memory_bytes";
    let before = svm.metric(resident).await;
    let mut stuck = Vec::new();
    for _ in 0..64 {
        stuck.push(asks_and_reads_nothing(svm.address()).await);
    }
    assert_eq!(svm.metric("svm_cache_hits_total").await, 64.0);
    let grown = svm.metric(resident).await - before;
    // 64 copies would take 576 MiB.
    assert!(grown < (32 << 20) as f64, "64 clients cost {grown} bytes");
    assert_eq!(svm.get("/ping").await.status, 200);
    assert_eq!(github.calls(LARGE_PATH), 1);
}
