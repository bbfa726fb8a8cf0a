//! Connections: the requests that a client may send, and the time limits.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::{Log, TestApp};
use crate::support::raw::Raw;
use crate::{LATEST, LATEST_PATH};

/// Sends bytes unchanged, and reads until the service closes the connection.
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
async fn a_full_service_closes_the_connection_idle_longest() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "3").start().await;
    let address = app.address();
    let [mut first, mut second, mut third] =
        [Raw::connect(address).await, Raw::connect(address).await, Raw::connect(address).await];
    for raw in [&mut first, &mut second, &mut third] {
        assert_eq!(raw.get("/ping").await, Some(200));
    }
    assert_eq!(first.get("/ping").await, Some(200));
    let mut fourth = Raw::connect(address).await;
    assert_eq!(fourth.get("/ping").await, Some(200));
    assert!(second.answer().await.is_none());
    for raw in [&mut first, &mut third, &mut fourth] {
        assert_eq!(raw.get("/ping").await, Some(200));
    }
}

#[tokio::test]
async fn a_client_without_a_request_makes_room_too() {
    let app = TestApp::builder().set("MAX_CONNECTIONS", "2").start().await;
    let mut begun = Vec::new();
    for head in ["", "GET /ping HTTP/1.1\r\nHost: sv"] {
        let mut raw = Raw::connect(app.address()).await;
        raw.send(head).await;
        begun.push(raw);
    }
    let mut served = [Raw::connect(app.address()).await, Raw::connect(app.address()).await];
    for raw in &mut served {
        assert_eq!(raw.get("/ping").await, Some(200));
    }
    for mut raw in begun {
        assert!(raw.answer().await.is_none());
    }
}

#[tokio::test]
async fn a_service_full_of_requests_still_answers_healthz() {
    let (logged, _listening) = Log::listen("svm::http::");
    let app = TestApp::builder().set("MAX_CONNECTIONS", "2").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let path = format!("/version?url={LATEST}");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(app.address()).await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
        waiting.push(raw);
    }
    gate.arrived(1).await;
    app.reaches("svm_flight_followers_total", 1.0).await;
    for page in ["/ping", "/healthz", "/metrics", "/nowhere", "/ping"] {
        let expected = if page == "/nowhere" { 404 } else { 200 };
        let mut spare = Raw::connect(app.address()).await;
        assert_eq!(spare.get(page).await, Some(expected), "{page}");
        assert!(spare.answer().await.is_none(), "one request for each");
    }
    // There are more of these clients than spare connections, and none of them reads its answers.
    let mut greedy = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect(app.address()).await;
        raw.send("GET /metrics HTTP/1.1\r\nHost: svm\r\n\r\n".repeat(400)).await;
        greedy.push(raw);
    }
    for _ in 0..40 {
        let mut refused = Raw::connect(app.address()).await;
        refused.send(format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
        let answer = refused.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
        assert_eq!(answer.header("connection"), "close");
        assert_eq!(answer.json()["error"], "Too many connections");
        assert!(refused.answer().await.is_none());
    }
    assert_eq!(Raw::connect(app.address()).await.get("/healthz").await, Some(200));
    gate.open();
    for mut raw in waiting {
        assert_eq!(raw.answer().await.expect("an answer").status, 200);
    }
    let mut after = Raw::connect(app.address()).await;
    assert_eq!(after.get(&path).await, Some(200), "there is room again");
    assert_eq!(after.get("/ping").await, Some(200), "and it is kept open");
    drop(greedy);
    let told = logged.text();
    assert_eq!(told.matches("each with a request").count(), 1, "{told}");
}

#[tokio::test]
async fn a_client_has_no_more_connections_than_its_limit() {
    let app = TestApp::builder().set("MAX_CONNECTIONS_PER_CLIENT", "2").start().await;
    let (one, other) = ([127, 0, 0, 8], [127, 0, 0, 9]);
    let mut theirs = Raw::connect_from(other, app.address()).await;
    assert_eq!(theirs.get("/ping").await, Some(200));
    let mut ours = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect_from(one, app.address()).await;
        assert_eq!(raw.get("/ping").await, Some(200));
        ours.push(raw);
    }
    let open = futures_util::future::join_all(ours.iter_mut().map(|raw| raw.get("/ping"))).await;
    assert_eq!(open, [None, None, None, Some(200), Some(200)]);
    assert_eq!(theirs.get("/ping").await, Some(200));
}

#[tokio::test]
async fn a_client_whose_connections_all_have_requests_gets_no_more() {
    let app = TestApp::builder().set("MAX_CONNECTIONS_PER_CLIENT", "2").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let client = [127, 0, 0, 8];
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect_from(client, app.address()).await;
        let path = format!("/version?url={LATEST}");
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: svm\r\n\r\n")).await;
        waiting.push(raw);
    }
    app.reaches("svm_flight_followers_total", 1.0).await;
    assert_eq!(Raw::connect_from(client, app.address()).await.get("/ping").await, None);
    let shed = r#"svm_client_connections_shed_total{reason="client-limit"}"#;
    assert_eq!(app.metric(shed).await, 1.0);
    gate.open();
    for mut raw in waiting {
        assert_eq!(raw.answer().await.expect("an answer").status, 200);
    }
    assert_eq!(Raw::connect_from(client, app.address()).await.get("/ping").await, Some(200));
}

#[tokio::test]
async fn a_trusted_proxy_has_no_limit_of_its_own() {
    let builder = TestApp::builder().set("MAX_CONNECTIONS_PER_CLIENT", "1");
    let app = builder.set("FORWARDED_ALLOW_IPS", "127.0.0.8").start().await;
    let mut ours = Vec::new();
    for _ in 0..5 {
        let mut raw = Raw::connect_from([127, 0, 0, 8], app.address()).await;
        assert_eq!(raw.get("/ping").await, Some(200));
        ours.push(raw);
    }
    for raw in &mut ours {
        assert_eq!(raw.get("/ping").await, Some(200));
    }
}
