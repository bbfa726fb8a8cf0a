//! The whole service on Redis.

use std::time::Duration;

use tokio::time::timeout;

use crate::LATEST;
use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::process::Setup;
use crate::support::redis_server::{Options, RedisServer};

const BOUND: Duration = Duration::from_secs(10);

fn on_redis(server: &RedisServer) -> TestAppBuilder {
    TestApp::builder().set("REDIS_HOST", &server.address().to_string())
}

/// Requests a document until one arrives. GitHub is down, so the document comes from the store once
/// that is connected.
async fn first_document(app: &TestApp) -> Answer {
    let asking = async {
        loop {
            let answer = app.version(LATEST).await;
            if answer.status == 200 {
                return answer;
            }
        }
    };
    timeout(BOUND, asking).await.expect("a document that is in the store")
}

#[tokio::test]
async fn a_document_fetched_by_one_replica_is_found_by_another() {
    let Some(server) = RedisServer::start() else { return };
    let mut one = on_redis(&server).start().await;
    one.github.release("octo/app").serve();
    let fetched = one.version(LATEST).await;
    one.reaches("svm_l2_writes_total", 1.0).await;

    let other = on_redis(&server).start().await;
    other.github.go_down().await;
    let found = first_document(&other).await;
    found.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
    assert_eq!(found.body, fetched.body);

    let report = one.restart().await;
    assert_eq!(report.lost, 0);
    one.github.go_down().await;
    assert_eq!(first_document(&one).await.body, fetched.body);
}

#[tokio::test]
async fn it_starts_without_redis_and_finds_it_when_it_comes() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    proxy.set(Mode::Refuse).await;
    let app = TestApp::builder().set("REDIS_HOST", &proxy.address().to_string());
    let app = app.start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    app.is_healthy("degraded").await;
    proxy.set(Mode::Pass).await;
    app.is_healthy("healthy").await;
    app.reaches("svm_l2_writes_total", 1.0).await;
}

#[tokio::test]
async fn a_frozen_redis_costs_a_miss_its_budget_and_a_hit_nothing() {
    let Some(server) = RedisServer::start() else { return };
    let app = on_redis(&server).production_read_budget().start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    server.pause();
    let _ = app.refresh(LATEST).await;
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    app.github.document_bytes("/repos/octo/other/releases/latest", b"{}".to_vec());
    let other = app.version("https://api.github.com/repos/octo/other/releases/latest").await;
    assert_eq!(other.header("x-cache"), "MISS");
    app.is_healthy("degraded").await;
    server.resume();
    app.is_healthy("healthy").await;
    app.reaches("svm_write_behind_depth", 0.0).await;
}

#[tokio::test]
async fn no_log_line_contains_the_password() {
    let Some(server) = Options::default().password("hunter2").start() else { return };
    for (password, health) in [("hunter2", "healthy"), ("hunter2x", "degraded")] {
        let url = format!("redis://default:{password}@{}", server.address());
        let setup = Setup::new().set("REDIS_HOST", &url).set("RUST_LOG", "trace");
        let svm = setup.start().await;
        let _ = svm.shows("/healthz", |answer| answer.json()["status"] == health).await;
        let ended = svm.terminate().await;
        let shown = format!("redis://{}/0", server.address());
        assert!(ended.stdout.contains(&shown), "the server is told: {}", ended.stdout);
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!told.contains("hunter2"), "{told}");
    }
}
