//! The releases of which GitHub's events have told lately that they are deleted or unpublished.
//!
//! Such an event explains an answer by which that release is lost. An event about anything else
//! explains nothing: a push says nothing of releases, and while a release is published the list may
//! falsely be empty.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;

use super::event::Told;

/// The removals that are remembered.
const MOST: usize = 1_024;
/// The time for which an event explains a loss: longer than a claim of one is in doubt.
const EXPLAINS_FOR: Duration = Duration::from_secs(10 * 60);

/// The removals, by the number of the release.
#[derive(Debug, Default)]
pub(super) struct Removals(HashMap<u64, Timestamp>);

impl Removals {
    /// Takes in what an event tells. Any other event about a release ends its removal: events come
    /// in any order, and a release that was unpublished may be published again.
    pub(super) fn note(&mut self, told: Told, now: Timestamp) {
        self.0.remove(&told.id);
        if !told.is_removed {
            return;
        }
        self.0.retain(|_, at| explains(*at, now));
        if self.0.len() < MOST {
            self.0.insert(told.id, now);
        }
    }

    /// Returns true if a release was told to be removed.
    pub(super) fn tell(&self, release: u64, now: Timestamp) -> bool {
        self.0.get(&release).is_some_and(|at| explains(*at, now))
    }
}

fn explains(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < EXPLAINS_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn a_removal_is_told_for_a_while() {
        let mut removals = Removals::default();
        removals.note(Told { id: 7, is_removed: true }, NOW);
        let tell = |removals: &Removals, id, seconds| {
            removals.tell(id, NOW + Duration::from_secs(seconds))
        };
        assert!(tell(&removals, 7, 0) && tell(&removals, 7, 599));
        assert!(!tell(&removals, 7, 600) && !tell(&removals, 8, 0));
        assert!(!removals.tell(7, Timestamp::from_secs(999_999)), "the clock was set back");
        removals.note(Told { id: 7, is_removed: false }, NOW);
        assert!(!tell(&removals, 7, 0), "it is published again");
    }

    #[test]
    fn removals_are_bounded() {
        let mut removals = Removals::default();
        for id in 0..2 * MOST as u64 {
            removals.note(Told { id, is_removed: true }, NOW);
        }
        assert_eq!(removals.0.len(), MOST);
        removals.note(Told { id: 7_777, is_removed: true }, NOW + EXPLAINS_FOR);
        assert_eq!(removals.0.len(), 1);
    }
}
