//! Configuration.

pub mod duration;
