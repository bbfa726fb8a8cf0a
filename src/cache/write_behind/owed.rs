//! The keys of records that the queue had no room for. They are written from memory once it has.
//!
//! It is pure. A key is forgotten when too many are owed, the oldest first: then its record is
//! lost, until the next check of the document writes it.

use std::collections::{HashSet, VecDeque};

use crate::target::Key;

/// Keys that are owed: some megabytes of them.
const MOST: usize = 65_536;

/// Keys in the order in which their records were dropped.
#[derive(Debug, Default)]
pub(super) struct Owed {
    keys: HashSet<Key>,
    order: VecDeque<Key>,
}

impl Owed {
    /// Remembers a key; false if it was owed already.
    pub(super) fn add(&mut self, key: Key) -> bool {
        if !self.keys.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MOST {
            self.next();
        }
        true
    }

    /// Takes the key that has been owed longest.
    pub(super) fn next(&mut self) -> Option<Key> {
        let key = self.order.pop_front()?;
        self.keys.remove(&key);
        Some(key)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key::of(&number.to_string())
    }

    #[test]
    fn keys_come_back_in_their_order_and_once() {
        let mut owed = Owed::default();
        assert!(owed.add(key(1)) && owed.add(key(2)) && !owed.add(key(1)));
        assert_eq!([owed.next(), owed.next(), owed.next()], [Some(key(1)), Some(key(2)), None]);
        assert!(owed.add(key(1)));
    }

    #[test]
    fn beyond_the_bound_the_oldest_is_forgotten() {
        let mut owed = Owed::default();
        assert!((0..=MOST).all(|number| owed.add(key(number))));
        assert_eq!((owed.len(), owed.next()), (MOST, Some(key(1))));
    }
}
