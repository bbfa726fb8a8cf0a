//! The integration tests: one binary, a module for each behaviour.

#[path = "../support.rs"]
#[expect(
    unreachable_pub,
    reason = "a test exports nothing; `pub` marks what a harness module offers the others"
)]
mod support;

mod conditional_clients;
mod hit;
mod negative;
mod outcomes;
mod refresh;
mod simulated_github;
mod surface;

/// A document that most tests ask for.
const LATEST: &str = "https://api.github.com/repos/octo/app/releases/latest";
/// Its path at the simulated GitHub.
const LATEST_PATH: &str = "/repos/octo/app/releases/latest";
