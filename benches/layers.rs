//! The layers of a hit, from the innermost to the whole; a criterion group each.

pub(crate) mod contention;
pub(crate) mod memory;
pub(crate) mod recall;
pub(crate) mod service;
pub(crate) mod socket;
pub(crate) mod target;
