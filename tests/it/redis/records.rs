//! What is found in the place of a record: a miss, replaced by the document, and no trouble of the server's.

use svm::target::Key;

use super::replicas::{connected, is_read_from_redis, on};
use crate::support::app::TestApp;
use crate::support::redis_server::{RedisServer, Reply};

/// More than the reads that may fail until the breaker opens.
const DOCUMENTS: u32 = 6;

/// What becomes of documents whose records another replica has stored, and somebody else spoilt: each read comes to
/// `result`, each document from GitHub, and the next replica finds them again.
async fn are_replaced(result: &str, spoil: impl Fn(&RedisServer, &str, Vec<u8>)) {
    let Some(server) = RedisServer::start() else { return };
    let [first, app, next] =
        [replica(&server).await, replica(&server).await, replica(&server).await];
    connected(&server, 3).await;
    for number in 0..DOCUMENTS {
        first.version(&url(number)).await.assert_document(body(number));
    }
    first.reaches("svm_l2_writes_total", DOCUMENTS.into()).await;
    for (name, record) in (0..DOCUMENTS).map(|number| stored(&server, number)).collect::<Vec<_>>() {
        spoil(&server, &name, record);
    }

    for number in 0..DOCUMENTS {
        let answer = app.version(&url(number)).await;
        assert_eq!(answer.header("x-cache"), "MISS", "{}", answer.summary());
        answer.assert_document(body(number));
    }
    let read = format!("svm_l2_reads_total{{result=\"{result}\"}}");
    assert_eq!(app.metric(&read).await, f64::from(DOCUMENTS));
    assert_is_well(&app).await;

    app.reaches("svm_l2_writes_total", DOCUMENTS.into()).await;
    for number in 0..DOCUMENTS {
        let found = next.version(&url(number)).await;
        assert!(is_read_from_redis(&found), "{}", found.summary());
        found.assert_document(body(number));
    }
}

async fn replica(server: &RedisServer) -> TestApp {
    let app = on(server.address()).start().await;
    for number in 0..DOCUMENTS {
        app.github.document_bytes(&target(number), body(number).into_bytes());
    }
    app
}

/// The server's key of a record, and the record.
fn stored(server: &RedisServer, number: u32) -> (String, Vec<u8>) {
    let key = Key::of(&url(number)).to_string();
    let name = format!("svm:v1:entry:{}", key.replace("v1:", ""));
    let Reply::Text(record) = server.command(&["GET", &name]) else { panic!("no record") };
    (name, record)
}

fn target(number: u32) -> String {
    format!("/repos/octo/r{number}")
}

fn url(number: u32) -> String {
    format!("https://api.github.com{}", target(number))
}

fn body(number: u32) -> String {
    format!(r#"{{"full_name":"octo/r{number}"}}"#)
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
    are_replaced("error", |server, name, _| {
        server.command(&["DEL", name]);
        server.command(&["LPUSH", name, "somebody's"]);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_record() {
    are_replaced("error", |server, name, mut record| {
        *record.last_mut().expect("a body") ^= 1;
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn a_record_of_a_later_version() {
    are_replaced("error", |server, name, mut record| {
        record[3] += 1;
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_too_large() {
    are_replaced("error", |server, name, mut record| {
        record.resize(3 << 20, b' ');
        server.command(&[b"SET", name.as_bytes(), &record]);
    })
    .await;
}

#[tokio::test]
async fn a_record_with_another_url() {
    are_replaced("error", |server, name, record| {
        let at = record.windows(4).position(|bytes| bytes == b"octo").expect("a URL");
        let other = [&record[..at], b"otto", &record[at + 4..]].concat();
        server.command(&[b"SET", name.as_bytes(), &other]);
    })
    .await;
}

#[tokio::test]
async fn nothing_since_everything_was_flushed() {
    are_replaced("miss", |server, _, _| {
        server.command(&["FLUSHALL"]);
    })
    .await;
}
