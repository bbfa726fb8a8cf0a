//! The integration tests: one binary, a module for each behavior.

#[path = "../support.rs"]
#[expect(
    unreachable_pub,
    reason = "a test exports nothing; `pub` marks what a harness module offers the others"
)]
mod support;

mod abuse;
mod binary;
mod breaker;
mod clock;
mod coherence;
mod collapse;
mod compression;
mod conditional_clients;
mod connections;
mod crowd;
mod degraded;
mod eviction;
mod explain;
mod forged;
mod hit;
mod hostile;
mod https;
mod index;
mod limits;
mod log;
mod losses;
mod mirror;
mod model;
mod negative;
mod not_modified;
mod openapi;
mod outcomes;
mod pages;
mod parts;
mod quota;
mod redirects;
mod redis;
mod redis_store;
mod refresh;
mod refusals;
mod replicas;
mod reports;
mod restart;
mod revalidate;
mod simulated_github;
mod stale;
mod status_page;
mod surface;
mod tidy;
mod tokens;
mod upstream_faults;
mod webhooks;

/// A document that most tests request.
const LATEST: &str = "https://api.github.com/repos/octo/app/releases/latest";
/// The path of that document at the simulated GitHub.
const LATEST_PATH: &str = "/repos/octo/app/releases/latest";
