//! The way to GitHub.

mod secret;

pub use secret::{Fingerprint, Secret};
