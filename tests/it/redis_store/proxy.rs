//! Faults of the network between the store and the server.

use std::time::Duration;

use svm::clock::Stopwatch;
use svm::store::redis::Redis;
use svm::store::{Error, Store};

use super::{BUDGET, apply, body, entry, put, store_at, store_with};
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::noise::noise;
use crate::support::redis_server::{Options, RedisServer};

/// The time to connect, a short budget, and a margin for a busy machine.
const IN_TIME: Duration = Duration::from_secs(2);
const SHORT: Duration = Duration::from_millis(100);

/// Returns a store behind a proxy, with a document of this body.
async fn behind_a_proxy(server: &RedisServer, text: &str) -> (FaultProxy, Redis) {
    let proxy = FaultProxy::start(server.address()).await;
    let store = store_at(proxy.address()).await;
    apply(&store, &[put(&entry("a", 1, text))]).await.expect("a server that takes writes");
    (proxy, store)
}

async fn assert_heals(proxy: &FaultProxy, store: &Redis, text: &str) {
    proxy.set(Mode::Pass).await;
    store.probe(BUDGET).await.expect("a server that answers");
    let found = body(store, "a").await.expect("a server that is read");
    assert_eq!(found.expect("a body"), text);
    apply(store, &[put(&entry("a", 1, text))]).await.expect("a server that takes writes");
}

#[tokio::test]
async fn a_black_hole_is_left_in_time() {
    let Some(server) = RedisServer::start() else { return };
    let (proxy, store) = behind_a_proxy(&server, "body").await;
    proxy.set(Mode::BlackHole).await;
    // The first read uses the open connection, the second a new one, which does not work either.
    for _ in 0..2 {
        let waited = Stopwatch::start();
        let probe = store.probe(SHORT).await;
        assert!(matches!(probe, Err(Error::TooSlow(limit)) if limit == SHORT), "{probe:?}");
        assert!(waited.elapsed() < IN_TIME, "{:?}", waited.elapsed());
        body(&store, "a").await.unwrap_err();
    }
    assert_heals(&proxy, &store, "body").await;
}

#[tokio::test]
async fn a_login_that_nobody_answers_ends_in_time() {
    let Some(server) = Options::default().password("hunter2").start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    let store = store_with(&[("REDIS_HOST", &format!("redis://:hunter2@{}", proxy.address()))]);
    proxy.set(Mode::BlackHole).await;
    let waited = Stopwatch::start();
    let probe = store.probe(BUDGET * 100).await;
    assert!(matches!(probe, Err(Error::TooSlow(_))), "{probe:?}");
    assert!(waited.elapsed() < IN_TIME, "{:?}", waited.elapsed());
    proxy.set(Mode::Pass).await;
    store.probe(BUDGET).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_reset_or_refused_is_made_again() {
    let Some(server) = RedisServer::start() else { return };
    let (proxy, store) = behind_a_proxy(&server, "body").await;
    for mode in [Mode::Reset, Mode::Refuse] {
        proxy.set(mode).await;
        for _ in 0..2 {
            let found = body(&store, "a").await;
            assert!(matches!(found, Err(Error::Unavailable(_))), "{mode:?}: {found:?}");
            let probe = store.probe(BUDGET).await;
            assert!(matches!(probe, Err(Error::Unavailable(_))), "{mode:?}: {probe:?}");
            apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap_err();
        }
        assert_heals(&proxy, &store, "body").await;
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_off_is_no_answer() {
    let Some(server) = RedisServer::start() else { return };
    let text = noise(150_000);
    let (proxy, store) = behind_a_proxy(&server, &text).await;
    for length in [1, 6, 100, 99_999] {
        // The connection of reads has already had replies, so the test cuts a new one.
        proxy.set(Mode::Reset).await;
        body(&store, "a").await.unwrap_err();
        proxy.set(Mode::Pass).await;
        let fresh = store_at(proxy.address()).await;
        proxy.set(Mode::CutAfter(length + ":0\r\n".len())).await;
        let found = body(&fresh, "a").await;
        assert!(matches!(found, Err(Error::Unavailable(_))), "{length}: {found:?}");
        assert_heals(&proxy, &fresh, &text).await;
    }
}

#[tokio::test]
async fn a_slow_network_is_no_dead_one() {
    let Some(server) = RedisServer::start() else { return };
    let (proxy, store) = behind_a_proxy(&server, "body").await;
    proxy.set(Mode::Delay(SHORT)).await;
    let waited = Stopwatch::start();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "body");
    assert!(waited.elapsed() >= SHORT);
    let probe = store.probe(SHORT / 10).await;
    assert!(matches!(probe, Err(Error::TooSlow(_))), "{probe:?}");
    store.probe(SHORT * 20).await.unwrap();
    assert_heals(&proxy, &store, "body").await;
}
