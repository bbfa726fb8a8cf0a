//! What is known of all tokens, and which of them may be used.
//!
//! Pure: times are the caller's, and whoever shares it locks it.

use crate::clock::Timestamp;
use crate::upstream::{Fingerprint, Priority};

use super::Tried;
use super::state::State;

/// The tokens by their places in the configuration.
#[derive(Debug)]
pub(in crate::upstream) struct Pool {
    fingerprints: Vec<Fingerprint>,
    pub(super) states: Vec<State>,
    usage_threshold: u64,
    next: usize,
}

impl Pool {
    pub(super) fn new(fingerprints: Vec<Fingerprint>, usage_threshold: u64) -> Self {
        let states = fingerprints.iter().map(|_| State::default()).collect();
        Self { fingerprints, states, usage_threshold, next: 0 }
    }

    /// A token for a request: those with enough quota take turns, then those below the threshold, at which the
    /// background stops; else the moment when one is usable again.
    pub(in crate::upstream) fn choose(
        &self,
        priority: Priority,
        tried: &Tried,
        now: Timestamp,
    ) -> Result<usize, Timestamp> {
        let count = self.states.len();
        let turns = (0..count).map(|turn| (self.next + turn) % count);
        let usable = |&index: &usize| self.is_usable(index, tried, now);
        let may_run_low = priority == Priority::Foreground;
        turns
            .clone()
            .filter(usable)
            .find(|&index| self.has_enough(index, now))
            .or_else(|| turns.filter(usable).find(|_| may_run_low))
            .ok_or_else(|| self.usable_at(priority, now))
    }

    /// The token of that fingerprint, if it may be used; by the foreground even below the threshold, since a `304` is
    /// free.
    pub(in crate::upstream) fn choose_own(
        &self,
        own: Fingerprint,
        priority: Priority,
        tried: &Tried,
        now: Timestamp,
    ) -> Option<usize> {
        let may_run_low = priority == Priority::Foreground;
        let index = self.fingerprints.iter().position(|fingerprint| *fingerprint == own)?;
        let may = self.is_usable(index, tried, now) && (may_run_low || self.has_enough(index, now));
        may.then_some(index)
    }

    /// Whether less than half of the quota is left.
    pub(in crate::upstream) fn is_scarce(&self, now: Timestamp) -> bool {
        let quotas = self.states.iter().filter_map(|state| state.known(now));
        let (left, limit) = quotas
            .fold((0, 0), |(left, limit), quota| (left + quota.remaining, limit + quota.limit));
        left * 2 < limit
    }

    /// When the first token is usable again by a request of this priority; `now` if one is.
    pub(in crate::upstream) fn usable_at(&self, priority: Priority, now: Timestamp) -> Timestamp {
        let waits = |state: &State| match priority {
            Priority::Foreground => state.usable_at(now),
            Priority::Background => state.has_at(self.usage_threshold, now),
        };
        self.states.iter().map(waits).min().unwrap_or(now)
    }

    /// Whether a token has more left than is kept for clients.
    pub(super) fn has_quota_to_spare(&self, now: Timestamp) -> bool {
        let indices = 0..self.states.len();
        let tried = Tried::default();
        indices
            .into_iter()
            .any(|index| self.is_usable(index, &tried, now) && self.has_enough(index, now))
    }

    /// The token at `index` has had its turn.
    pub(super) fn took(&mut self, index: usize) {
        self.next = index + 1;
    }

    pub(super) fn fingerprint(&self, index: usize) -> Fingerprint {
        self.fingerprints[index]
    }

    fn is_usable(&self, index: usize, tried: &Tried, now: Timestamp) -> bool {
        !tried.contains(index) && self.states[index].is_usable(now)
    }

    fn has_enough(&self, index: usize, now: Timestamp) -> bool {
        self.states[index].has(self.usage_threshold, now)
    }
}
