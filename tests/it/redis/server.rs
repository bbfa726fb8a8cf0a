//! The server itself: frozen, paused, loading, full, or demoted to a replica.

use super::{Plan, REFUSES, SILENT, Scene};
use crate::support::eventually::eventually;
use crate::support::redis_server::{Options, RedisServer, Reply};

#[tokio::test]
async fn frozen() {
    let Some(scene) = Scene::start().await else { return };
    scene.server.pause();
    scene.goes_without(SILENT).await;
    scene.server.resume();
    scene.recovers().await;
}

#[tokio::test]
async fn paused_for_all_clients() {
    let Some(scene) = Scene::start().await else { return };
    // A pause stops all clients, also one that would end it, but not replicas.
    let mut replica = scene.server.session();
    replica.send(&["SYNC"]);
    eventually(|| info(&scene.server).contains("connected_slaves:1")).await;
    scene.server.command(&["CLIENT", "PAUSE", "60000"]);
    scene.goes_without(SILENT).await;
    replica.send(&["CLIENT", "UNPAUSE"]);
    scene.recovers().await;
}

#[tokio::test]
async fn loading() {
    let options = Options::default().setting("enable-debug-command", &["yes"]);
    let options = options.setting("rdbcompression", &["no"]);
    let Some(scene) = Plan::default().options(options).start().await else { return };
    let server = &scene.server;
    // The server loads for half a minute, and serves its clients after each of these keys.
    server.command(&["DEBUG", "POPULATE", "6000", "other", "2000"]);
    server.command(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
    server.command(&["CONFIG", "SET", "key-load-delay", "5000"]);
    let mut loader = server.session();
    loader.send(&["DEBUG", "RELOAD"]);
    eventually(|| says(&server.command(&["GET", "other:1"]), "LOADING")).await;
    scene.goes_without(REFUSES).await;
    server.command(&["CONFIG", "SET", "key-load-delay", "0"]);
    scene.recovers().await;
}

#[tokio::test]
async fn full() {
    let Some(scene) = Scene::start().await else { return };
    scene.server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    scene.goes_on_reading().await;
    scene.server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.writes_again().await;
}

#[tokio::test]
async fn a_replica_after_a_failover() {
    let at_once = || Options::default().setting("repl-diskless-sync-delay", &["0"]);
    let Some(mut scene) = Plan::default().options(at_once()).start().await else { return };
    let Some(new) = at_once().start() else { return };
    follow(&new, &scene.server).await;
    new.command(&["REPLICAOF", "NO", "ONE"]);
    follow(&scene.server, &new).await;
    scene.goes_on_reading().await;
    scene.proxy.lead_to(new.address());
    // The old server continues to run, and could still be read.
    let old = std::mem::replace(&mut scene.server, new);
    eventually(|| clients(&old) == 1).await;
    scene.writes_again().await;
}

/// Makes a server a replica, and waits until it has the data of the primary: until then, it
/// sometimes does not answer.
async fn follow(replica: &RedisServer, primary: &RedisServer) {
    let port = primary.address().port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]);
    eventually(|| info(replica).contains("master_link_status:up")).await;
}

fn info(server: &RedisServer) -> String {
    let Reply::Text(text) = server.command(&["INFO", "replication"]) else { panic!() };
    String::from_utf8(text).expect("text")
}

/// Returns the number of clients, including that of this request.
fn clients(server: &RedisServer) -> usize {
    let Reply::Text(text) = server.command(&["CLIENT", "LIST", "TYPE", "normal"]) else { panic!() };
    text.iter().filter(|byte| **byte == b'\n').count()
}

fn says(reply: &Reply, word: &str) -> bool {
    matches!(reply, Reply::Error(text) if text.starts_with(word))
}
