//! The outcomes of documents in a sweep, as values for counters.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use parking_lot::Mutex;

use crate::cache::{ExchangeResult, FlightResult, NotStored};
use crate::entry::Reason;
use crate::upstream::TokenPool;
use crate::words::words;

/// The outcome for a due document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The upstream was asked.
    Asked(CheckAnswer),
    /// No request was sent.
    Skipped(Skipped),
}

words! {
    /// The outcome of a request to the upstream.
    pub enum CheckAnswer {
        /// The upstream confirmed the stored body.
        Unchanged = "unchanged",
        /// The upstream sent a new body.
        Changed = "changed",
        /// The document no longer exists.
        Gone = "gone",
        /// The upstream gave no usable answer; the entry stays.
        Failed = "failed",
    }
}

words! {
    /// The reason why a due document was not revalidated.
    pub enum Skipped {
        /// The sweep ended first; the next one starts with it if it is the most used.
        Late = "late",
        /// Its check is likely to be charged, and the background's share of the quota is spent for
        /// now.
        Budget = "budget",
        /// It cannot change, or it is pinned and was checked within a day.
        Settled = "settled",
        /// The tokens have less than `API_USAGE_THRESHOLD` left, or none is usable.
        Quota = "quota",
        /// Its host is in a cooldown or gives this replica no answer, or too many exchanges wait
        /// already.
        Rests = "rests",
        /// Another replica has the lease.
        Leased = "leased",
        /// A client's request caused its check since the sweep began.
        Checked = "checked",
        /// No tier has a body to revalidate.
        NoBody = "no-body",
        /// L2 does not answer, and only L2 can know whether there is a body.
        Unread = "unread",
        /// The configuration no longer allows its URL.
        Refused = "refused",
    }
}

impl CheckOutcome {
    /// Returns the word for the metric label and the log field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked(answer) => answer.as_str(),
            Self::Skipped(skipped) => skipped.as_str(),
        }
    }

    /// Returns the outcome for the result of a flight.
    pub(super) fn of(result: &FlightResult) -> Self {
        match result {
            FlightResult::Found(_) => Self::Skipped(Skipped::Checked),
            FlightResult::Exchange { exchanged, .. } => Self::Asked(match exchanged {
                ExchangeResult::Stored(_) => CheckAnswer::Changed,
                ExchangeResult::Freshened(_) => CheckAnswer::Unchanged,
                ExchangeResult::Forgotten(_) => CheckAnswer::Gone,
                ExchangeResult::Unconfirmed { .. } => CheckAnswer::Failed,
                ExchangeResult::NotStored(kept) => match Skipped::of(kept.reason()) {
                    Some(skipped) => return Self::Skipped(skipped),
                    None => CheckAnswer::Failed,
                },
            }),
        }
    }
}

impl Skipped {
    /// Returns the reason why a check was skipped where no call was possible; `None` for the reason
    /// of another failure.
    pub(super) fn of(reason: Reason) -> Option<Self> {
        match reason {
            Reason::NoToken => Some(Self::Quota),
            reason if reason.is_without_call() => Some(Self::Rests),
            _ => None,
        }
    }
}

/// Returns true if the result of a flight cost quota: the upstream answered, and not with a server
/// error. A `304` costs quota only while GitHub charges the account for it.
pub(super) fn is_charged(result: &FlightResult, tokens: &TokenPool) -> bool {
    let FlightResult::Exchange { exchanged, .. } = result else { return false };
    match exchanged {
        ExchangeResult::Stored(_)
        | ExchangeResult::Forgotten(_)
        | ExchangeResult::Unconfirmed { .. } => true,
        ExchangeResult::Freshened(entry) => {
            entry.token.is_some_and(|token| tokens.charges_not_modified(token))
        }
        ExchangeResult::NotStored(kept) => {
            kept.status().is_some_and(|status| !status.is_server_error())
        }
    }
}

/// Returns true if the document needs no other check in this interval: GitHub has answered, and
/// another replica would most likely get the same answer. A loss in doubt needs none either: this
/// replica has planned the checks that confirm it.
pub(super) fn is_settled(result: &FlightResult) -> bool {
    let FlightResult::Exchange { exchanged: ExchangeResult::NotStored(kept), .. } = result else {
        return true;
    };
    let NotStored::Passed(reply) = kept else { return false };
    !reply.status.is_server_error() && reply.reason() != Reason::Limited
}

/// Returns true if the host of a document could not be reached. Behind a redirect, it was another
/// host that could not. A timeout may be the fault of one document, and does not count.
pub(super) fn is_unreachable(result: &FlightResult) -> bool {
    let FlightResult::Exchange { exchanged: ExchangeResult::NotStored(kept), .. } = result else {
        return false;
    };
    let is_redirected = kept.status().is_some_and(|status| status.is_redirection());
    kept.reason() == Reason::Unreachable && !is_redirected
}

/// The number of documents of a sweep per outcome.
#[derive(Debug, Default)]
pub struct SweepTally(Mutex<BTreeMap<&'static str, usize>>);

impl SweepTally {
    pub(super) fn add(&self, outcome: CheckOutcome, documents: usize) {
        if documents > 0 {
            *self.0.lock().entry(outcome.as_str()).or_default() += documents;
        }
    }

    /// Returns the number of all documents.
    pub(super) fn documents(&self) -> usize {
        self.0.lock().values().sum()
    }
}

impl Display for SweepTally {
    /// Formats it as `checked=1 unchanged=2`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock();
        let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{word}={count}")).collect();
        f.write_str(&counts.join(" "))
    }
}
