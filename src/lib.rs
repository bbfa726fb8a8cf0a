//! svm.
pub mod app;
pub mod cache;
pub mod clock;
pub mod commands;
pub mod config;
pub mod http;
pub mod metrics;
pub mod store;
pub mod target;
pub mod tasks;
pub mod telemetry;
pub mod upstream;
