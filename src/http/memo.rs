//! A fixed-size cache of computed values.
//!
//! A value is admitted on its second consecutive request in its slot, so one-off requests cost
//! almost nothing and evict nothing. No caller waits for a slot: if the slot is locked, the caller
//! computes the value again.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// A cache of a `V` for each `Q`.
pub(super) struct Memo<Q: ToOwned + ?Sized, V> {
    hasher: RandomState,
    places: Places<Q::Owned, V>,
}

type Places<K, V> = Box<[Mutex<Place<K, V>>]>;

struct Place<K, V> {
    /// The hash of the query that was last computed here.
    last: Option<u64>,
    known: Option<(K, V)>,
}

impl<Q: Hash + Eq + ToOwned + ?Sized, V: Clone> Memo<Q, V> {
    /// Creates an empty cache with this number of slots.
    pub(super) fn with_places(places: usize) -> Self {
        let place = |_| Mutex::new(Place { last: None, known: None });
        Self { hasher: RandomState::default(), places: (0..places).map(place).collect() }
    }

    /// Returns the value for `query`, from the cache or by `work_out`. Failures are not cached.
    pub(super) fn get<E>(
        &self,
        query: &Q,
        work_out: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let hash = self.hasher.hash_one(query);
        let place = &self.places[hash as usize % self.places.len()];
        if let Some(known) = place.try_lock().and_then(|place| place.recall(query)) {
            return Ok(known);
        }
        let value = work_out()?;
        if let Some(mut place) = place.try_lock() {
            if place.last == Some(hash) {
                place.known = Some((query.to_owned(), value.clone()));
            }
            place.last = Some(hash);
        }
        Ok(value)
    }
}

impl<K, V: Clone> Place<K, V> {
    fn recall<Q: Eq + ?Sized>(&self, query: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.known.as_ref().filter(|(known, _)| known.borrow() == query).map(|(_, it)| it.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const PLACES: usize = 64;

    /// Returns the cached length of a text, and true if it was computed.
    fn ask(memo: &Memo<str, usize>, query: &str) -> (usize, bool) {
        let mut worked = false;
        let Ok(length) = memo.get(query, || {
            worked = true;
            Ok::<_, Infallible>(query.len())
        });
        (length, worked)
    }

    fn remembered(memo: &Memo<str, usize>) -> usize {
        memo.places.iter().filter(|place| place.lock().known.is_some()).count()
    }

    #[test]
    fn what_is_wanted_twice_is_remembered() {
        let memo = Memo::with_places(PLACES);
        let worked = [1, 2, 3, 4].map(|_| ask(&memo, "four"));
        assert_eq!(worked, [(4, true), (4, true), (4, false), (4, false)]);
    }

    #[test]
    fn nothing_answers_for_anything_else() {
        // All queries fall into one slot.
        let memo = Memo::with_places(1);
        for query in ["a", "bb", "ccc", "a", "bb"] {
            for _ in 0..3 {
                assert_eq!(ask(&memo, query).0, query.len());
            }
            assert_eq!(ask(&memo, query), (query.len(), false));
        }
    }

    #[test]
    fn what_is_wanted_once_takes_no_place() {
        let memo = Memo::with_places(PLACES);
        for number in 0..100 * PLACES {
            ask(&memo, &number.to_string());
        }
        assert_eq!(remembered(&memo), 0);
    }

    #[test]
    fn failures_are_not_remembered() {
        let memo = Memo::<str, usize>::with_places(PLACES);
        for _ in 0..3 {
            assert_eq!(memo.get("x", || Err("no")), Err("no"));
        }
        assert_eq!(remembered(&memo), 0);
    }

    #[test]
    fn nobody_waits_for_a_place() {
        let memo = Memo::with_places(1);
        let _in_use = memo.places[0].lock();
        assert_eq!([1, 2, 3].map(|_| ask(&memo, "x")), [(1, true); 3]);
    }
}
