//! svm.
pub mod cache;
pub mod clock;
pub mod store;
pub mod target;
pub mod upstream;
