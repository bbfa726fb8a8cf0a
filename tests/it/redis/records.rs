//! What is found in the place of a record: a miss, replaced by the document, and no trouble of the server's.

use svm::target::Key;

use super::replicas::{connected, is_read_from_redis, on};
use crate::support::app::TestApp;
use crate::support::redis_server::{RedisServer, Reply};
use crate::{LATEST, LATEST_PATH};

const BODY: &str = r#"{"tag_name":"v1"}"#;

/// What becomes of a document whose record another replica has stored, and somebody else spoilt: the read comes to
/// `result`, the document from GitHub, and the next replica finds it again.
async fn is_replaced(result: &str, spoil: impl FnOnce(&RedisServer, &str, Vec<u8>)) {
    let Some(server) = RedisServer::start() else { return };
    let [first, app, next] =
        [replica(&server).await, replica(&server).await, replica(&server).await];
    connected(&server, 3).await;
    first.version(LATEST).await.assert_document(BODY);
    first.reaches("svm_l2_writes_total", 1.0).await;
    let name = format!("svm:v1:entry:{}", Key::of(LATEST).to_string().replace("v1:", ""));
    let Reply::Text(record) = server.command(&["GET", &name]) else { panic!("no record") };
    spoil(&server, &name, record);

    let answer = app.version(LATEST).await;
    assert_eq!(answer.header("x-cache"), "MISS", "{}", answer.summary());
    answer.assert_document(BODY);
    let read = format!("svm_l2_reads_total{{result=\"{result}\"}}");
    assert_eq!(app.metric(&read).await, 1.0);
    assert_is_well(&app).await;

    app.reaches("svm_l2_writes_total", 1.0).await;
    let found = next.version(LATEST).await;
    assert!(is_read_from_redis(&found), "{}", found.summary());
    found.assert_document(BODY);
}

async fn replica(server: &RedisServer) -> TestApp {
    let app = on(server.address()).start().await;
    app.github.document_bytes(LATEST_PATH, BODY.into());
    app
}

/// The server has answered: it is up, and nothing else is said.
async fn assert_is_well(app: &TestApp) {
    for (name, value) in
        [("svm_l2_up", 1.0), ("svm_l2_breaker_open", 0.0), ("svm_l2_breaker_opened_total", 0.0)]
    {
        assert_eq!(app.metric(name).await, value, "{name}");
    }
    assert_eq!(app.get("/healthz").await.json()["status"], "healthy");
}

#[tokio::test]
async fn a_value_of_another_type() {
    is_replaced("error", |server, name, _| {
        server.command(&["DEL", name]);
        server.command(&["LPUSH", name, "somebody's"]);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_record() {
    is_replaced("error", |server, name, mut record| {
        *record.last_mut().expect("a body") ^= 1;
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn a_record_of_a_later_version() {
    is_replaced("error", |server, name, mut record| {
        record[3] += 1;
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_too_large() {
    is_replaced("error", |server, name, mut record| {
        record.resize(3 << 20, b' ');
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn the_record_of_another_document() {
    is_replaced("error", |server, name, record| {
        let text = String::from_utf8_lossy(&record).into_owned();
        let at = text.find("octo").expect("the URL of the document");
        assert!(at > 0);
        let other = [&record[..at], b"otto", &record[at + 4..]].concat();
        server.command(&[b"SET", name.as_bytes(), &other]);
    })
    .await;
}

#[tokio::test]
async fn nothing_since_everything_was_flushed() {
    is_replaced("miss", |server, _, _| {
        server.command(&["FLUSHALL"]);
    })
    .await;
}
