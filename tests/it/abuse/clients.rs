//! Other abusive clients.

use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::app::{Answer, TestApp, encode};
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn another_query_of_a_document_is_limited_like_any_miss() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "0.3").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let answers = (0..20).map(|number| app.ask(&format!("{LATEST}?bust={number}")));
    let mut limited = 0;
    for answer in answers {
        limited += usize::from(answer.await.status == 429);
    }
    assert_eq!((limited, app.github.total_calls()), (18, 3));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn a_get_and_a_head_of_one_document_are_one_call() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let path = format!("/version?url={}", encode(LATEST));
    let asked = [Method::HEAD, Method::GET]
        .map(|method| tasks::spawn(Answer::of(app.request(method, &path))));
    app.reaches("svm_flight_followers_total", 1.0).await;
    gate.open();
    for answer in asked {
        assert_eq!(answer.await.expect("an answer").status, 200);
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn clients_that_never_read_delay_no_other_client() {
    let app = TestApp::start().await;
    let body = format!("\"{}\"", "x".repeat(5_000_000)).into_bytes();
    app.github.document_bytes(LATEST_PATH, body.clone());
    let _ = app.version(LATEST).await;
    let hits = app.metric("svm_cache_hits_total").await;
    let request = format!("GET /version?url={} HTTP/1.1\r\nHost: svm\r\n\r\n", encode(LATEST));
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
        stream.write_all(request.as_bytes()).await.expect("a socket that takes bytes");
        silent.push(stream);
    }
    app.reaches("svm_cache_hits_total", hits + 200.0).await;
    app.version(LATEST).await.assert_document(&body);
    drop(silent);
}
