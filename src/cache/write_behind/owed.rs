//! The keys of changes that the queue dropped for lack of room. Memory supplies the changes again
//! later.
//!
//! It is pure. Beyond its bound the oldest keys are dropped; their changes are lost until the next
//! check of the document.

use std::collections::{HashSet, VecDeque};

use crate::target::Key;

/// The most keys: a few megabytes.
const MOST: usize = 65_536;

/// Keys in the order in which their changes were dropped.
#[derive(Debug, Default)]
pub(super) struct Owed {
    keys: HashSet<Key>,
    order: VecDeque<Key>,
}

impl Owed {
    /// Adds a key; returns false if it was there already.
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

    /// Removes and returns the oldest key.
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
