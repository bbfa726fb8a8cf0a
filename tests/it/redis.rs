//! Outages of Redis that no client notices: the binary on a real server, behind a proxy that breaks
//! the network.
//!
//! Each fault takes a few lines: a [`Scene`], the fault, the service's reaction
//! ([`Scene::goes_without`] or [`Scene::goes_on_reading`]), the end of the fault, and the recovery.
//! The tests of the store alone are in `redis_store`. Each test has a server of its own and is
//! skipped if there is no such program.

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
