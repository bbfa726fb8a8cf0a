//! A doubt: the upstream's latest answer claims that a document is lost, and nothing confirms it
//! yet.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::secret::Fingerprint;
use crate::words::words;

/// The age of the latest answer from which on a client's request causes the next check, since the
/// planned one has not been sent.
const OVERDUE_AFTER: Duration = Duration::from_secs(150);

words! {
    /// The loss that an answer claims.
    pub enum Loss {
        /// A list that had elements has none.
        ListEmptied = "list-emptied",
        /// There is no latest release any more.
        LatestMissing = "latest-missing",
        /// An older release is the latest one.
        LatestOlder = "latest-older",
        /// The release of a tag does not exist any more.
        ReleaseMissing = "release-missing",
    }
}

/// An answer that claims a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossClaim {
    /// The loss.
    pub loss: Loss,
    /// The number of the release that the answer names instead, if any.
    pub release: Option<u64>,
}

/// The doubt about a claim, stored with the copy that the answer would have replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The latest claim.
    pub claim: LossClaim,
    /// The time of the first answer that claimed a loss.
    pub since: Timestamp,
    /// The time since which every answer has made this claim and nothing has contradicted it;
    /// `None` if the latest answer was contradicted.
    pub agreed_since: Option<Timestamp>,
    /// The time of the latest answer; the epoch if it counts no more.
    pub asked_at: Timestamp,
    /// The token that got the latest answer.
    pub token: Option<Fingerprint>,
}

impl Doubt {
    /// Returns the doubt as one whose latest answer counts no more.
    #[must_use]
    pub fn without_answer(self) -> Self {
        Self { asked_at: Timestamp::default(), ..self }
    }

    /// Returns true if the latest answer counts no more.
    pub fn lacks_answer(&self) -> bool {
        self.asked_at == Timestamp::default()
    }

    /// Returns true if the planned check of the claim is overdue.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.asked_at > now || now.since(self.asked_at) >= OVERDUE_AFTER
    }
}
