//! What is known of one token, beside what its account may spend.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::upstream::Fingerprint;
use crate::upstream::rest::Rest;

/// The longest time between two tries of a token that GitHub refuses.
const LONGEST_QUARANTINE: Duration = Duration::from_secs(60 * 60);

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) fingerprint: Fingerprint,
    /// The place of its account.
    pub(super) account: usize,
    quarantine: Rest,
}

impl Token {
    /// A token of which nothing is known; its account is its own.
    pub(super) fn new(place: usize, fingerprint: Fingerprint) -> Self {
        Self { fingerprint, account: place, quarantine: Rest::default() }
    }

    /// When the token may be used again, as far as it is not about its account; `now` if it may.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.quarantine.until())
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.quarantine != Rest::default()
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.quarantine.succeeded(now);
    }

    pub(super) fn quarantine(&mut self, now: Timestamp) {
        self.quarantine.begin(None, now, LONGEST_QUARANTINE);
    }
}
