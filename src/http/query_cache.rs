//! A cache of parsed queries: for each raw query string, the target, the `refresh` flag and the
//! part that the client wants.
//!
//! Parsing and checking a URL takes longer than the rest of a hit. Equal query strings always have
//! the same meaning, so the raw query string is the key.

use std::sync::Arc;

use crate::cache::Demand;
use crate::target::{Policy, Target};

use super::question::Question;
use super::selection::Selection;
use super::two_hit_cache::TwoHitCache;

/// The number of cached queries. They take some MiB at most, and far fewer are in steady demand.
const SLOTS: usize = 4096;
/// The length in bytes up to which queries are cached.
const LONGEST: usize = 512;

/// The meaning of a query.
#[derive(Clone, Debug)]
pub(super) struct ParsedQuery {
    pub(super) target: Arc<Target>,
    pub(super) demand: Demand,
    /// The part of the document that the client wants; `None` for the whole document.
    pub(super) selection: Option<Arc<Selection>>,
}

/// A parser of queries that caches its results.
pub(super) struct QueryCache {
    policy: Arc<Policy>,
    read: TwoHitCache<str, ParsedQuery>,
}

impl QueryCache {
    /// Starts with an empty cache.
    pub(super) fn with_policy(policy: Arc<Policy>) -> Self {
        Self { policy, read: TwoHitCache::with_slots(SLOTS) }
    }

    /// Parses the raw query, without its question mark. Fails with a message for the client.
    pub(super) fn read(&self, raw: Option<&str>) -> Result<ParsedQuery, String> {
        let raw = raw.unwrap_or_default();
        if raw.len() > LONGEST {
            return self.parse(raw);
        }
        self.read.get(raw, || self.parse(raw))
    }

    fn parse(&self, raw: &str) -> Result<ParsedQuery, String> {
        let target_of = |url: &str| Target::parse(url, &self.policy);
        let question = Question::parse(Some(raw), &self.policy, target_of)?;
        let Question { target, demand, selection } = question;
        let selection = Some(selection).filter(|selection| !selection.is_all());
        Ok(ParsedQuery { target: Arc::new(target), demand, selection: selection.map(Arc::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "url=https%3A%2F%2Fapi.github.com%2Frepos%2Fo%2Fr&refresh=1";

    /// Returns true if the third answer to this query comes from the cache.
    fn is_remembered(raw: &str) -> bool {
        let queries = QueryCache::with_policy(Arc::default());
        let [_, second, third] = [1, 2, 3].map(|_| queries.read(Some(raw)).unwrap().target);
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
    fn a_cached_query_equals_a_parsed_one() {
        let queries = QueryCache::with_policy(Arc::default());
        for (raw, demand) in [
            (RAW.to_owned(), Demand::Refresh),
            (RAW.replace("refresh=1", "refresh=0"), Demand::Cached),
            (RAW.to_owned(), Demand::Refresh),
        ] {
            for _ in 0..3 {
                let query = queries.read(Some(&raw)).unwrap();
                assert_eq!(query.target.as_str(), "https://api.github.com/repos/o/r");
                assert_eq!(query.demand, demand);
            }
        }
        for _ in 0..3 {
            assert!(queries.read(Some("url=http://api.github.com/repos/o/r")).is_err());
            assert!(queries.read(None).is_err());
        }
    }

    #[test]
    fn a_pointer_with_a_replaced_character_is_refused() {
        let queries = QueryCache::with_policy(Arc::default());
        let read = |pointer: &str| {
            queries.read(Some(&format!("url=https://api.github.com/repos/o/r&pointer={pointer}")))
        };
        let message = read("/a@|5").unwrap_err();
        assert!(message.contains("%5E and %7C"), "{message}");
        assert!(read("/a@%7C5").is_ok() && read("/a@%5E5").is_ok());
    }
}
