//! Invalid values in the place of a record: each is a miss, the document replaces it, and it does
//! not count as a failure of the server.

use std::time::Duration;

use svm::target::Key;

use super::replicas::{connected, is_read_from_redis, on};
use crate::support::app::{Log, TestApp};
use crate::support::eventually::eventually;
use crate::support::redis_server::{RedisServer, Reply};

/// The number of documents, larger than the number of failed reads that open the breaker.
const DOCUMENTS: u32 = 6;

const UNCHANGED: &str = "svm_revalidate_done_total{result=\"unchanged\"}";

/// A record on the server.
struct Stored {
    /// The server's key.
    name: String,
    record: Vec<u8>,
}

/// Checks documents whose records another replica has stored and the test has damaged: each read
/// ends with `result`, each document comes from GitHub, and the next replica finds them again.
async fn are_replaced(result: &str, spoil: impl FnOnce(&RedisServer, Vec<Stored>)) {
    let Some(server) = RedisServer::start() else { return };
    let [first, app, next] =
        [replica(&server).await, replica(&server).await, replica(&server).await];
    connected(&server, 3).await;
    for number in 0..DOCUMENTS {
        first.version(&url(number)).await.assert_document(body(number));
    }
    first.reaches("svm_l2_writes_total", DOCUMENTS.into()).await;
    spoil(&server, (0..DOCUMENTS).map(|number| stored(&server, number)).collect());

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

/// Replaces each record.
fn put(server: &RedisServer, stored: Vec<Stored>, spoilt: impl Fn(Vec<u8>) -> Vec<u8>) {
    for Stored { name, record } in stored {
        server.command(&[b"SET", name.as_bytes(), &spoilt(record)]);
    }
}

fn stored(server: &RedisServer, number: u32) -> Stored {
    let key = Key::of(&url(number)).to_string();
    let name = format!("svm:v1:entry:{}", key.replace("v1:", ""));
    let Reply::Text(record) = server.command(&["GET", &name]) else { panic!("no record") };
    Stored { name, record }
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

/// Asserts that the server counts as up, and that no failure is reported.
async fn assert_is_well(app: &TestApp) {
    for (name, value) in
        [("svm_l2_up", 1.0), ("svm_l2_breaker_open", 0.0), ("svm_l2_breaker_opened_total", 0.0)]
    {
        assert_eq!(app.metric(name).await, value, "{name}");
    }
    assert_eq!(app.get("/healthz").await.json()["status"], "healthy");
}

#[tokio::test]
async fn values_of_another_type() {
    are_replaced("error", |server, stored| {
        for Stored { name, .. } in stored {
            server.command(&["DEL", &name]);
            server.command(&["LPUSH", &name, "somebody's"]);
        }
    })
    .await;
}

#[tokio::test]
async fn damaged_records() {
    are_replaced("error", |server, stored| {
        put(server, stored, |mut record| {
            *record.last_mut().expect("a body") ^= 1;
            record
        });
    })
    .await;
}

#[tokio::test]
async fn records_of_a_later_version() {
    are_replaced("error", |server, stored| {
        put(server, stored, |mut record| {
            record[3] += 1;
            record
        });
    })
    .await;
}

#[tokio::test]
async fn records_that_are_too_large() {
    are_replaced("error", |server, stored| {
        put(server, stored, |mut record| {
            record.resize(3 << 20, b' ');
            record
        });
    })
    .await;
}

#[tokio::test]
async fn records_of_other_documents() {
    are_replaced("error", |server, stored| {
        let mut records: Vec<_> = stored.iter().map(|it| it.record.clone()).collect();
        records.rotate_left(1);
        for (Stored { name, .. }, record) in stored.iter().zip(records) {
            server.command(&[b"SET", name.as_bytes(), &record]);
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_since_everything_was_flushed() {
    are_replaced("miss", |server, _| {
        server.command(&["FLUSHALL"]);
    })
    .await;
}

#[tokio::test]
async fn documents_of_an_emptied_server_are_written_again() {
    let Some(server) = RedisServer::start() else { return };
    let (log, _listening) = Log::listen("svm::app::");
    let app = on(server.address()).set("REVALIDATE_INTERVAL", "100ms").start().await;
    for number in 0..DOCUMENTS {
        app.github.document_bytes(&target(number), body(number).into_bytes());
        assert_eq!(app.version(&url(number)).await.status, 200);
    }
    app.reaches("svm_l2_writes_total", DOCUMENTS.into()).await;
    let checked = app.metric(UNCHANGED).await;
    app.advance(Duration::from_secs(60));
    app.reaches(UNCHANGED, checked + f64::from(DOCUMENTS)).await;
    assert_eq!(app.metric("svm_l2_writes_total").await, f64::from(DOCUMENTS), "all are there");

    server.command(&["FLUSHALL"]);
    eventually(|| log.text().contains("the store has lost its documents")).await;
    app.advance(Duration::from_secs(60));
    app.reaches("svm_l2_writes_total", (2 * DOCUMENTS).into()).await;
    let _ = stored(&server, 0);
    app.advance(Duration::from_secs(60));
    app.reaches(UNCHANGED, checked + f64::from(3 * DOCUMENTS)).await;
    assert_eq!(app.metric("svm_l2_writes_total").await, f64::from(2 * DOCUMENTS), "once is enough");
}
