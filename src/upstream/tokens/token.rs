//! What is known of one token, beside what its account may spend.

use std::time::Duration;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::upstream::Fingerprint;
use crate::upstream::identity::Finding;

use super::inquiry::Inquiry;
use super::rights::Rights;

/// The least time until a token that is waited for may be usable.
const A_MOMENT: Duration = Duration::from_secs(1);
/// How often a token that sees too much is asked about.
const UNTIL_SCOPES_CHANGE: Duration = Duration::from_secs(60 * 60);

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
    pub(super) rights: Rights,
    rules: Rules,
    inquiry: Inquiry,
}

/// What the operator asks of every token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Whether its account is to be found out.
    pub(super) identify: bool,
    /// Whether it is used only once it was seen to see nothing private.
    pub(super) be_public: bool,
}

impl Token {
    /// A token of which nothing is known; its account is its own.
    pub(super) fn new(place: usize, fingerprint: Fingerprint, rules: Rules) -> Self {
        let inquiry = if rules.identify { Inquiry::at_once() } else { Inquiry::default() };
        let (rejected, rights) = (false, Rights::default());
        Self { fingerprint, account: place, id: None, rejected, rights, rules, inquiry }
    }

    /// When the token may be used again, as far as it is not about its account; `now` if it may. One that is put aside
    /// is usable once an inquiry has said so.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        match self.is_put_aside() {
            true => self.inquiry.due_at().unwrap_or(now).max(now + A_MOMENT),
            false => now,
        }
    }

    /// Whether it is not used for now, whatever its account may spend.
    pub(super) fn is_put_aside(&self) -> bool {
        self.rejected || self.is_barred()
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.rejected
    }

    /// Whether it may not be used for what it can see, or for all that is known.
    pub(super) fn is_barred(&self) -> bool {
        self.rules.be_public && !self.rights.is_public()
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
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        if self.rejected {
            self.rejected = false;
            self.inquiry = self.next_inquiry(now);
        }
    }

    /// Reads an answer's headers; returns whether it is news that the token sees private data, or by which scopes.
    pub(super) fn saw(&mut self, headers: &HeaderMap, now: Timestamp) -> bool {
        let is_news = self.rights.read(headers);
        if is_news && !self.rejected {
            self.inquiry = self.next_inquiry(now);
        }
        is_news
    }

    /// What came of an inquiry.
    pub(super) fn found(&mut self, finding: &Finding, now: Timestamp) {
        match finding {
            Finding::Known(identity) => {
                // A token never changes hands, so the first answer stands.
                self.id.get_or_insert(identity.id);
                self.rejected = false;
                self.rights.is_told();
                self.inquiry = self.next_inquiry(now);
            }
            Finding::Nobodys => {
                self.succeeded(now);
                if self.rules.identify {
                    self.inquiry.again(now);
                }
            }
            Finding::Refused => self.quarantine(now),
            _ if self.rejected => self.inquiry.again_alike(now),
            Finding::Silence => self.inquiry.again_soon(now),
            Finding::Limited(_) | Finding::Unclear => self.inquiry.again(now),
        }
    }

    /// What is left to ask about a token that works. One that sees too much is asked about now and then, since its
    /// owner may take scopes from it.
    fn next_inquiry(&self, now: Timestamp) -> Inquiry {
        match self.id {
            None if self.rules.identify => Inquiry::at_once(),
            _ if self.is_barred() => Inquiry::at(now + UNTIL_SCOPES_CHANGE),
            _ => Inquiry::default(),
        }
    }
}
