//! The cache.

mod entry;
pub mod write_behind;

pub use entry::{Entry, RecentFailure, Times, Validators, entity_tag, entity_tag_of_digest};
