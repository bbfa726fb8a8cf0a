//! The integration tests: one binary, a module for each behaviour.

#[path = "../support.rs"]
#[expect(
    unreachable_pub,
    reason = "a test exports nothing; `pub` marks what a harness module offers the others"
)]
mod support;

mod simulated_github;
