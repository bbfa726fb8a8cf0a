//! svm answers requests for GitHub's release metadata: it fetches a document once, keeps it in
//! memory and on disk, revalidates it with requests that cost no quota, and continues to answer
//! while GitHub or the disk is down.
//!
//! # The path of a request
//!
//! ```text
//! GET /version?url=U     GET /repos/…
//!   │ http::version      │ http::mirror     then Target::parse          → 400, 404, 415
//!   ▼                    ▼
//! http::documents        one way for both interfaces
//!   ▼
//! Cache::recall(target, Demand), then Cache::wait
//!   │ 1 memory           L1; a fresh entry is a hit, and nothing else happens
//!   ▼
//! flight                 one task for each key; later requests for the key wait for it
//!   │ 2 write_behind, store      waiting writes, then L2, within a budget
//!   │ 3 upstream         a conditional GET: token, redirects, limits, one deadline
//!   │ 4 policy::verdict  store, freshen, forget, or keep the previous entry
//!   │ 5 memory, write_behind     L1 at once, L2 behind the request
//!   ▼
//! policy::answer         each waiter reads the flight's result by its own demand
//!   ▼
//! http::render           status, headers, bytes
//! ```
//!
//! # The modules, in reading order
//!
//! [`target`] defines the allowed URLs, [`cache`] the stored documents and their lifetimes,
//! [`upstream`] the calls to GitHub, [`store`] the data that outlives the process, [`http`] the
//! interface for clients. [`app`] is the only place that connects them, from a [`config::Config`].
//! All of them use [`clock`], [`tasks`], [`metrics`] and [`telemetry`].

pub mod target;

pub mod entry;

pub mod cache;
pub mod upstream;

pub mod store;

pub mod activity;
pub mod revalidate;

pub mod http;

pub mod app;
pub mod commands;
pub mod config;
pub mod container;
pub mod descriptors;
pub mod dotenv_file;

pub mod backoff;
pub mod build_info;
pub mod clock;
pub mod gzip;
mod hex;
mod json;
mod look_ups;
pub mod metrics;
pub mod panics;
pub mod secret;
mod small_file;
pub mod tasks;
pub mod telemetry;
pub mod tls;
mod words;

// Unit tests share code with the integration tests, which call this crate by its name.
#[cfg(test)]
extern crate self as svm;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
