//! The next check of a document in the background, and the cause of one that is late.

use std::time::Duration;

use crate::activity::{Active, Mutability, OVERDUE_AFTER, until_next};
use crate::cache::Explanation;
use crate::clock::Timestamp;
use crate::entry::{Entry, Reason};

/// The next check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextCheck {
    /// There is no document to check.
    Nothing,
    /// No client has requested the document within `REVALIDATE_LOOKBACK`, or since the start.
    Unused,
    /// The document cannot change.
    Never,
    /// The check is due at this time, or in the first sweep after it.
    At(Timestamp),
    /// The check was due at this time.
    Late(Timestamp, Obstacle),
}

/// The cause of a check that is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The last check failed.
    Failure,
    /// The host cools down after a limit, or no token is usable.
    CannotCall,
    /// The tokens have only the quota left that svm keeps for clients.
    Quota,
    /// The check may cost quota, and the checks that do have used up their share.
    Budget,
    /// The document waits for its turn: no sweep has reached it yet, or more documents are due than
    /// the background may check.
    Turn,
}

impl Obstacle {
    /// Returns the word for the cause.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::CannotCall => "rests",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::Turn => "turn",
        }
    }
}

/// The state of the background checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct SweepState {
    pub(super) lookback: Duration,
    /// The number of documents whose check is overdue.
    pub(super) overdue: usize,
    pub(super) has_quota: bool,
    /// True if the share of the window for charged checks is not spent.
    pub(super) has_charges: bool,
    /// True if a check that is likely to be charged may be made now.
    pub(super) has_allowance: bool,
}

impl NextCheck {
    /// Returns the next check of an explained document.
    pub(super) fn of(explained: &Explanation, background: &SweepState) -> Self {
        let (Some(entry), Some(mutability)) = (&explained.entry, explained.mutability) else {
            return Self::Nothing;
        };
        if mutability == Mutability::Immutable {
            return Self::Never;
        }
        let now = explained.now;
        let in_use =
            explained.active.filter(|active| now.since(active.used_at) < background.lookback);
        let Some(active) = in_use else { return Self::Unused };
        let interval = explained.check_interval;
        let checked_at = entry.times.checked_at;
        let until_next = until_next(&Active { mutability, ..active }, checked_at, interval);
        let due_at = checked_at + until_next;
        if now < due_at + interval * (OVERDUE_AFTER - 1) {
            return Self::At(due_at);
        }
        Self::Late(due_at, obstacle(explained, entry, &active, background))
    }

    /// Returns the time at which the check is, or was, due.
    pub(super) fn due_at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) | Self::Late(at, _) => Some(at),
            Self::Nothing | Self::Unused | Self::Never => None,
        }
    }
}

/// Returns the first obstacle that applies, in the order of this chain.
fn obstacle(
    explained: &Explanation,
    entry: &Entry,
    active: &Active,
    background: &SweepState,
) -> Obstacle {
    let charges = active.charges;
    let waits_for_allowance = charges.are_likely() && !background.has_allowance
        || charges.are_unknown() && !background.has_charges;
    let rests = |reason| matches!(reason, Reason::HostRests | Reason::NoToken);
    if explained.obstacle.as_ref().is_some_and(|failure| rests(failure.reason)) {
        Obstacle::CannotCall
    } else if entry.extras.failure().is_some() {
        Obstacle::Failure
    } else if !background.has_quota {
        Obstacle::Quota
    } else if waits_for_allowance {
        Obstacle::Budget
    } else {
        Obstacle::Turn
    }
}
