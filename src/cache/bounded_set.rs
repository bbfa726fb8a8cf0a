//! A set that remembers the order in which its elements came, and forgets the oldest ones beyond
//! its bound. It is pure.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// At most `MOST` elements.
#[derive(Debug)]
pub(super) struct BoundedSet<T, const MOST: usize> {
    elements: HashSet<T>,
    order: VecDeque<T>,
}

impl<T, const MOST: usize> Default for BoundedSet<T, MOST> {
    fn default() -> Self {
        Self { elements: HashSet::new(), order: VecDeque::new() }
    }
}

impl<T: Copy + Eq + Hash, const MOST: usize> BoundedSet<T, MOST> {
    /// Adds an element; returns false if it was there already.
    pub(super) fn add(&mut self, element: T) -> bool {
        if !self.elements.insert(element) {
            return false;
        }
        self.order.push_back(element);
        if self.order.len() > MOST {
            self.next();
        }
        true
    }

    /// Removes and returns the oldest element.
    pub(super) fn next(&mut self) -> Option<T> {
        let element = self.order.pop_front()?;
        self.elements.remove(&element);
        Some(element)
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back_in_their_order_and_once() {
        let mut set = BoundedSet::<_, 8>::default();
        assert!(set.add(1) && set.add(2) && !set.add(1));
        assert_eq!([set.next(), set.next(), set.next()], [Some(1), Some(2), None]);
        assert!(set.add(1));
    }

    #[test]
    fn beyond_the_bound_the_oldest_is_forgotten() {
        let mut set = BoundedSet::<_, 65_536>::default();
        assert!((0..=65_536).all(|number| set.add(number)));
        assert_eq!((set.len(), set.elements.len(), set.next()), (65_536, 65_536, Some(1)));
    }
}
