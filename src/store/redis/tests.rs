//! The laws of every store, on a real server.

#[path = "../../../tests/support/canary.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the integration tests use the rest, and share it as a harness does"
)]
mod canary;
#[path = "../../../tests/support/certificates.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the integration tests use the rest, and share it as a harness does"
)]
mod certificates;
#[path = "../../../tests/support/redis_server.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the integration tests use the rest, and share it as a harness does"
)]
mod redis_server;

use std::path::PathBuf;

use redis_server::{Options, RedisServer};

use super::Redis;
use crate::config;
use crate::store::Store;
use crate::store::tests::laws::{a_record_of_a_clock_slightly_ahead_stays, every_timeless_law};

fn config(port: u16, ca_file: Option<PathBuf>) -> config::Redis {
    config::Redis {
        host: "localhost".to_owned(),
        port,
        tls: ca_file.map(|ca_file| config::RedisTls { ca_file: Some(ca_file) }),
        user: None,
        password: None,
        database: 3,
    }
}

#[tokio::test]
async fn redis_keeps_the_laws() {
    let Some(server) = RedisServer::start() else { return };
    let store = Redis::new(&config(server.address().port(), None)).unwrap();
    every_timeless_law(&store).await;
    a_record_of_a_clock_slightly_ahead_stays(&store).await;
}

#[tokio::test]
async fn redis_keeps_the_laws_through_tls() {
    let Some(server) = Options::default().tls().start() else { return };
    let store = Redis::new(&config(server.tls_address().port(), Some(server.ca_file()))).unwrap();
    every_timeless_law(&store).await;
    store.close().await;
    assert!(store.probe(std::time::Duration::from_secs(10)).await.is_err());
}
