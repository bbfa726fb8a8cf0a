//! Properties of every input from outside, for fuzzers and for their corpus.
//!
//! Each function takes arbitrary bytes, and panics if a property is violated. `fuzz/` holds a
//! program around each; the tests run them over the corpus in `fuzz/corpus`. No build of the
//! service contains this module.

mod accept;
mod duration;
mod env;
mod event;
mod forwarded;
mod identity;
mod link;
mod pointer;
mod query;
mod rate_limit;
mod record;
mod redis_url;
mod signature;
mod target;

#[cfg(test)]
mod corpus;

pub use accept::accept;
pub use duration::duration;
pub use env::env;
pub use event::event;
pub use forwarded::forwarded;
pub use identity::identity;
pub use link::link;
pub use pointer::pointer;
pub use query::query;
pub use rate_limit::rate_limit;
pub use record::record;
pub use redis_url::redis_url;
pub use signature::signature;
pub use target::target;

/// A part of a secret value; a corpus and a dictionary use it.
const CANARY: &str = "s3cr3tcanary";

/// Returns the bytes as text. Other bytes are refused long before the tested code.
fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}
