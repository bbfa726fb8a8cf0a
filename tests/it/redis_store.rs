//! The store on a real Redis: what it keeps there, what it makes of what others left there, and how
//! it comes back.
//!
//! The laws of every store are tested beside the store itself. Each test here has a server of its
//! own and is skipped where there is none.

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

/// The time of a probe in production, without the time to connect.
const BUDGET: Duration = Duration::from_millis(500);

/// The present of these tests.
const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn at(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// The store that a configuration asks for; it has not connected yet.
fn store_with(variables: &[(&str, &str)]) -> Redis {
    let required = [("GITHUB_PATS", "ghp_x"), ("API_USAGE_THRESHOLD", "0")];
    let vars = Vars::from_iter(required.iter().chain(variables).copied());
    let config = Config::from_vars(&vars).unwrap_or_else(|faults| panic!("{faults}"));
    let Choice::Redis(config) = config.store else { panic!("no Redis in {config:?}") };
    Redis::new(&config).expect("a client that can be set up")
}

/// A store at this address, connected.
async fn store_at(address: SocketAddr) -> Redis {
    let store = store_with(&[("REDIS_HOST", &address.to_string())]);
    store.probe(BUDGET).await.expect("a server that answers");
    store
}

/// A store on this server, connected.
pub(crate) async fn store_on(server: &RedisServer) -> Redis {
    store_at(server.address()).await
}

fn url(path: &str) -> String {
    format!("https://api.github.com/{path}")
}

fn key(path: &str) -> Key {
    Key::of(&url(path))
}

/// The digits of a key, as they are in the names of the server's keys.
fn digits(path: &str) -> String {
    key(path).to_string().replace("v1:", "")
}

fn name(kind: &str, path: &str) -> String {
    format!("svm:v1:{kind}:{}", digits(path))
}

/// An entry for a path, checked so many seconds from now.
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

/// The body that is stored for a path.
async fn body(store: &Redis, path: &str) -> Result<Option<Bytes>, Error> {
    Ok(store.read(key(path)).await?.map(|entry| entry.body.bytes().clone()))
}
