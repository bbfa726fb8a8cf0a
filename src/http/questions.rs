//! What a query asks: which target, and whether it is to be refreshed.
//!
//! To read a URL as strictly as a target is read takes longer than all the rest of a hit that is ours. So what was read is
//! remembered by the very bytes that were read: the same bytes always mean the same. Only what was accepted is, and only
//! what has come twice, so that a flood of names that come once costs nothing and takes no place.
//!
//! The memory is a fixed number of places, each for whatever query falls there. Nobody waits for a place: who finds it in
//! use reads the query anew.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::cache::Demand;
use crate::target::{Policy, Target};

use super::query::VersionQuery;

/// Queries that are remembered: some MiB of them at most, and far more than are asked all the time.
const PLACES: usize = 4096;
/// Longer queries are read each time.
const LONGEST: usize = 512;

/// What a client wants to know.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) target: Arc<Target>,
    pub(super) demand: Demand,
}

/// Reads queries, and remembers what it has read.
pub(super) struct Questions {
    policy: Arc<Policy>,
    hasher: RandomState,
    places: Box<[Mutex<Place>]>,
}

#[derive(Default)]
struct Place {
    /// The hash of the query that was last read here and not remembered.
    last_read: u64,
    known: Option<Known>,
}

struct Known {
    raw: Box<str>,
    question: Question,
}

impl Questions {
    /// Nothing is remembered yet.
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        let places = (0..PLACES).map(|_| Mutex::default()).collect();
        Self { policy, hasher: RandomState::default(), places }
    }

    /// What the raw query, without its question mark, asks; else a sentence for the client.
    pub(super) fn read(&self, raw: Option<&str>) -> Result<Question, String> {
        let raw = raw.unwrap_or_default();
        if raw.len() > LONGEST {
            return self.parse(raw);
        }
        let hash = self.hasher.hash_one(raw);
        let place = &self.places[hash as usize % PLACES];
        if let Some(question) = place.try_lock().and_then(|place| place.recall(raw)) {
            return Ok(question);
        }
        let question = self.parse(raw)?;
        if let Some(mut place) = place.try_lock() {
            place.learn(hash, raw, &question);
        }
        Ok(question)
    }

    fn parse(&self, raw: &str) -> Result<Question, String> {
        let query = VersionQuery::parse(Some(raw)).map_err(|error| error.to_string())?;
        let target = Target::parse(&query.url, &self.policy).map_err(|error| error.to_string())?;
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok(Question { target: Arc::new(target), demand })
    }
}

impl Place {
    fn recall(&self, raw: &str) -> Option<Question> {
        self.known.as_ref().filter(|known| *known.raw == *raw).map(|known| known.question.clone())
    }

    /// Remembers what is read here twice in a row.
    fn learn(&mut self, hash: u64, raw: &str, question: &Question) {
        if self.last_read == hash {
            self.known = Some(Known { raw: raw.into(), question: question.clone() });
        }
        self.last_read = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = "url=https%3A%2F%2Fapi.github.com%2Frepos%2Fo%2Fr&refresh=1";

    fn questions() -> Questions {
        Questions::new(Arc::default())
    }

    fn remembered(questions: &Questions) -> usize {
        questions.places.iter().filter(|place| place.lock().known.is_some()).count()
    }

    #[test]
    fn what_is_asked_twice_is_remembered() {
        let questions = questions();
        let asked = [0, 1, 1, 1].map(|want| {
            let question = questions.read(Some(RAW)).unwrap();
            assert_eq!(question.demand, Demand::Refresh);
            assert_eq!(question.target.as_str(), "https://api.github.com/repos/o/r");
            assert_eq!(remembered(&questions), want);
            question.target
        });
        assert!(Arc::ptr_eq(&asked[2], &asked[3]));
        assert!(!Arc::ptr_eq(&asked[0], &asked[1]));
    }

    #[test]
    fn a_remembered_query_answers_for_no_other_bytes() {
        let questions = questions();
        for _ in 0..3 {
            questions.read(Some(RAW)).unwrap();
            // Whatever place the other one falls into.
            for place in &questions.places {
                let other = RAW.replace("refresh=1", "refresh=0");
                assert!(place.lock().recall(&other).is_none());
            }
        }
        let other = questions.read(Some(&RAW.replace("refresh=1", "refresh=0"))).unwrap();
        assert_eq!(other.demand, Demand::Cached);
    }

    #[test]
    fn neither_refusals_nor_long_queries_nor_names_that_come_once_are_remembered() {
        let questions = questions();
        let long = format!("url=https://api.github.com/repos/o/{}", "r".repeat(LONGEST));
        for _ in 0..3 {
            assert!(questions.read(Some("url=http://api.github.com/repos/o/r")).is_err());
            assert!(questions.read(None).is_err());
            assert!(questions.read(Some(&long)).is_ok());
        }
        for number in 0..PLACES {
            questions.read(Some(&format!("url=https://api.github.com/repos/o/{number}"))).unwrap();
        }
        assert_eq!(remembered(&questions), 0);
    }

    #[test]
    fn nobody_waits_for_a_place() {
        let questions = questions();
        let _guards: Vec<_> = questions.places.iter().map(|place| place.lock()).collect();
        assert!(questions.read(Some(RAW)).is_ok());
    }
}
