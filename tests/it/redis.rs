//! An outage of Redis that nobody notices: the binary on a real server, behind a proxy that breaks the network.
//!
//! Each fault is a few lines: a [`Scene`], what goes wrong, what the service makes of it ([`Scene::goes_without`] or
//! [`Scene::goes_on_reading`]), what ends it, and how the service heals. What the store makes of faults by itself is
//! tested in `redis_store`. Each test has a server of its own and is skipped where there is none.

mod clients;
mod health;
mod login;
mod network;
mod outage;
mod records;
mod replicas;
mod scene;
mod server;
mod tls;
mod writes;

use self::outage::{REFUSES, SILENT};
use self::scene::{Plan, Scene};
