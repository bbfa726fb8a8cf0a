//! The harness: what the tests, the benches and the simulated GitHub's program share.

#[path = "support/eventually.rs"]
pub mod eventually;
#[path = "support/github.rs"]
pub mod github;
