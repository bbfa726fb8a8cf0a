//! Replicas whose checks or records do not reach the others.

use std::time::Duration;

use svm::target::Key;

use super::INTERVAL;
use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::redis_server::RedisServer;

const LEASED: &str = "svm_revalidate_skipped_total{reason=\"leased\"}";

/// Starts a replica with this time between its writes.
async fn writing_every(server: &RedisServer, flush_interval: &str) -> TestApp {
    let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
    let app = app.set("WRITE_BEHIND_FLUSH_INTERVAL", flush_interval);
    let app = app.set("REVALIDATE_PER_WORKER_RPS", "1000").set("REVALIDATE_INTERVAL", "1s");
    let app = app.start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.reaches("svm_l2_up", 1.0).await;
    app
}

fn name(kind: &str) -> String {
    format!("svm:v1:{kind}:{}", Key::of(LATEST).to_string().replace("v1:", ""))
}

#[tokio::test]
async fn a_later_body_that_redis_lacks_is_fetched_again() {
    let Some(server) = RedisServer::start() else { return };
    let [finder, other] =
        [writing_every(&server, "1h").await, writing_every(&server, "10ms").await];
    let _ = other.version(LATEST).await;
    other.reaches("svm_l2_writes_total", 1.0).await;
    let _ = finder.version(LATEST).await;

    for replica in [&finder, &other] {
        replica.github.publish("octo/app", "v2.0.0");
        replica.advance(Duration::from_millis(50));
    }
    assert_eq!(finder.refresh(LATEST).await.json()["tag_name"], "v2.0.0");
    other.advance(Duration::from_millis(50));
    other.until(async || other.version(LATEST).await.json()["tag_name"] == "v2.0.0").await;
    assert_eq!((finder.github.total_calls(), other.github.total_calls()), (1, 2));
    other.reaches("svm_l2_writes_total", 2.0).await;
}

#[tokio::test]
async fn a_record_that_redis_lacks_is_written_after_the_check() {
    let Some(server) = RedisServer::start() else { return };
    let [finder, other] =
        [writing_every(&server, "1h").await, writing_every(&server, "10ms").await];
    let _ = other.version(LATEST).await;
    other.reaches("svm_l2_writes_total", 1.0).await;
    server.command(&["DEL", &name("entry"), &name("check")]);

    finder.advance(Duration::from_millis(50));
    let _ = finder.version(LATEST).await;
    other.advance(Duration::from_millis(100));
    other.reaches("svm_l2_writes_total", 2.0).await;
    assert_eq!((finder.github.total_calls(), other.github.total_calls()), (1, 2));
}

#[tokio::test]
async fn leases_without_a_known_check_end_to_count() {
    let Some(server) = RedisServer::start() else { return };
    let app = writing_every(&server, "10ms").await;
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    let lease = || server.command(&["SET", &name("lease"), "another", "PX", "2500"]);
    for interval in 0..3 {
        lease();
        app.advance(INTERVAL);
        let is_noted = async || {
            lease();
            app.metric(LEASED).await > f64::from(interval)
        };
        app.until(is_noted).await;
    }
    assert_eq!(app.github.total_calls(), 1);
    app.advance(INTERVAL);
    let is_checked = async || {
        lease();
        app.github.total_calls() == 2
    };
    app.until(is_checked).await;
}
