//! What must hold of every input from outside, for fuzzers and for their corpus.
//!
//! Each function takes bytes that anybody may have made up, and panics where a law is broken. `fuzz/` holds a program
//! around each; the tests run them over the corpus in `fuzz/corpus`. No build of the service holds this module.

mod duration;
mod env;
mod forwarded;
mod identity;
mod query;
mod rate_limit;
mod record;
mod redis_url;
mod target;

#[cfg(test)]
mod corpus;

pub use duration::duration;
pub use env::env;
pub use forwarded::forwarded;
pub use identity::identity;
pub use query::query;
pub use rate_limit::rate_limit;
pub use record::record;
pub use redis_url::redis_url;
pub use target::target;

/// In a value that must stay secret; a corpus and a dictionary bring it in.
const CANARY: &str = "s3cr3tcanary";

/// The bytes as text, if they are text: what is no text ends long before what is tested here.
fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}
