//! Replicas in the process of the test, for tests of contents: they wait for a read even on a busy
//! machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::support::app::{Answer, TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::Failure;
use crate::support::redis_server::{RedisServer, Reply};

const BOUND: Duration = Duration::from_secs(10);

/// Returns a replica on the server at this address.
pub(super) fn on(address: SocketAddr) -> TestAppBuilder {
    TestApp::builder().set("REDIS_HOST", &address.to_string())
}

/// Waits until this number of replicas have probed the server. Before that, a read finds no
/// connection.
#[track_caller]
pub(super) fn connected(server: &RedisServer, replicas: usize) -> impl Future<Output = ()> {
    eventually(move || {
        let Reply::Text(clients) = server.command(&["CLIENT", "LIST"]) else { return false };
        let clients = String::from_utf8_lossy(&clients);
        clients.lines().filter(|client| client.contains(" cmd=getrange ")).count() >= replicas
    })
}

/// Requests a document that GitHub refuses, until the server has it.
pub(super) async fn only_redis_has(app: &TestApp, target: &str) -> Answer {
    app.github.failing_on("api.github.com", target, Failure::ServerError502);
    let asking = async {
        loop {
            let answer = app.version(&format!("https://api.github.com{target}")).await;
            if answer.status == 200 {
                return answer;
            }
        }
    };
    let answer = timeout(BOUND, asking).await.expect("a document that is on the server");
    assert!(is_read_from_redis(&answer), "{}", answer.summary());
    answer
}

/// Returns true if the document comes from the server.
pub(super) fn is_read_from_redis(answer: &Answer) -> bool {
    answer.header("cache-status").ends_with("; detail=l2")
}
