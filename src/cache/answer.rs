//! The answer of the cache to a request: a document, the upstream's own refusal, or a failure, with
//! its origin.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::clock::Timestamp;
use crate::upstream::Failure;

use super::flight_result::NotStored;
use super::status::{Detail, Status};
use super::steps::WaitTimes;
use crate::entry::{Entry, Reason};

/// An answer, independent of HTTP.
#[derive(Debug)]
pub struct Answer {
    /// The origin of the answer.
    pub status: Status,
    /// Its contents.
    pub given: Payload,
    /// The time that the request waited; `None` for a hit.
    pub waited: Option<Box<WaitTimes>>,
}

/// The contents of an answer.
#[derive(Debug)]
pub enum Payload {
    /// A stored document.
    Document(Arc<Entry>),
    /// The upstream's own answer, which is no document.
    Passed {
        /// The upstream's status.
        status: StatusCode,
        /// The upstream's body.
        body: Bytes,
        /// The time after which the client may try again, if the upstream or a rate limit states
        /// one.
        retry_after: Option<Duration>,
    },
    /// No answer from the upstream.
    Failed {
        /// The reason.
        failure: Failure,
        /// The time after which the client may try again, if no call was possible.
        retry_after: Option<Duration>,
    },
}

impl Answer {
    /// Creates an answer without a wait.
    pub(super) fn new(status: Status, given: Payload) -> Self {
        Self { status, given, waited: None }
    }

    /// Returns the document, if the answer is one.
    pub fn document(&self) -> Option<&Arc<Entry>> {
        match &self.given {
            Payload::Document(entry) => Some(entry),
            _ => None,
        }
    }

    /// Returns the age of the document in seconds; `None` if the answer is no document.
    pub fn age(&self, now: Timestamp) -> Option<u64> {
        Some(now.since(self.document()?.times.checked_at).as_secs())
    }

    /// Returns the answer with the time that the request waited.
    pub(super) fn after(self, waited: WaitTimes) -> Self {
        Self { waited: Some(Box::new(waited)), ..self }
    }

    /// Returns the answer without a rest of its lifetime: the next request should ask the upstream.
    pub(super) fn without_lifetime(self) -> Self {
        let ttl = self.status.ttl.map_or(0, |ttl| ttl.min(0));
        Self { status: Status { ttl: Some(ttl), ..self.status }, ..self }
    }

    /// Returns true if the answer is a document.
    pub fn is_document(&self) -> bool {
        self.document().is_some()
    }

    /// Returns a stored entry as the answer.
    pub(super) fn stored(entry: &Arc<Entry>, now: Timestamp, detail: Option<Detail>) -> Self {
        let status = Status { detail, ..Status::hit(entry.seconds_left(now)) };
        if entry.is_negative() {
            let detail = detail.or(entry.extras.refusal().map(Detail::Refused));
            let given = Payload::negative(entry, now);
            return Self::new(Status { detail, ..status }, given);
        }
        Self::new(status, Payload::Document(Arc::clone(entry)))
    }

    /// Returns the copy as the answer while nothing confirms that the document is lost.
    pub(super) fn unconfirmed(copy: &Arc<Entry>, now: Timestamp) -> Self {
        Self::stored(copy, now, Some(Detail::Unconfirmed))
    }

    /// Returns the copy as the answer without a call, in place of a failure.
    pub(super) fn copy_without_call(copy: &Arc<Entry>, now: Timestamp) -> Self {
        let mut answer = Self::stored(copy, now, Some(Detail::StaleIfError));
        if copy.times.begin_after(now) {
            // It has expired, at an unknown time.
            answer.status.ttl = Some(0);
        }
        answer
    }
}

impl Payload {
    /// Returns the contents of a negative entry: the answer of the exchange that it remembers.
    pub(super) fn negative(entry: &Entry, now: Timestamp) -> Self {
        let refusal = entry.extras.refusal();
        // The entry expires at the time of the next request to the upstream.
        let wait = || entry.times.expires_at.since(now);
        if let Some(reason) = refusal.filter(|reason| reason.is_remembered_failure()) {
            let retry_after = (reason == Reason::Limited).then(wait);
            let is_rate_limited = entry.status == StatusCode::TOO_MANY_REQUESTS;
            let failure = Failure::new(reason).by_rate_limit(is_rate_limited);
            return Self::Failed { failure, retry_after };
        }
        // GitHub is still computing the answer.
        let retry_after = (entry.status == StatusCode::ACCEPTED).then(wait);
        Self::Passed { status: entry.status, body: entry.body.bytes().clone(), retry_after }
    }

    pub(super) fn kept(kept: &NotStored, now: Timestamp) -> Self {
        let wait = |until: Option<Timestamp>| until.map(|until| until.since(now));
        match kept {
            NotStored::Passed(reply) => Self::Passed {
                // A status above 599 is invalid (RFC 9110, 15), and a client may fail on it.
                status: match reply.status.as_u16() {
                    600.. => StatusCode::BAD_GATEWAY,
                    _ => reply.status,
                },
                body: reply.body.clone(),
                retry_after: wait(reply.limited_until.or(reply.retry_at)),
            },
            NotStored::Failed(failure) => {
                Self::Failed { failure: failure.clone(), retry_after: wait(failure.retry_at) }
            }
        }
    }
}
