//! Targets: what a client may ask for.

mod key;

pub use key::Key;
