//! A fixed-size cache of computed values.
//!
//! A value is admitted when it is computed twice in a row in its set, so one-off requests cost
//! almost nothing and evict nothing. A set has room for two values: with 4,096 sets of one value, a
//! fifth of 1,000 values in demand would share a set with another one. No caller waits for a set:
//! if the set is locked, the caller computes the value again.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// The number of values in a set.
const WAYS: usize = 2;

/// A cache of a `V` for each `Q`.
pub(super) struct TwoHitCache<Q: ToOwned + ?Sized, V> {
    hasher: RandomState,
    sets: Sets<Q::Owned, V>,
}

type Sets<K, V> = Box<[Mutex<Set<K, V>>]>;

/// The values whose hashes lead to this set.
struct Set<K, V> {
    /// The hash of the query whose value was last computed for this set.
    last: Option<u64>,
    /// The admitted values, the latest one first.
    known: [Option<Admitted<K, V>>; WAYS],
}

struct Admitted<K, V> {
    hash: u64,
    query: K,
    value: V,
}

impl<Q: Hash + Eq + ToOwned + ?Sized, V: Clone> TwoHitCache<Q, V> {
    /// Creates an empty cache for this number of values.
    pub(super) fn with_slots(slots: usize) -> Self {
        let set = |_| Mutex::new(Set { last: None, known: [const { None }; WAYS] });
        let sets = (0..slots.div_ceil(WAYS)).map(set).collect();
        Self { hasher: RandomState::default(), sets }
    }

    /// Returns the value for `query`, from the cache or by `compute`. Failures are not cached.
    pub(super) fn get<E>(&self, query: &Q, compute: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        if let Some(known) = self.recall(query, |_| true) {
            return Ok(known);
        }
        let value = compute()?;
        self.admit(query, || value.clone());
        Ok(value)
    }

    /// Returns the cached value for `query`, if `holds` returns true for it.
    pub(super) fn recall(&self, query: &Q, holds: impl FnOnce(&V) -> bool) -> Option<V> {
        self.with(query, |value| holds(value).then(|| value.clone()))?
    }

    /// Passes the cached value for `query` to `read`, which may update the value.
    pub(super) fn with<R>(&self, query: &Q, read: impl FnOnce(&mut V) -> R) -> Option<R> {
        let hash = self.hasher.hash_one(query);
        let mut set = self.set(hash).try_lock()?;
        let mut known = set.known.iter_mut().flatten();
        let known = known.find(|known| known.hash == hash && known.query.borrow() == query)?;
        Some(read(&mut known.value))
    }

    /// Caches a value that was computed for `query`, if the last value computed for the set had the
    /// same query. The new value replaces an older value for the query, or else the value that was
    /// admitted first.
    pub(super) fn admit(&self, query: &Q, value: impl FnOnce() -> V) {
        let hash = self.hasher.hash_one(query);
        let Some(mut set) = self.set(hash).try_lock() else { return };
        if set.last == Some(hash) {
            let of_query =
                |known: &Option<Admitted<_, _>>| known.as_ref().is_some_and(|it| it.hash == hash);
            let place = set.known.iter().position(of_query).unwrap_or(WAYS - 1);
            set.known[place] = Some(Admitted { hash, query: query.to_owned(), value: value() });
            set.known[..=place].rotate_right(1);
        }
        set.last = Some(hash);
    }

    fn set(&self, hash: u64) -> &Mutex<Set<Q::Owned, V>> {
        &self.sets[hash as usize % self.sets.len()]
    }

    /// Returns the number of cached values.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.sets.iter().map(|set| set.lock().known.iter().flatten().count()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const SLOTS: usize = 64;

    /// Returns the length of a text from the cache, and true if the cache had to compute it.
    fn ask(cache: &TwoHitCache<str, usize>, query: &str) -> (usize, bool) {
        let mut worked = false;
        let Ok(length) = cache.get(query, || {
            worked = true;
            Ok::<_, Infallible>(query.len())
        });
        (length, worked)
    }

    #[test]
    fn a_value_is_cached_on_its_second_request() {
        let cache = TwoHitCache::with_slots(SLOTS);
        let worked = [1, 2, 3, 4].map(|_| ask(&cache, "four"));
        assert_eq!(worked, [(4, true), (4, true), (4, false), (4, false)]);
    }

    #[test]
    fn nothing_answers_for_anything_else() {
        // All queries fall into one set.
        let cache = TwoHitCache::with_slots(1);
        for query in ["a", "bb", "ccc", "a", "bb"] {
            for _ in 0..3 {
                assert_eq!(ask(&cache, query).0, query.len());
            }
            assert_eq!(ask(&cache, query), (query.len(), false));
        }
    }

    #[test]
    fn a_one_off_request_evicts_nothing() {
        let cache = TwoHitCache::with_slots(SLOTS);
        for number in 0..100 * SLOTS {
            ask(&cache, &number.to_string());
        }
        assert_eq!(cache.remembered(), 0);
    }

    #[test]
    fn failures_are_not_remembered() {
        let cache = TwoHitCache::<str, usize>::with_slots(SLOTS);
        for _ in 0..3 {
            assert_eq!(cache.get("x", || Err("no")), Err("no"));
        }
        assert_eq!(cache.remembered(), 0);
    }

    #[test]
    fn two_values_of_one_set_do_not_evict_each_other() {
        let cache = TwoHitCache::with_slots(WAYS);
        for query in ["a", "bb"] {
            for _ in 0..2 {
                ask(&cache, query);
            }
        }
        for query in ["a", "bb", "a", "bb"] {
            assert_eq!(ask(&cache, query), (query.len(), false));
        }
        for _ in 0..2 {
            ask(&cache, "ccc");
        }
        let computed = ["a", "bb", "ccc"].map(|query| ask(&cache, query).1);
        assert_eq!(computed, [true, false, false], "the first one made room");
    }

    #[test]
    fn a_locked_set_delays_no_caller() {
        let cache = TwoHitCache::with_slots(1);
        let _in_use = cache.sets[0].lock();
        assert_eq!([1, 2, 3].map(|_| ask(&cache, "x")), [(1, true); 3]);
    }
}
