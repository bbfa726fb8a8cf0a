//! The outcome of a document in a sweep, as values that can be counted.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use parking_lot::Mutex;

use crate::cache::{ExchangeResult, FlightResult};
use crate::entry::Reason;
use crate::words::words;

/// The outcome of a due document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The upstream vouched for the stored body.
    Unchanged,
    /// There was a new body.
    Changed,
    /// The document does not exist any more.
    Gone,
    /// The upstream gave no answer to keep; the entry stays.
    Failed,
    /// The upstream was not asked.
    Skipped(Skipped),
}

words! {
    /// The reason for which a due document was not revalidated.
    pub enum Skipped {
        /// The sweep was over before its turn; the next one begins with it if it is used most.
        Late = "late",
        /// Its check is likely to be charged, and the background has had its share of the quota for
        /// now.
        Budget = "budget",
        /// It cannot change, or hardly ever does and was checked within a day.
        Settled = "settled",
        /// The tokens have less than `API_USAGE_THRESHOLD` left, or none is usable.
        Quota = "quota",
        /// Its host rests after a limit, or too many exchanges wait already.
        Rests = "rests",
        /// Another replica has it in hand.
        Leased = "leased",
        /// It was checked since the sweep began, for a client.
        Checked = "checked",
        /// No tier has a body to revalidate.
        NoBody = "no-body",
        /// Only L2 can know whether there is a body, and it does not tell.
        Unread = "unread",
        /// The configuration does not allow its URL any more.
        Refused = "refused",
    }
}

impl CheckOutcome {
    /// Those with which the upstream was asked.
    pub const ASKED: [Self; 4] = [Self::Unchanged, Self::Changed, Self::Gone, Self::Failed];

    /// The word for metric label and log field alike.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Failed => "failed",
            Self::Skipped(skipped) => skipped.as_str(),
        }
    }

    /// Returns the outcome that the facts of a flight mean.
    pub(super) fn of(facts: &FlightResult) -> Self {
        match facts {
            FlightResult::Found { .. } => Self::Skipped(Skipped::Checked),
            FlightResult::Exchange { exchanged, .. } => match exchanged {
                ExchangeResult::Stored(_) => Self::Changed,
                ExchangeResult::Freshened(_) => Self::Unchanged,
                ExchangeResult::Forgotten(_) => Self::Gone,
                ExchangeResult::Unconfirmed { .. } => Self::Failed,
                ExchangeResult::NotStored(kept) => match kept.reason() {
                    Reason::NoToken => Self::Skipped(Skipped::Quota),
                    reason if reason.is_without_call() => Self::Skipped(Skipped::Rests),
                    _ => Self::Failed,
                },
            },
        }
    }
}

/// Returns true if the facts of a flight cost quota: an answer came, and it was no `304`.
pub(super) fn is_charged(facts: &FlightResult) -> bool {
    let FlightResult::Exchange { exchanged, .. } = facts else { return false };
    match exchanged {
        ExchangeResult::Stored(_)
        | ExchangeResult::Forgotten(_)
        | ExchangeResult::Unconfirmed { .. } => true,
        ExchangeResult::Freshened(_) => false,
        ExchangeResult::NotStored(kept) => {
            kept.status().is_some_and(|status| !status.is_server_error())
        }
    }
}

/// The number of documents of a sweep with each outcome, by the outcome's word.
#[derive(Debug, Default)]
pub struct SweepTally(Mutex<BTreeMap<&'static str, usize>>);

impl SweepTally {
    pub(super) fn add(&self, outcome: CheckOutcome, documents: usize) {
        if documents > 0 {
            *self.0.lock().entry(outcome.as_str()).or_default() += documents;
        }
    }
}

impl Display for SweepTally {
    /// As `checked=1 unchanged=2`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock();
        let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{word}={count}")).collect();
        f.write_str(&counts.join(" "))
    }
}
