//! A bounded queue of changes for L2, one a key, with one batch in flight.
//!
//! It is pure: `now` is an argument, nothing here waits or writes. The subtle thing is the life of
//! a change in flight. It still answers [`Queue::peek`], a newer change of its key goes before it,
//! and if its batch fails it comes back to the front, unless it is too old or that newer change has
//! made it pointless. Changes in flight count in the bounds: a store that hangs must not let the
//! queue grow by a batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::store::Change;
use crate::target::Key;

/// The bounds of the queue and of one batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueBounds {
    pub(super) keys: usize,
    pub(super) bytes: usize,
    pub(super) batch_keys: usize,
    pub(super) batch_bytes: usize,
    pub(super) max_age: Duration,
}

/// The effect of a key's newest change on the store.
#[derive(Clone, Debug)]
pub enum Peeked {
    /// This entry will be there.
    Put(Arc<Entry>),
    /// Nothing will be there.
    Removed,
}

/// The fate of every change that was pushed and is not waiting any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueTally {
    pub(super) pushed: u64,
    pub(super) flushed: u64,
    pub(super) replaced: u64,
    pub(super) dropped_overflow: u64,
    pub(super) dropped_age: u64,
}

/// Changes that wait, and those in flight.
#[derive(Debug)]
pub(super) struct Queue {
    limits: QueueBounds,
    /// In the order of the pushes; a number names one push.
    waiting: BTreeMap<u64, Pushed>,
    newest: HashMap<Key, u64>,
    in_flight: BTreeMap<u64, Pushed>,
    next: u64,
    bytes: usize,
    tally: QueueTally,
}

#[derive(Clone, Debug)]
struct Pushed {
    change: Change,
    at: Timestamp,
}

impl Pushed {
    /// Returns true if this change stays in spite of one of its key that was pushed later: it
    /// vouches for a later moment, which had come by then. Otherwise a clock that was ahead dated
    /// it.
    fn outlasts(&self, later: &Self) -> bool {
        let as_of = self.change.as_of();
        as_of > later.change.as_of() && as_of <= later.at
    }
}

impl Queue {
    pub(super) fn new(limits: QueueBounds) -> Self {
        Self {
            limits,
            waiting: BTreeMap::new(),
            newest: HashMap::new(),
            in_flight: BTreeMap::new(),
            next: 0,
            bytes: 0,
            tally: QueueTally::default(),
        }
    }

    /// Takes a change in; it replaces a waiting one of its key unless that one vouches for a later
    /// moment, and begins to age now. Beyond the bounds the oldest goes; the keys of those.
    pub(super) fn push(&mut self, change: Change, now: Timestamp) -> Vec<Key> {
        self.tally.pushed += 1;
        self.insert(self.next, Pushed { change, at: now });
        self.next += 1;
        let mut dropped = Vec::new();
        while self.is_over()
            && let Some(key) = self.forget_oldest()
        {
            self.tally.dropped_overflow += 1;
            dropped.push(key);
        }
        dropped
    }

    /// Returns true if it is time to write before the interval is over.
    pub(super) fn is_half_full(&self) -> bool {
        self.len() * 2 >= self.limits.keys || self.bytes * 2 >= self.limits.bytes
    }

    /// The newest change of a key, waiting or in flight.
    pub(super) fn peek(&self, key: &Key) -> Option<Peeked> {
        let waiting = self.waiting_of(key).map(|(_, pushed)| pushed);
        let pushed = waiting.or_else(|| self.in_flight_of(key))?;
        Some(match &pushed.change {
            Change::Put { entry, .. } => Peeked::Put(Arc::clone(entry)),
            Change::Remove { .. } => Peeked::Removed,
        })
    }

    /// Moves the oldest changes into flight, a batch at a time. `None` while a batch is in flight,
    /// or if there is nothing to write.
    pub(super) fn take_batch(&mut self) -> Option<Arc<[Change]>> {
        if !self.in_flight.is_empty() {
            return None;
        }
        let mut bytes = 0;
        while let Some(oldest) = self.waiting.first_entry() {
            bytes += weight(&oldest.get().change);
            let is_full = self.in_flight.len() >= self.limits.batch_keys
                || bytes > self.limits.batch_bytes && !self.in_flight.is_empty();
            if is_full {
                break;
            }
            let (number, pushed) = oldest.remove_entry();
            self.newest.remove(&pushed.change.key());
            self.in_flight.insert(number, pushed);
        }
        let batch: Arc<[_]> = self.in_flight.values().map(|pushed| pushed.change.clone()).collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// The batch in flight is in the store.
    pub(super) fn batch_done(&mut self) {
        self.tally.flushed += self.in_flight.len() as u64;
        let landed = std::mem::take(&mut self.in_flight);
        self.bytes -= landed.values().map(|pushed| weight(&pushed.change)).sum::<usize>();
    }

    /// The batch in flight is not in the store, or may not be: its changes wait again, where they
    /// were, but for those past their age. Only what was tried can be: a long interval or a step of
    /// the clock loses nothing while the store works. The keys of those that are dropped.
    pub(super) fn batch_failed(&mut self, now: Timestamp) -> Vec<Key> {
        let max_age = self.limits.max_age;
        // A change that was pushed ahead of now was so before the clock was set back, and ages from
        // now on.
        self.in_flight.values_mut().for_each(|pushed| pushed.at = pushed.at.min(now));
        let aged = self.in_flight.extract_if(.., |_, pushed| now.since(pushed.at) > max_age);
        let mut dropped = Vec::new();
        for (_, pushed) in aged {
            self.bytes -= weight(&pushed.change);
            self.tally.dropped_age += 1;
            dropped.push(pushed.change.key());
        }
        self.batch_cut_off();
        dropped
    }

    /// The batch in flight was given up before its outcome was known: its changes wait again, where
    /// they were.
    pub(super) fn batch_cut_off(&mut self) {
        for (number, pushed) in std::mem::take(&mut self.in_flight) {
            self.bytes -= weight(&pushed.change);
            self.insert(number, pushed);
        }
    }

    /// Returns how many changes wait or are in flight.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    /// The bytes of bodies that wait or are in flight.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn tally(&self) -> QueueTally {
        self.tally
    }

    /// Of two changes of a key one stays.
    fn insert(&mut self, number: u64, pushed: Pushed) {
        let key = pushed.change.key();
        if let Some((other, waiting)) = self.waiting_of(&key) {
            let stays =
                if other < number { waiting.outlasts(&pushed) } else { !pushed.outlasts(waiting) };
            self.tally.replaced += 1;
            if stays {
                return;
            }
            self.forget(other);
        }
        self.bytes += weight(&pushed.change);
        self.newest.insert(key, number);
        self.waiting.insert(number, pushed);
    }

    fn forget(&mut self, number: u64) {
        let Some(pushed) = self.waiting.remove(&number) else { return };
        self.bytes -= weight(&pushed.change);
        self.newest.remove(&pushed.change.key());
    }

    fn forget_oldest(&mut self) -> Option<Key> {
        let (&number, pushed) = self.waiting.first_key_value()?;
        let key = pushed.change.key();
        self.forget(number);
        Some(key)
    }

    fn is_over(&self) -> bool {
        self.len() > self.limits.keys || self.bytes > self.limits.bytes
    }

    fn waiting_of(&self, key: &Key) -> Option<(u64, &Pushed)> {
        let number = *self.newest.get(key)?;
        self.waiting.get(&number).map(|pushed| (number, pushed))
    }

    /// A batch is small, and this is asked only on an L1 miss.
    fn in_flight_of(&self, key: &Key) -> Option<&Pushed> {
        self.in_flight.values().find(|pushed| pushed.change.key() == *key)
    }
}

/// The body is what weighs; a removal has none. Its gzip form does not count: what is put in and
/// what is taken out have to weigh the same, and the form may be made in between. It adds a tenth
/// to a typical body, and at most nine tenths.
fn weight(change: &Change) -> usize {
    match change {
        Change::Put { entry, .. } => entry.body.len(),
        Change::Remove { .. } => 0,
    }
}

#[cfg(test)]
mod tests;
