//! A bounded queue of changes for L2: one change per key, and one batch in flight.
//!
//! It is pure: `now` is an argument, and nothing waits or writes. A change in flight is still
//! visible to [`Queue::peek`], and a newer change of its key takes precedence. If its batch fails,
//! it returns to the front, unless it is too old or the newer change has replaced it. Changes in
//! flight count towards the bounds, so a store that hangs does not enlarge the queue by a batch.

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
    /// The store will have this entry.
    Put(Arc<Entry>),
    /// The store will have no record.
    Removed,
}

/// Counts of the changes that were pushed and no longer wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueTally {
    pub(super) pushed: u64,
    pub(super) flushed: u64,
    pub(super) replaced: u64,
    pub(super) dropped_overflow: u64,
    pub(super) dropped_age: u64,
}

/// The changes that wait, and those in flight.
#[derive(Debug)]
pub(super) struct Queue {
    limits: QueueBounds,
    /// In the order of the pushes; a number identifies one push.
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
    /// Returns true if this change takes precedence over a later push of its key: its check is
    /// later, at a time that has come by now. Otherwise a clock that was ahead has dated it.
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

    /// Adds a change. It replaces a waiting change of its key, unless that one has a later check,
    /// and its age starts now. Beyond the bounds, the oldest changes are dropped; returns their
    /// keys.
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

    /// Returns true if the queue is full enough to be written before the interval ends.
    pub(super) fn is_half_full(&self) -> bool {
        self.len() * 2 >= self.limits.keys || self.bytes * 2 >= self.limits.bytes
    }

    /// Returns the newest change of a key, waiting or in flight.
    pub(super) fn peek(&self, key: &Key) -> Option<Peeked> {
        let waiting = self.waiting_of(key).map(|(_, pushed)| pushed);
        let pushed = waiting.or_else(|| self.in_flight_of(key))?;
        Some(match &pushed.change {
            Change::Put { entry, .. } => Peeked::Put(Arc::clone(entry)),
            Change::Remove { .. } => Peeked::Removed,
        })
    }

    /// Moves the oldest changes into flight, one batch at a time. Returns `None` while a batch is
    /// in flight, or if there is nothing to write.
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

    /// Ends the batch in flight as written.
    pub(super) fn batch_done(&mut self) {
        self.tally.flushed += self.in_flight.len() as u64;
        let landed = std::mem::take(&mut self.in_flight);
        self.bytes -= landed.values().map(|pushed| weight(&pushed.change)).sum::<usize>();
    }

    /// Ends the batch in flight as failed: its changes wait again in their old order, except for
    /// those past their age. Only changes that were tried expire: a long interval or a step of the
    /// clock loses nothing while the store works. Returns the keys of the dropped changes.
    pub(super) fn batch_failed(&mut self, now: Timestamp) -> Vec<Key> {
        let max_age = self.limits.max_age;
        // A change whose push lies in the future was pushed before the clock was set back. Its age
        // starts now.
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

    /// Cancels the batch in flight, whose outcome is unknown: its changes wait again in their old
    /// order.
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

    /// Returns how many bytes of bodies wait or are in flight.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn tally(&self) -> QueueTally {
        self.tally
    }

    /// Inserts a change, unless the waiting change of its key takes precedence. Only one of the two
    /// stays.
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

    /// Returns the change of a key in flight. A linear search suffices: a batch is small, and only
    /// L1 misses need this.
    fn in_flight_of(&self, key: &Key) -> Option<&Pushed> {
        self.in_flight.values().find(|pushed| pushed.change.key() == *key)
    }
}

/// Returns the weight of a change: the bytes of its body, 0 for a removal. The gzip form does not
/// count, since it may be made between insertion and removal, and both must weigh the same. It adds
/// a tenth to a typical body, and at most nine tenths.
fn weight(change: &Change) -> usize {
    match change {
        Change::Put { entry, .. } => entry.body.len(),
        Change::Remove { .. } => 0,
    }
}

#[cfg(test)]
mod tests;
