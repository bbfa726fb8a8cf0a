//! The exchanges that wait for their slots, counted per host.
//!
//! A flight continues when its client leaves, so without a bound, impatient clients could queue
//! work without limit that no client needs. The bound is per host: a hanging host fills no other
//! host's queue.

use std::collections::HashMap;

use parking_lot::Mutex;

/// The most exchanges that wait for one host.
pub(super) const MOST_WAITING: usize = 4096;

/// The numbers of waiting exchanges by authority; a host without any is absent.
#[derive(Debug, Default)]
pub(super) struct SlotQueue(Mutex<HashMap<Box<str>, usize>>);

/// A waiting exchange, counted while this is held.
#[derive(Debug)]
pub(super) struct WaitingExchange<'a> {
    queue: &'a SlotQueue,
    host: &'a str,
}

impl SlotQueue {
    /// Joins the queue of a host, unless that is full.
    pub(super) fn join<'a>(&'a self, host: &'a str) -> Option<WaitingExchange<'a>> {
        let mut counts = self.0.lock();
        match counts.get_mut(host) {
            Some(count) if *count >= MOST_WAITING => return None,
            Some(count) => *count += 1,
            None => _ = counts.insert(host.into(), 1),
        }
        Some(WaitingExchange { queue: self, host })
    }
}

impl Drop for WaitingExchange<'_> {
    fn drop(&mut self) {
        let mut counts = self.queue.0.lock();
        if let Some(count) = counts.get_mut(self.host) {
            *count -= 1;
            if *count == 0 {
                counts.remove(self.host);
            }
        }
    }
}
