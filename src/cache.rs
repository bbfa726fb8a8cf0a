//! The cache.

mod entry;

pub use entry::{Entry, RecentFailure, Times, Validators, entity_tag, entity_tag_of_digest};
