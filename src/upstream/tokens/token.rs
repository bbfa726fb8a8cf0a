//! The knowledge of one token, beside the budget of its account.

use std::mem;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::secret::Fingerprint;
use crate::upstream::identity::Finding;

use super::inquiry::Inquiry;
use super::rights::Rights;

/// The least time until a token that is waited for may be usable.
const A_MOMENT: Duration = Duration::from_secs(1);
/// The interval of inquiries about a token that sees too much.
const UNTIL_SCOPES_CHANGE: Duration = Duration::from_secs(60 * 60);

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) fingerprint: Fingerprint,
    /// The place of its account.
    pub(super) account: usize,
    /// GitHub's number of the account, once it is known.
    pub(super) id: Option<u64>,
    standing: Standing,
    pub(super) rights: Rights,
    rules: Rules,
    inquiry: Inquiry,
}

/// The standing of a token at GitHub.
#[derive(Debug)]
enum Standing {
    /// No document was got with it since it was refused last, if it was.
    Untested,
    /// Documents were got with it.
    Proven,
    /// GitHub refused it and has not been seen to take it since.
    Rejected,
    /// It is used again after a refusal, since the inquiry told nothing.
    OnTrial(Inquiry),
}

/// The demands of the operator on every token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// True if its account is to be found out.
    pub(super) identify: bool,
    /// True if it is used only once it was seen to see nothing private.
    pub(super) be_public: bool,
}

impl Token {
    /// A token of which nothing is known; its account is its own.
    pub(super) fn new(place: usize, fingerprint: Fingerprint, rules: Rules) -> Self {
        let inquiry = if rules.identify { Inquiry::at_once() } else { Inquiry::default() };
        Self {
            fingerprint,
            account: place,
            id: None,
            standing: Standing::Untested,
            rights: Rights::default(),
            rules,
            inquiry,
        }
    }

    /// Returns when the token may be used again, as far as it is not about its account; `now` if it
    /// may. One that is put aside is usable once an inquiry has said so.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        match self.is_put_aside() {
            true => self.inquiry.due_at(now).unwrap_or(now).max(now + A_MOMENT),
            false => now,
        }
    }

    /// Returns true if it is not used for now, whatever its account may spend.
    pub(super) fn is_put_aside(&self) -> bool {
        self.is_rejected() || self.is_barred()
    }

    pub(super) fn is_rejected(&self) -> bool {
        matches!(self.standing, Standing::Rejected)
    }

    /// Returns true if it may not be used for what it can see, or for all that is known.
    pub(super) fn is_barred(&self) -> bool {
        self.rules.be_public && !self.rights.is_public()
    }

    /// Returns true if it is time to ask GitHub about it.
    pub(super) fn is_to_identify(&self, now: Timestamp) -> bool {
        self.inquiry.is_due(now)
    }

    /// GitHub has refused it. Refusals of requests that were under way together count once.
    pub(super) fn quarantine(&mut self, now: Timestamp) {
        match mem::replace(&mut self.standing, Standing::Rejected) {
            Standing::Rejected if !self.inquiry.is_due(now) => return,
            Standing::Rejected => {}
            // A refusal on trial goes on where the one before it was left.
            Standing::OnTrial(inquiry) => self.inquiry = inquiry,
            Standing::Untested | Standing::Proven => self.inquiry = Inquiry::default(),
        }
        self.inquiry.again(now);
    }

    /// GitHub has taken it for a document, be it one that was asked for before a refusal: if that
    /// one was right, the next will say so.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.accept(now);
        self.standing = Standing::Proven;
    }

    /// Ends a rejection or a trial.
    fn accept(&mut self, now: Timestamp) {
        if self.is_rejected() {
            self.inquiry = self.next_inquiry(now);
        }
        if !matches!(self.standing, Standing::Proven) {
            self.standing = Standing::Untested;
        }
    }

    /// Reads an answer's headers; returns whether it is news that the token sees private data, or
    /// by which scopes.
    pub(super) fn saw(&mut self, headers: &HeaderMap, now: Timestamp) -> bool {
        let is_news = self.rights.read(headers, now);
        if is_news && !self.is_rejected() {
            self.inquiry = self.next_inquiry(now);
        }
        is_news
    }

    /// Takes in the finding of an inquiry.
    pub(super) fn found(&mut self, finding: &Finding, now: Timestamp) {
        match (finding, &self.standing) {
            (Finding::Known(identity), _) => {
                // A token never changes hands, so the first answer stands.
                self.id.get_or_insert(identity.id);
                self.rights.set_visibility_known();
                self.accept(now);
                self.inquiry = self.next_inquiry(now);
            }
            (Finding::Nobodys, _) => {
                self.accept(now);
                self.ask_later(now);
            }
            // Such an answer refuses the inquiry and not the token. A document's answer counts for
            // more.
            (Finding::Refused, Standing::Proven) => self.inquiry.again(now),
            (Finding::Refused, _) => self.quarantine(now),
            // Where nobody may ask whose a token is, no inquiry will ever say that it works: a
            // document has to.
            (Finding::Unclear, Standing::Rejected) => {
                self.standing = Standing::OnTrial(mem::take(&mut self.inquiry));
                self.ask_later(now);
            }
            (_, Standing::Rejected) => self.inquiry.again_alike(now),
            (Finding::Silence, _) => self.inquiry.again_soon(now),
            (Finding::Limited(_) | Finding::Unclear, _) => self.inquiry.again(now),
        }
    }

    /// Has it asked about again, if whose it is matters.
    fn ask_later(&mut self, now: Timestamp) {
        if self.rules.identify {
            self.inquiry.again(now);
        }
    }

    /// Returns the questions that are left about a token that works. svm asks about one that sees
    /// too much now and then, since its owner may take scopes from it.
    fn next_inquiry(&self, now: Timestamp) -> Inquiry {
        match self.id {
            None if self.rules.identify => Inquiry::at_once(),
            _ if self.is_barred() => Inquiry::after(UNTIL_SCOPES_CHANGE, now),
            _ => Inquiry::default(),
        }
    }
}
