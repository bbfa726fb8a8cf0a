//! The result of a flight: facts, the same for all waiters. Each waiter reads them by its own
//! demand.

use std::sync::Arc;

use http::StatusCode;

use crate::entry::{Entry, Reason};
use crate::upstream::{Failure, Reply};

/// The result of a flight.
#[derive(Debug)]
pub enum FlightResult {
    /// The flight found an entry that needs no exchange.
    Found(FoundEntry),
    /// The flight asked the upstream, or could not ask it.
    Exchange {
        /// The entry before the exchange.
        previous: Option<Arc<Entry>>,
        /// The result of the exchange.
        exchanged: ExchangeResult,
    },
}

/// The entry that a flight found before it asked the upstream.
#[derive(Clone, Debug)]
pub struct FoundEntry {
    /// That entry.
    pub entry: Arc<Entry>,
    /// True if the persistent tier had it.
    pub from_l2: bool,
}

impl FlightResult {
    /// Returns the entry after the flight, or `None` if the exchange stored no document.
    pub fn entry(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::Found(found) => Some(&found.entry),
            Self::Exchange { exchanged, .. } => match exchanged {
                ExchangeResult::Stored(entry)
                | ExchangeResult::Freshened(entry)
                | ExchangeResult::Unconfirmed { copy: entry, .. } => Some(entry),
                ExchangeResult::Forgotten(_) | ExchangeResult::NotStored(_) => None,
            },
        }
    }

    /// Returns true if the flight needed the upstream and could not ask it.
    pub fn is_without_call(&self) -> bool {
        let Self::Exchange { exchanged: ExchangeResult::NotStored(kept), .. } = self else {
            return false;
        };
        kept.reason().is_without_call()
    }
}

/// The consequence of an exchange for the entry.
#[derive(Debug)]
pub enum ExchangeResult {
    /// A new body.
    Stored(Arc<Entry>),
    /// The same body, a new lifetime.
    Freshened(Arc<Entry>),
    /// The document does not exist; the entry is a negative one.
    Forgotten(Arc<Entry>),
    /// The answer claims that the document is lost, and nothing confirms it yet: the copy stays.
    Unconfirmed {
        /// The copy, with the doubt.
        copy: Arc<Entry>,
        /// The entry that the answer would make.
        claimed: Arc<Entry>,
    },
    /// Nothing to store: the stored entry stays.
    NotStored(NotStored),
}

/// An exchange that changed nothing.
#[derive(Debug)]
pub enum NotStored {
    /// An answer that is never stored, passed on as it is.
    Passed(Reply),
    /// No answer.
    Failed(Failure),
}

impl NotStored {
    /// Returns the upstream's status, if it gave one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Passed(reply) => Some(reply.status),
            Self::Failed(failure) => failure.status,
        }
    }

    /// Returns why nothing was stored.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Failed(failure) => failure.reason,
            Self::Passed(reply) => reply.reason(),
        }
    }

    /// Returns true if the upstream failed in a way that a copy may stand in for.
    pub fn is_failure(&self) -> bool {
        self.reason() != Reason::OtherStatus
    }
}
