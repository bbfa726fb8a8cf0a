//! The documents in use of interest to an operator: the most used ones, and those with the oldest
//! check.

use super::top::Top;
use super::{Activity, Known, Mutability};
use crate::clock::Timestamp;
use crate::entry::Check;
use crate::target::Key;

/// The documents in use that stand out.
#[derive(Clone, Debug, Default)]
pub struct Standouts {
    /// The number of documents in use.
    pub in_use: usize,
    /// The most used ones.
    pub most_used: Vec<UsedDocument>,
    /// Those that may change at any time and whose last check is oldest.
    pub oldest_check: Vec<UsedDocument>,
}

/// A document in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedDocument {
    /// Its key.
    pub key: Key,
    /// The measure of its use: the uses since the last sweep, plus the earlier uses with the weight
    /// that sweeps have left them.
    pub uses: u64,
    /// The time of its last use.
    pub used_at: Timestamp,
    /// Its last check.
    pub check: Option<Check>,
}

impl Activity {
    /// Finds the documents that stand out, at most `most` of each kind. Changes nothing, and lets
    /// other tasks run in between.
    pub async fn standouts(&self, most: usize, now: Timestamp) -> Standouts {
        let (mut in_use, mut most_used, mut oldest) = (0, Top::of(most), Top::of(most));
        let walk = self.documents.visit(|piece| {
            let has_body = |known: &Known| known.usage.is_used() && !known.is_bodiless;
            for (key, known) in piece.iter().filter(|(_, known)| has_body(known)) {
                in_use += 1;
                let found = || known.found(*key);
                most_used.offer(known.recent_uses(), found);
                let is_mutable = known.is_checked() && known.mutability == Mutability::Mutable;
                if let Some(check) = known.check.filter(|_| is_mutable) {
                    let age = now.since(check.at).as_millis();
                    oldest.offer(u64::try_from(age).unwrap_or(u64::MAX), found);
                }
            }
        });
        walk.await;
        let (most_used, oldest_check) = (most_used.into_items(), oldest.into_items());
        Standouts { in_use, most_used, oldest_check }
    }

    /// Returns the use of a document, if it is in use.
    pub fn used(&self, key: Key) -> Option<UsedDocument> {
        self.documents.with_known(key, |known| known.usage.is_used().then(|| known.found(key)))?
    }
}

impl Known {
    fn found(&self, key: Key) -> UsedDocument {
        UsedDocument {
            key,
            uses: self.recent_uses(),
            used_at: self.usage.used_at(),
            check: self.check,
        }
    }
}
