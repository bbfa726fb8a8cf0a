//! The layers of a hit, from the innermost to the whole; a criterion group each.

pub(crate) mod contention;
pub(crate) mod memory;
mod picks;
pub(crate) mod recall;
mod releases;
pub(crate) mod service;
pub(crate) mod socket;
pub(crate) mod target;
