//! The state of one token, without the quota of its account.

use std::mem;
use std::time::Duration;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::secret::Fingerprint;
use crate::upstream::identity::Finding;

use super::inquiry::Inquiry;
use super::rights::Rights;

/// The shortest wait for a token that may become usable.
const A_MOMENT: Duration = Duration::from_secs(1);
/// The interval of inquiries about a token with too many rights.
const UNTIL_SCOPES_CHANGE: Duration = Duration::from_secs(60 * 60);

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) fingerprint: Fingerprint,
    /// The position of its account.
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
    /// No document was fetched with it yet, or none since its last refusal.
    Untested,
    /// Documents were fetched with it.
    Proven,
    /// GitHub refused it and has not accepted it since.
    Rejected,
    /// It is used again after a refusal, since the inquiry was inconclusive. The inquiry of the
    /// refusal is kept for its back-off.
    OnTrial(Inquiry),
}

/// The operator's requirements for every token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// True if its account must be determined.
    pub(super) identify: bool,
    /// True if it may be used only once it is known to read public data only.
    pub(super) be_public: bool,
}

impl Token {
    /// Creates an unknown token, with an account of its own.
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

    /// Returns when the token may be used again, apart from its account; `now` if it may now. A
    /// token in quarantine is usable after an inquiry has cleared it.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        match self.is_put_aside() {
            true => self.inquiry.due_at(now).unwrap_or(now).max(now + A_MOMENT),
            false => now,
        }
    }

    /// Returns true if it was refused, or if its rights forbid its use.
    pub(super) fn is_put_aside(&self) -> bool {
        self.is_rejected() || self.is_barred()
    }

    pub(super) fn is_rejected(&self) -> bool {
        matches!(self.standing, Standing::Rejected)
    }

    /// Returns true if its rights, known or unknown, forbid its use.
    pub(super) fn is_barred(&self) -> bool {
        self.rules.be_public && !self.rights.is_public()
    }

    /// Returns true if only its rights, which are unknown, forbid its use.
    pub(super) fn waits_for_rights(&self) -> bool {
        self.is_barred() && !self.is_rejected() && !self.rights.is_private()
    }

    /// Returns true if its inquiry is due.
    pub(super) fn is_to_identify(&self, now: Timestamp) -> bool {
        self.inquiry.is_due(now)
    }

    /// Puts it into quarantine after a refusal. Concurrent refusals count once.
    pub(super) fn quarantine(&mut self, now: Timestamp) {
        match mem::replace(&mut self.standing, Standing::Rejected) {
            Standing::Rejected if !self.inquiry.is_due(now) => return,
            Standing::Rejected => {}
            // A refusal on trial continues the back-off of the previous one.
            Standing::OnTrial(inquiry) => self.inquiry = inquiry,
            Standing::Untested | Standing::Proven => self.inquiry = Inquiry::default(),
        }
        self.inquiry.again(now);
    }

    /// Records that GitHub has accepted it for a document, even one requested before a refusal: if
    /// that refusal was right, the next request shows it.
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

    /// Reads the headers of an answer. Returns true if the scopes are new and include private data.
    pub(super) fn saw(&mut self, headers: &HeaderMap, now: Timestamp) -> bool {
        let is_news = self.rights.read(headers, now);
        if is_news && !self.is_rejected() {
            self.inquiry = self.next_inquiry(now);
        }
        is_news
    }

    /// Applies the finding of an inquiry.
    pub(super) fn found(&mut self, finding: &Finding, now: Timestamp) {
        match (finding, &self.standing) {
            (Finding::Known(identity), _) => {
                // A token never changes its account, so the first answer stands.
                self.id.get_or_insert(identity.id);
                self.rights.set_visibility_known();
                self.accept(now);
                self.inquiry = self.next_inquiry(now);
            }
            (Finding::NoUser, _) => {
                self.accept(now);
                self.ask_later(now);
            }
            // The refusal may concern only the inquiry: an answer with a document counts more.
            (Finding::Refused, Standing::Proven) => self.inquiry.again(now),
            (Finding::Refused, _) => self.quarantine(now),
            // If inquiries are inconclusive, a request for a document must show whether the token
            // works.
            (Finding::Unclear, Standing::Rejected) => {
                self.standing = Standing::OnTrial(mem::take(&mut self.inquiry));
                self.ask_later(now);
            }
            (_, Standing::Rejected) => self.inquiry.again_alike(now),
            (Finding::NoAnswer, _) => self.inquiry.again_soon(now),
            (Finding::Limited(_) | Finding::Unclear, _) => self.inquiry.again(now),
        }
    }

    /// Plans another inquiry, if the account matters.
    fn ask_later(&mut self, now: Timestamp) {
        if self.rules.identify {
            self.inquiry.again(now);
        }
    }

    /// Plans the next inquiry about a token that works. An inquiry about a token with too many
    /// rights is repeated, since its owner may reduce them.
    fn next_inquiry(&self, now: Timestamp) -> Inquiry {
        match self.id {
            None if self.rules.identify => Inquiry::at_once(),
            _ if self.is_barred() => Inquiry::after(UNTIL_SCOPES_CHANGE, now),
            _ => Inquiry::default(),
        }
    }
}
