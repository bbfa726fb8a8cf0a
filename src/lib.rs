//! svm.
pub mod cache;
pub mod clock;
pub mod config;
pub mod http;
pub mod store;
pub mod target;
pub mod tasks;
pub mod upstream;
