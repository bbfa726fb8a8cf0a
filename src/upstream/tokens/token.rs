//! What is known of one token, beside what its account may spend.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::upstream::Fingerprint;
use crate::upstream::identity::Finding;

use super::inquiry::Inquiry;

/// The least time until a token that is waited for may be usable.
const A_MOMENT: Duration = Duration::from_secs(1);

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) fingerprint: Fingerprint,
    /// The place of its account.
    pub(super) account: usize,
    /// GitHub's number of the account, once it is known.
    pub(super) id: Option<u64>,
    /// Whether GitHub refused it and has not been seen to take it since.
    rejected: bool,
    /// Whether its account is to be found out.
    identifies: bool,
    inquiry: Inquiry,
}

impl Token {
    /// A token of which nothing is known; its account is its own.
    pub(super) fn new(place: usize, fingerprint: Fingerprint, identifies: bool) -> Self {
        let inquiry = if identifies { Inquiry::at_once() } else { Inquiry::default() };
        Self { fingerprint, account: place, id: None, rejected: false, identifies, inquiry }
    }

    /// When the token may be used again, as far as it is not about its account; `now` if it may. One that is put aside
    /// is usable once an inquiry has said so.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        match self.rejected {
            true => self.inquiry.due_at().unwrap_or(now).max(now + A_MOMENT),
            false => now,
        }
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// Whether it is time to ask GitHub about it.
    pub(super) fn is_to_identify(&self, now: Timestamp) -> bool {
        self.inquiry.is_due(now)
    }

    /// GitHub has refused it. Refusals of requests that were under way together count once.
    pub(super) fn quarantine(&mut self, now: Timestamp) {
        if !self.rejected {
            self.rejected = true;
            self.inquiry = Inquiry::default();
            self.inquiry.again(now);
        } else if self.inquiry.is_due(now) {
            self.inquiry.again(now);
        }
    }

    /// GitHub has taken it, be it for a request from before a refusal: if that one was right, the next will say so.
    pub(super) fn succeeded(&mut self) {
        if self.rejected {
            self.rejected = false;
            let is_left = self.identifies && self.id.is_none();
            self.inquiry = if is_left { Inquiry::at_once() } else { Inquiry::default() };
        }
    }

    /// What came of an inquiry.
    pub(super) fn found(&mut self, finding: &Finding, now: Timestamp) {
        match finding {
            Finding::Known(identity) => {
                // A token never changes hands, so the first answer stands.
                self.id.get_or_insert(identity.id);
                self.rejected = false;
                self.inquiry = Inquiry::default();
            }
            Finding::Nobodys => {
                self.succeeded();
                if self.identifies {
                    self.inquiry.again(now);
                }
            }
            Finding::Refused => self.quarantine(now),
            _ if self.rejected => self.inquiry.again_alike(now),
            Finding::Silence => self.inquiry.again_soon(now),
            Finding::Limited(_) | Finding::Unclear => self.inquiry.again(now),
        }
    }
}
