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
pub(super) struct TwoHitCache<Q: ToOwned + ?Sized, V> {
    hasher: RandomState,
    slots: Slots<Q::Owned, V>,
}

type Slots<K, V> = Box<[Mutex<Slot<K, V>>]>;

struct Slot<K, V> {
    /// The hash of the query that was last computed here.
    last: Option<u64>,
    known: Option<(K, V)>,
}

impl<Q: Hash + Eq + ToOwned + ?Sized, V: Clone> TwoHitCache<Q, V> {
    /// Creates an empty cache with this number of slots.
    pub(super) fn with_slots(slots: usize) -> Self {
        let slot = |_| Mutex::new(Slot { last: None, known: None });
        Self { hasher: RandomState::default(), slots: (0..slots).map(slot).collect() }
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

    /// Returns the cached value for `query`, if it still `holds`.
    pub(super) fn recall(&self, query: &Q, holds: impl FnOnce(&V) -> bool) -> Option<V> {
        self.with(query, |value| holds(value).then(|| value.clone()))?
    }

    /// Passes the cached value for `query` to `read`, which may bring it up to date.
    pub(super) fn with<R>(&self, query: &Q, read: impl FnOnce(&mut V) -> R) -> Option<R> {
        let mut slot = self.slot(self.hasher.hash_one(query)).try_lock()?;
        let (known, value) = slot.known.as_mut()?;
        ((*known).borrow() == query).then(|| read(value))
    }

    /// Caches a value that was computed for `query`, if its slot has seen that before.
    pub(super) fn admit(&self, query: &Q, value: impl FnOnce() -> V) {
        let hash = self.hasher.hash_one(query);
        let Some(mut slot) = self.slot(hash).try_lock() else { return };
        if slot.last == Some(hash) {
            slot.known = Some((query.to_owned(), value()));
        }
        slot.last = Some(hash);
    }

    fn slot(&self, hash: u64) -> &Mutex<Slot<Q::Owned, V>> {
        &self.slots[hash as usize % self.slots.len()]
    }

    /// Returns the number of cached values.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.slots.iter().filter(|slot| slot.lock().known.is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const SLOTS: usize = 64;

    /// Returns the cached length of a text, and true if it was computed.
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
        // All queries fall into one slot.
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
    fn a_locked_slot_delays_no_caller() {
        let cache = TwoHitCache::with_slots(1);
        let _in_use = cache.slots[0].lock();
        assert_eq!([1, 2, 3].map(|_| ask(&cache, "x")), [(1, true); 3]);
    }
}
