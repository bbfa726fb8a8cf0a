//! A record with times in the far future: its lifetime is bounded by the rules in force.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use svm::clock::{Clock, Timestamp};
use svm::config;
use svm::entry::{Entry, Persisted, Times};
use svm::store::embedded::Embedded;
use svm::store::{Change, Store};

use crate::support::app::{START, TestApp};
use crate::support::in_process::read_one;
use crate::support::redis_server::RedisServer;
use crate::{LATEST, LATEST_PATH};

const YEAR_9999: Timestamp = Timestamp::from_secs(253_402_300_799);
const DAY: Duration = Duration::from_secs(86_400);

fn forged(status: StatusCode, checked_at: Timestamp) -> Entry {
    let times = Times { expires_at: YEAR_9999, ..Times::starting(checked_at, Duration::ZERO) };
    let persisted = Persisted::until(YEAR_9999);
    Entry { persisted, ..Entry::new(LATEST, status, Bytes::from_static(b"{}"), times) }
}

/// Returns each kind of store with this record.
async fn stores_with(
    entry: Entry,
    folder: &tempfile::TempDir,
    server: Option<&RedisServer>,
) -> Vec<Arc<dyn Store>> {
    let entry = Arc::new(entry);
    let config =
        config::Embedded { dir: folder.path().join(entry.status.as_str()), max_bytes: 64 << 20 };
    let embedded = Embedded::open(&config, &Clock::System, DAY).await.expect("a free file").store;
    let mut stores: Vec<Arc<dyn Store>> = vec![Arc::new(embedded)];
    if let Some(server) = server {
        server.command(&["FLUSHALL"]);
        let redis = crate::redis_store::store_on(server).await;
        stores.push(Arc::new(redis));
    }
    for store in &stores {
        let put = Change::Put { entry: Arc::clone(&entry), keep_until: YEAR_9999 };
        store.apply([put].into(), START).await.expect("a store that works");
    }
    stores
}

#[tokio::test]
async fn an_expiry_in_the_far_future_is_not_believed() {
    let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start());
    for store in stores_with(forged(StatusCode::OK, START), &folder, server.as_ref()).await {
        let app = TestApp::builder().store(store).start().await;
        app.github.release("octo/app").serve();
        app.version(LATEST)
            .await
            .assert_summary("200 HIT upstream=0 svm; hit; ttl=86400; detail=l2");
        app.advance(DAY);
        let _ = app.version(LATEST).await;
        assert_eq!(app.github.calls(LATEST_PATH), 1);
    }
}

#[tokio::test]
async fn a_refusal_in_the_store_lives_no_longer_than_one_of_ours() {
    let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start());
    let entry = forged(StatusCode::NOT_FOUND, START);
    for store in stores_with(entry, &folder, server.as_ref()).await {
        let app = TestApp::builder().store(store).start().await;
        app.github.release("octo/app").serve();
        assert_eq!(app.version(LATEST).await.status, 404);
        app.advance(Duration::from_secs(300));
        assert_eq!(app.version(LATEST).await.status, 200);
    }
}

#[tokio::test]
async fn a_check_in_the_far_future_is_not_believed() {
    let (folder, server) = (tempfile::tempdir().unwrap(), RedisServer::start());
    for store in stores_with(forged(StatusCode::OK, YEAR_9999), &folder, server.as_ref()).await {
        let app = TestApp::builder().store(Arc::clone(&store)).start().await;
        app.github.release("octo/app").serve();
        assert_eq!(app.version(LATEST).await.header("x-cache"), "MISS");
        app.reaches("svm_l2_writes_total", 1.0).await;
        // The forged record was replaced.
        let stored = read_one(&*store, svm::target::Key::of(LATEST)).await.unwrap().unwrap();
        assert_eq!(stored.times.checked_at, START);
    }
}

#[tokio::test]
async fn a_shorter_lifetime_holds_for_what_is_stored_already() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart_with("CACHE_HARD_TTL", "1h").await;
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=3600; detail=l2");
}
