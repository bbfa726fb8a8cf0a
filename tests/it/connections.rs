//! Connections: what a client may send, and how long it may take.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::LATEST;
use crate::support::app::TestApp;

/// Sends bytes as they are, and reads until the service closes.
async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("a socket that takes bytes");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(path: &str, header_bytes: usize) -> Vec<u8> {
    let filler = "x".repeat(header_bytes);
    format!("GET {path} HTTP/1.1\r\nHost: svm\r\nConnection: close\r\nX-Filler: {filler}\r\n\r\n")
        .into()
}

#[tokio::test]
async fn heads_over_32_kib_are_refused() {
    let app = TestApp::start().await;
    let fits = talk(app.address(), &request("/ping", 31 * 1024)).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let over = talk(app.address(), &request("/ping", 33 * 1024)).await;
    assert!(over.starts_with("HTTP/1.1 431 "), "{over}");
}

#[tokio::test]
async fn a_head_that_is_no_http_is_refused() {
    let app = TestApp::start().await;
    let answer = talk(app.address(), b"nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let two = format!(
        "GET /version?url={LATEST} HTTP/1.1\r\nHost: svm\r\n\r\nGET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n"
    );
    let answer = talk(app.address(), two.as_bytes()).await;
    let (document, ping) =
        (answer.find("\"tag_name\"").unwrap(), answer.find("Service is up").unwrap());
    assert!(document < ping);
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_served_at_once() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "1").start().await;
    let mut first = TcpStream::connect(app.address()).await.unwrap();
    ping(&mut first).await;

    let mut second = TcpStream::connect(app.address()).await.unwrap();
    second.write_all(&request("/ping", 0)).await.unwrap();
    // Plenty of time for a service that would answer both.
    for _ in 0..50 {
        ping(&mut first).await;
    }
    let early = second.try_read(&mut [0; 1024]);
    assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(first);
    let mut answer = String::new();
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn ping(stream: &mut TcpStream) {
    let request = b"GET /ping HTTP/1.1\r\nHost: svm\r\n\r\n";
    stream.write_all(request).await.expect("a socket that takes bytes");
    assert_ne!(stream.read(&mut [0; 1024]).await.expect("an answer"), 0);
}
