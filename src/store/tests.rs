//! The store of the tests, shared with the integration tests.

#[path = "../../tests/support/in_process.rs"]
#[expect(unreachable_pub, reason = "the integration tests share it as a harness does")]
pub(crate) mod in_process;
