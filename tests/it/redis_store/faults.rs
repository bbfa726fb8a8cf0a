//! A server that is read-only, full, frozen or down, and the recovery of the store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use svm::clock::Stopwatch;
use svm::entry::Check;
use svm::store::redis::Redis;
use svm::store::{Claim, Error, InUse, Store};
use svm::telemetry::chain;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{BUDGET, NOW, apply, at, body, entry, key, put, store_at, store_on, store_with};
use crate::support::eventually::eventually;
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::redis_server::{Options, RedisServer, Reply};

/// An address with a reserved port, at which no server listens.
const NOWHERE: &str = "127.0.0.1:1";

fn row(path: &str) -> InUse {
    let check = Some(Check { at: at(1), fetched_at: NOW });
    InUse { key: key(path), used_at: at(60), check }
}

fn claim(path: &str) -> Claim {
    let lease = Duration::from_secs(60);
    Claim { key: key(path), lease, spacing: Duration::ZERO, patience: Duration::ZERO }
}

/// Returns the error of a call, with its sources.
#[track_caller]
fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    chain(&result.expect_err("a fault"))
}

/// Repeats the call until it succeeds: a new connection is not replaced.
async fn until_it_works<F: Future<Output = Result<(), Error>>>(call: impl Fn() -> F) {
    let calling = async { while call().await.is_err() {} };
    timeout(Duration::from_secs(10), calling).await.expect("a server that is found");
}

/// Returns the number of accepted connections, including that of this request.
fn connections(server: &RedisServer) -> u64 {
    let Reply::Text(stats) = server.command(&["INFO", "stats"]) else { panic!() };
    let stats = String::from_utf8(stats).expect("text");
    let count = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    count.and_then(|count| count.parse().ok()).expect("a count of connections")
}

#[tokio::test]
async fn where_nobody_listens_every_call_fails_at_once() {
    let store = store_with(&[("REDIS_HOST", NOWHERE)]);
    assert!(told(store.probe(BUDGET).await).contains("refused"));
    let read = told(body(&store, "a").await);
    assert_eq!(read, "the store is unavailable: there is no connection to the server");
    assert!(told(apply(&store, &[put(&entry("a", 1, ""))]).await).contains("refused"));
    assert!(told(store.remember([row("a")].into(), NOW).await).contains("refused"));
    assert!(told(store.in_use(NOW).await).contains("refused"));
    assert!(told(store.claim(claim("a")).await).contains("refused"));
    store.sweep(NOW).await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_closed_stays_closed() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    store.close().await;
    let closed = "the store is unavailable: the store is closed";
    assert_eq!(told(store.probe(BUDGET).await), closed);
    assert_eq!(told(body(&store, "a").await), closed);
    assert_eq!(told(apply(&store, &[put(&entry("a", 1, ""))]).await), closed);
    assert_eq!(told(store.claim(claim("a")).await), closed);
}

#[tokio::test]
async fn a_store_that_is_closed_while_it_connects_stays_closed() {
    let Some(server) = Options::default().password("hunter2").start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    let store = store_with(&[("REDIS_HOST", &format!("redis://:hunter2@{}", proxy.address()))]);
    // The login is in progress when the store is closed.
    proxy.set(Mode::Delay(Duration::from_millis(50))).await;
    let (probe, ()) = tokio::join!(store.probe(BUDGET), store.close());
    assert_eq!(told(probe), "the store is unavailable: the store is closed");
}

#[tokio::test]
async fn a_server_that_wants_another_login_is_looked_for_elsewhere() {
    let Some(foreign) = Options::default().password("hunter2").start() else { return };
    let Some(right) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(foreign.address()).await;
    let store = store_with(&[("REDIS_HOST", &proxy.address().to_string())]);
    assert!(told(store.probe(BUDGET).await).contains("NOAUTH"));
    proxy.lead_to(right.address());
    until_it_works(|| store.probe(BUDGET)).await;
}

#[tokio::test]
async fn a_read_only_server_is_looked_for_elsewhere() {
    let Some(mut old) = RedisServer::start() else { return };
    let Some(new) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(old.address()).await;
    let store = store_at(proxy.address()).await;
    apply(&store, &[put(&entry("a", 1, "old"))]).await.unwrap();

    old.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = told(apply(&store, &[put(&entry("b", 1, "")), put(&entry("c", 1, ""))]).await);
    assert!(refused.contains("READONLY") && refused.contains("refuses 2 of"), "{refused}");
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "old", "reads go on meanwhile");

    proxy.lead_to(new.address());
    let newer = [put(&entry("a", 1, "new"))];
    until_it_works(|| apply(&store, &newer)).await;
    // Reads go there as well, once their connection is no longer new.
    until_it_works(async || {
        store.probe(BUDGET).await?;
        let found = body(&store, "a").await?;
        let is_new = found.as_ref().is_some_and(|body| body == "new");
        is_new.then_some(()).ok_or_else(|| Error::Unavailable(format!("{found:?}").into()))
    })
    .await;
    old.kill();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn a_server_without_its_master_is_looked_for_elsewhere() {
    let Some(old) = RedisServer::start() else { return };
    let Some(new) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(old.address()).await;
    let store = store_at(proxy.address()).await;
    old.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    old.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(told(store.probe(BUDGET).await).contains("MASTERDOWN"));
    proxy.lead_to(new.address());
    until_it_works(|| store.probe(BUDGET)).await;
    assert_eq!(body(&store, "a").await.unwrap(), None);
}

#[tokio::test]
async fn both_connections_lead_to_the_same_server_after_a_switch() {
    // Of the two connections, the one whose last command this was breaks.
    for last in ["evalsha", "getrange"] {
        let Some(old) = RedisServer::start() else { return };
        let Some(new) = RedisServer::start() else { return };
        let proxy = FaultProxy::start(old.address()).await;
        let [store, there] = [store_at(proxy.address()).await, store_on(&new).await];
        apply(&store, &[put(&entry("a", 1, "old"))]).await.unwrap();
        assert_eq!(body(&store, "a").await.unwrap().unwrap(), "old");

        proxy.lead_to(new.address());
        kill_connection(&old, last);
        until_it_works(async || {
            store.probe(BUDGET).await?;
            apply(&store, &[put(&entry("a", 2, "new"))]).await?;
            let found = [body(&store, "a").await?, body(&there, "a").await?];
            let is_new = found.iter().all(|body| body.as_ref().is_some_and(|body| body == "new"));
            is_new.then_some(()).ok_or_else(|| Error::Unavailable(format!("{found:?}").into()))
        })
        .await;
        // The old server has no client but for that of this command.
        eventually(|| clients(&old).len() == 1).await;
    }
}

fn clients(server: &RedisServer) -> Vec<String> {
    let Reply::Text(clients) = server.command(&["CLIENT", "LIST"]) else { panic!() };
    let clients = String::from_utf8(clients).expect("text");
    clients.lines().map(str::to_owned).collect()
}

/// Ends the connection whose last command was this one.
fn kill_connection(server: &RedisServer, last: &str) {
    let mut clients = clients(server);
    clients.retain(|client| client.contains(&format!(" cmd={last} ")));
    let [client] = &*clients else { panic!("{clients:?}") };
    let id = client.strip_prefix("id=").and_then(|rest| rest.split(' ').next()).expect("an id");
    server.command(&["CLIENT", "KILL", "ID", id]);
}

#[tokio::test]
async fn a_connection_that_cannot_be_replaced_goes_on_to_serve() {
    let Some(server) = Options::default().password("hunter2").start() else { return };
    let store = store_with(&[("REDIS_HOST", &format!("redis://:hunter2@{}", server.address()))]);
    store.probe(BUDGET).await.unwrap();
    apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap();
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = told(apply(&store, &[put(&entry("b", 1, ""))]).await);
    assert!(refused.contains("READONLY"), "{refused}");
    // From here on, the server refuses each login.
    server.command(&["CONFIG", "SET", "maxclients", "1"]);
    let waited = Stopwatch::start();
    while waited.elapsed() < Duration::from_millis(1_500) {
        store.probe(BUDGET).await.unwrap();
        let refused = told(apply(&store, &[put(&entry("b", 1, ""))]).await);
        assert!(refused.contains("READONLY"), "{refused}");
    }
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "body");
}

#[tokio::test]
async fn a_read_only_server_causes_no_connection_for_each_call() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    let (waited, before) = (Stopwatch::start(), connections(&server));
    for number in 0..50 {
        let refused = told(store.claim(claim(&number.to_string())).await);
        assert!(refused.contains("READONLY"), "{refused}");
        store.probe(BUDGET).await.unwrap();
    }
    let made = connections(&server) - before - 1;
    // Each of the two connections may be replaced once a second.
    let most = 2 * (1 + waited.elapsed().as_secs());
    assert!(made <= most, "{made} in {:?}", waited.elapsed());
}

#[tokio::test]
async fn the_probe_finds_a_connection_that_was_closed_while_idle() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap();
    let kill = || server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
    kill();
    let _ = store.probe(BUDGET).await;
    apply(&store, &[put(&entry("a", 2, "body"))]).await.expect("at the first try");
    kill();
    let _ = store.probe(BUDGET).await;
    store.remember([row("a")].into(), NOW).await.expect("at the first try");
    store.probe(BUDGET).await.unwrap();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "body");
}

#[tokio::test]
async fn a_full_server_takes_no_batch_and_goes_on_to_be_read() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    apply(&store, &[put(&entry("a", 1, "old"))]).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = told(apply(&store, &[put(&entry("a", 2, "new"))]).await);
    assert!(refused.contains("OOM"), "{refused}");
    assert!(told(store.remember([row("a")].into(), NOW).await).contains("OOM"));
    assert!(told(store.claim(claim("a")).await).contains("OOM"));
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "old");
    store.probe(BUDGET).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    apply(&store, &[put(&entry("a", 2, "new"))]).await.unwrap();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "new");
}

#[tokio::test]
async fn a_server_that_cannot_answer_yet_keeps_its_connection() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap();
    server.command(&["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(told(body(&store, "a").await).contains("MASTERDOWN"));
    assert!(told(store.probe(BUDGET).await).contains("MASTERDOWN"));
    server.command(&["REPLICAOF", "NO", "ONE"]);
    // No probe has connected again.
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "body");
}

#[tokio::test]
async fn a_server_that_comes_back_elsewhere_is_found_by_the_probe() {
    let Some(mut server) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    let store = store_at(proxy.address()).await;
    apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap();
    server.kill();
    told(body(&store, "a").await);
    told(apply(&store, &[put(&entry("a", 1, "body"))]).await);
    told(store.probe(BUDGET).await);

    server.restart_on_new_port();
    proxy.lead_to(server.address());
    told(body(&store, "a").await);
    store.probe(BUDGET).await.unwrap();
    assert_eq!(body(&store, "a").await.unwrap(), None, "another server, and an empty one");
    apply(&store, &[put(&entry("a", 1, "again"))]).await.unwrap();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "again");
}

#[tokio::test]
async fn a_frozen_server_fails_the_probe_in_time_and_is_found_again() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    apply(&store, &[put(&entry("a", 1, "body"))]).await.unwrap();
    server.pause();
    let waited = Stopwatch::start();
    let budget = Duration::from_millis(20);
    let probe = store.probe(budget).await;
    assert!(matches!(probe, Err(Error::TooSlow(limit)) if limit == budget), "{probe:?}");
    // From here on, no read waits.
    told(body(&store, "a").await);
    assert!(waited.elapsed() < Duration::from_secs(1), "{:?}", waited.elapsed());
    server.resume();
    store.probe(BUDGET).await.unwrap();
    assert_eq!(body(&store, "a").await.unwrap().unwrap(), "body");
}

#[tokio::test]
async fn an_abandoned_call_leaves_no_dead_connection() {
    let Some(server) = RedisServer::start() else { return };
    let store = store_on(&server).await;
    server.pause();
    let given_up = timeout(Duration::from_millis(20), store.probe(BUDGET)).await;
    assert!(given_up.is_err());
    let read = told(body(&store, "a").await);
    assert!(read.ends_with("there is no connection to the server"), "{read}");
    server.resume();
}

/// Starts reads, and gives up half of them at once. Returns the results of the others.
async fn hasty_reads(store: &Arc<Redis>, server: &RedisServer) -> Vec<(usize, Option<Bytes>)> {
    let mut given_up = JoinSet::new();
    let mut patient = JoinSet::new();
    for number in 0..1_000 {
        let store = Arc::clone(store);
        given_up.spawn(async move {
            let read = store.read_many([key(&number.to_string())].into());
            assert!(timeout(Duration::from_millis(1), read).await.is_err(), "it is frozen");
        });
    }
    for number in 0..100 {
        let store = Arc::clone(store);
        patient.spawn(async move {
            let found = body(&store, &number.to_string()).await;
            (number, found.ok().flatten())
        });
    }
    given_up.join_all().await;
    server.resume();
    patient.join_all().await
}

#[tokio::test]
async fn reads_that_are_given_up_never_mix_up_replies() {
    let Some(server) = RedisServer::start() else { return };
    let store = Arc::new(store_on(&server).await);
    let batch =
        (0..100).map(|number| put(&entry(&number.to_string(), 1, &format!("body {number}"))));
    let batch: Vec<_> = batch.collect();
    apply(&store, &batch).await.unwrap();
    for _ in 0..3 {
        server.pause();
        for (number, found) in hasty_reads(&store, &server).await {
            // On a busy machine, the patient reads may time out.
            let Some(found) = found else { continue };
            assert_eq!(found, format!("body {number}"));
        }
        store.probe(BUDGET * 10).await.unwrap();
        for number in 0..100 {
            let found = body(&store, &number.to_string()).await.unwrap();
            assert_eq!(found.unwrap(), format!("body {number}"));
        }
    }
}
