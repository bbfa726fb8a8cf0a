//! The releases that GitHub's events have recently reported as deleted or unpublished.
//!
//! Such an event explains an answer in which that release is missing. No other event does: a push
//! says nothing about releases, and while a release is being published, the list may be wrongly
//! empty.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;

use super::event::ReleaseEvent;

/// The most removals that are remembered.
const MOST: usize = 1_024;
/// The time for which an event explains a loss: longer than a claim is in doubt.
const EXPLAINS_FOR: Duration = Duration::from_secs(10 * 60);

/// The removals, by the number of the release.
#[derive(Debug, Default)]
pub(super) struct Removals(HashMap<u64, Timestamp>);

impl Removals {
    /// Records an event. Any other event about the release cancels its removal: events arrive in
    /// any order, and an unpublished release may be published again.
    pub(super) fn note(&mut self, event: ReleaseEvent, now: Timestamp) {
        self.0.remove(&event.id);
        if !event.is_removed {
            return;
        }
        self.0.retain(|_, at| at.was_within(EXPLAINS_FOR, now));
        if self.0.len() < MOST {
            self.0.insert(event.id, now);
        }
    }

    /// Returns true if an event has reported the release as removed.
    pub(super) fn contains(&self, release: u64, now: Timestamp) -> bool {
        self.0.get(&release).is_some_and(|at| at.was_within(EXPLAINS_FOR, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn a_removal_is_remembered_for_a_while() {
        let mut removals = Removals::default();
        removals.note(ReleaseEvent { id: 7, is_removed: true }, NOW);
        let contains = |removals: &Removals, id, seconds| {
            removals.contains(id, NOW + Duration::from_secs(seconds))
        };
        assert!(contains(&removals, 7, 0) && contains(&removals, 7, 599));
        assert!(!contains(&removals, 7, 600) && !contains(&removals, 8, 0));
        assert!(!removals.contains(7, Timestamp::from_secs(999_999)), "the clock was set back");
        removals.note(ReleaseEvent { id: 7, is_removed: false }, NOW);
        assert!(!contains(&removals, 7, 0), "it is published again");
    }

    #[test]
    fn removals_are_bounded() {
        let mut removals = Removals::default();
        for id in 0..2 * MOST as u64 {
            removals.note(ReleaseEvent { id, is_removed: true }, NOW);
        }
        assert_eq!(removals.0.len(), MOST);
        removals.note(ReleaseEvent { id: 7_777, is_removed: true }, NOW + EXPLAINS_FOR);
        assert_eq!(removals.0.len(), 1);
    }
}
