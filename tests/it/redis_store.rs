//! The store on a real Redis: its data there, its treatment of foreign data, and its recovery.
//!
//! The laws of all stores are tested beside the store itself. Each test here has a server of its
//! own and is skipped if there is no such program.

mod access;
mod bounds;
mod claims;
mod faults;
mod proxy;
mod records;
mod service;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use svm::clock::Timestamp;
use svm::config::{Config, Store as Choice, Vars};
use svm::entry::{Entry, Persisted, Times};
use svm::store::redis::Redis;
use svm::store::{Change, Error, Store};
use svm::target::Key;

use crate::support::redis_server::RedisServer;

/// The budget of a probe in production, without the time to connect.
const BUDGET: Duration = Duration::from_millis(500);

/// The current time of these tests.
const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn at(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// Returns the store of a configuration; it has not connected yet.
fn store_with(variables: &[(&str, &str)]) -> Redis {
    let required = [("GITHUB_PATS", "ghp_x"), ("API_USAGE_THRESHOLD", "0")];
    let vars = Vars::from_iter(required.iter().chain(variables).copied());
    let config = Config::from_vars(&vars).unwrap_or_else(|faults| panic!("{faults}"));
    let Choice::Redis(config) = config.store else { panic!("no Redis in {config:?}") };
    Redis::new(&config).expect("a client that can be set up")
}

/// Returns a connected store at this address.
async fn store_at(address: SocketAddr) -> Redis {
    let store = store_with(&[("REDIS_HOST", &address.to_string())]);
    store.probe(BUDGET).await.expect("a server that answers");
    store
}

/// Returns a connected store on this server.
pub(crate) async fn store_on(server: &RedisServer) -> Redis {
    store_at(server.address()).await
}

fn url(path: &str) -> String {
    format!("https://api.github.com/{path}")
}

fn key(path: &str) -> Key {
    Key::of(&url(path))
}

/// Returns the digits of a key, as in the names of the server's keys.
fn digits(path: &str) -> String {
    key(path).to_string().replace("v1:", "")
}

fn name(kind: &str, path: &str) -> String {
    format!("svm:v1:{kind}:{}", digits(path))
}

/// Returns an entry for a path whose check is this many seconds from now.
fn entry(path: &str, checked: u64, body: &str) -> Arc<Entry> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let times = Times { fetched_at: NOW, ..Times::starting(at(checked), Duration::from_secs(60)) };
    let persisted = Persisted::until(times.expires_at);
    Arc::new(Entry { persisted, ..Entry::new(url(path), StatusCode::OK, body, times) })
}

fn put(entry: &Arc<Entry>) -> Change {
    Change::Put { entry: Arc::clone(entry), keep_until: at(10_000) }
}

async fn apply(store: &Redis, batch: &[Change]) -> Result<(), Error> {
    store.apply(batch.into(), at(10)).await
}

/// Returns the stored body of a path.
async fn body(store: &Redis, path: &str) -> Result<Option<Bytes>, Error> {
    let read = store.read_many([key(path)].into()).await?.remove(0).expect("a record");
    Ok(read.map(|entry| entry.body.bytes().clone()))
}
