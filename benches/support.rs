//! The parts that the benches share: documents, a service that holds them, the floor beside it, and
//! a client.

pub(crate) mod client;
pub(crate) mod documents;
pub(crate) mod floor;
pub(crate) mod notes;
pub(crate) mod pair;
pub(crate) mod service;

#[path = "../tests/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the harness offers tests more than a bench needs"
)]
pub(crate) mod harness;

use tokio::runtime::{Builder, Runtime};

/// One thread for service, floor, client and simulated GitHub.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
