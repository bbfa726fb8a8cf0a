//! The laws for the answers that clients get.

use super::world::{Document, Shown, World};

/// `CACHE_NEGATIVE_TTL`.
pub(super) const NEGATIVE_TTL: u64 = 10;
/// The time between two answers that confirm each other.
const CONFIRMED_AFTER: u64 = 60;
/// The time for which a deletion may make an answer believable that removes other releases too: an
/// event explains a loss for that long.
const EXCUSES_FOR: u64 = 600;

/// An answer to a client that demands no refresh.
#[derive(Debug)]
pub(super) struct Seen {
    /// The document.
    pub(super) document: Document,
    /// Its content.
    pub(super) shown: Shown,
    /// The second in which GitHub confirmed the content; for a `404`, which has no age, that of the
    /// answer.
    pub(super) checked_at: u64,
    /// The previous answer: the second of its confirmation, and true if it was false.
    pub(super) before: Option<(u64, bool)>,
}

impl Seen {
    /// Returns true if this was GitHub's true content when svm checked it.
    pub(super) fn is_true(&self, world: &World) -> bool {
        let since = match self.shown {
            // An absence is remembered for that time.
            Shown::Missing => self.checked_at.saturating_sub(NEGATIVE_TTL),
            _ => self.checked_at,
        };
        world.was(self.document, &self.shown, since, self.checked_at)
    }

    /// Judges the answer.
    pub(super) fn judge(&self, world: &World) {
        if self.shown == Shown::Tags(Vec::new()) {
            assert!(
                world.was_ever_empty(),
                "broken: no list is falsely empty\n{self:?}\n{world:?}"
            );
        }
        let is_lawful = self.is_true(world) || self.is_excused(world);
        assert!(is_lawful, "broken: a lie needs a minute\n{self:?}\n{world:#?}");
    }

    /// Returns true if the rules excuse a false answer: the lie lasted long enough for a
    /// confirmation, or svm had no good copy against it. The latter holds if the release that svm
    /// holds was deleted, if the copy is false as well, or if the lie has become true since the
    /// copy was checked.
    fn is_excused(&self, world: &World) -> bool {
        let since = match self.shown {
            Shown::Missing => self.checked_at.saturating_sub(NEGATIVE_TTL),
            _ => self.checked_at,
        };
        let is_about = |document: Document| document == self.document;
        let has_none = self.before.is_none_or(|(checked_at, was_false)| {
            was_false || world.was(self.document, &self.shown, checked_at, self.checked_at)
        });
        let mut lies = world.lies.iter().filter(|told| {
            is_about(told.document) && told.from <= self.checked_at && since <= told.until
        });
        lies.any(|told| {
            let is_deleted = |at: &u64| *at <= self.checked_at && told.from <= at + EXCUSES_FOR;
            let has_witness = match self.shown {
                Shown::Missing => self.document == Document::Latest,
                Shown::Tags(_) => true,
                Shown::Release(_) => false,
            };
            let is_confirmed = !has_witness && told.from + CONFIRMED_AFTER <= self.checked_at;
            is_confirmed || has_none || world.deletions.iter().any(is_deleted)
        })
    }
}
