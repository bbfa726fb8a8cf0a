//! The laws of every store, and the in-memory store of the tests.

pub(crate) mod laws;

#[path = "../../tests/support/in_process.rs"]
#[expect(unreachable_pub, reason = "the integration tests share it as a harness does")]
pub(crate) mod in_process;
