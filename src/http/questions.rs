//! A cache of parsed queries: the target and the `refresh` flag of each raw query string.
//!
//! To parse and check a URL takes longer than all the rest of a hit. The same bytes always mean the
//! same, so the raw query string is the key.

use std::sync::Arc;

use crate::cache::Demand;
use crate::target::{self, Policy, Target};

use super::marked::has_hash;
use super::memo::Memo;
use super::query::VersionQuery;

/// The number of cached queries: some MiB at most, and far more than are in steady demand.
const PLACES: usize = 4096;
/// The length in bytes from which queries are not cached.
const LONGEST: usize = 512;

/// The meaning of a query.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) target: Arc<Target>,
    pub(super) demand: Demand,
}

/// A parser of queries that caches its results.
pub(super) struct Questions {
    policy: Arc<Policy>,
    read: Memo<str, Question>,
}

impl Questions {
    /// Starts with an empty cache.
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        Self { policy, read: Memo::with_places(PLACES) }
    }

    /// Parses the raw query, without its question mark. Fails with a message for the client.
    pub(super) fn read(&self, raw: Option<&str>) -> Result<Question, String> {
        let raw = raw.unwrap_or_default();
        if raw.len() > LONGEST {
            return self.parse(raw);
        }
        self.read.get(raw, || self.parse(raw))
    }

    fn parse(&self, raw: &str) -> Result<Question, String> {
        // The query continues after the `#`, unparsed.
        if has_hash(raw) {
            return Err(target::Error::Fragment.to_string());
        }
        let query = VersionQuery::parse(Some(raw)).map_err(|error| error.to_string())?;
        let target = Target::parse(&query.url, &self.policy).map_err(|error| error.to_string())?;
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok(Question { target: Arc::new(target), demand })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "url=https%3A%2F%2Fapi.github.com%2Frepos%2Fo%2Fr&refresh=1";

    /// Returns true if the third answer to this query comes from the cache.
    fn is_remembered(raw: &str) -> bool {
        let questions = Questions::new(Arc::default());
        let [_, second, third] = [1, 2, 3].map(|_| questions.read(Some(raw)).unwrap().target);
        assert_eq!(second, third);
        Arc::ptr_eq(&second, &third)
    }

    #[test]
    fn a_query_is_remembered_unless_it_is_long() {
        assert!(is_remembered(RAW));
        let long = "r".repeat(LONGEST);
        assert!(!is_remembered(&format!("url=https://api.github.com/repos/o/{long}")));
    }

    #[test]
    fn what_is_remembered_is_what_was_asked() {
        let questions = Questions::new(Arc::default());
        for (raw, demand) in [
            (RAW.to_owned(), Demand::Refresh),
            (RAW.replace("refresh=1", "refresh=0"), Demand::Cached),
            (RAW.to_owned(), Demand::Refresh),
        ] {
            for _ in 0..3 {
                let question = questions.read(Some(&raw)).unwrap();
                assert_eq!(question.target.as_str(), "https://api.github.com/repos/o/r");
                assert_eq!(question.demand, demand);
            }
        }
        for _ in 0..3 {
            assert!(questions.read(Some("url=http://api.github.com/repos/o/r")).is_err());
            assert!(questions.read(None).is_err());
        }
    }
}
