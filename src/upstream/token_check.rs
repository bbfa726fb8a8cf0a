//! The check whether GitHub refuses a token, or only one document.
//!
//! A `401` alone does not tell: some documents want another kind of credential, a gateway may
//! answer for GitHub, and GitHub errs now and then. So the token is tried elsewhere before it is
//! put aside: on `GET /user`, and where that settles nothing, on the document that it last got.
//! Until the check ends the token stays in use.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Mutex as AsyncMutex;

use crate::clock::Timestamp;
use crate::target::Target;

use super::Upstream;
use super::condition::Condition;
use super::contacts::Contacts;
use super::hop::{self, Hop};
use super::identity::Finding;
use super::slots::Priority;
use super::tokens::TokenUse;

/// The time that a check may take: a client waits for the answer of the document meanwhile.
const DEADLINE: Duration = Duration::from_secs(3);
/// The time for which a token that passed is not checked again, so that documents with a `401` cost
/// no call each.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// The state of the checks, by token.
#[derive(Debug)]
pub(super) struct TokenChecks(Vec<TokenCheck>);

#[derive(Debug, Default)]
struct TokenCheck {
    /// The time at which the token last passed. Locked while a check runs: exchanges that are
    /// refused together share one.
    passed_at: AsyncMutex<Option<Timestamp>>,
    /// The last two documents that the token got, the newest first.
    got: Mutex<[Option<Target>; 2]>,
}

impl TokenChecks {
    /// Nothing is known of so many tokens.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| TokenCheck::default()).collect())
    }

    /// The token got a document.
    pub(super) fn record(&self, token_use: TokenUse, target: &Target) {
        let mut got = self.0[token_use.index()].got.lock();
        let is_newest = |known: &Target| known.key() == target.key();
        if !got[0].as_ref().is_some_and(is_newest) {
            got[1] = got[0].replace(target.clone());
        }
    }

    /// A document that the token got, other than this one.
    fn elsewhere(&self, token_use: TokenUse, target: &Target) -> Option<Target> {
        let got = self.0[token_use.index()].got.lock();
        got.iter().flatten().find(|known| known.key() != target.key()).cloned()
    }
}

impl Upstream {
    /// Returns true if GitHub refuses the token with which this document was answered `401`.
    pub(super) async fn refuses(&self, token_use: TokenUse, target: &Target) -> bool {
        let mut passed_at = self.token_checks.0[token_use.index()].passed_at.lock().await;
        if self.tokens.is_rejected(token_use) {
            return true;
        }
        let now = self.clock.now();
        if passed_at.is_some_and(|at| at <= now && now.since(at) < TRUSTED_FOR) {
            return false;
        }
        let check = self.is_refused_elsewhere(token_use, target);
        // No verdict is no refusal.
        let is_refused = tokio::time::timeout(DEADLINE, check).await.unwrap_or(false);
        *passed_at = (!is_refused).then(|| self.clock.now());
        is_refused
    }

    async fn is_refused_elsewhere(&self, token_use: TokenUse, target: &Target) -> bool {
        let finding = self.ask_owner(token_use).await;
        match finding {
            Finding::Known(_) | Finding::Nobodys | Finding::Limited(_) | Finding::Silence => false,
            Finding::Refused | Finding::Unclear => {
                match self.token_checks.elsewhere(token_use, target) {
                    Some(other) => self.is_refused_for(token_use, &other).await,
                    None => finding == Finding::Refused,
                }
            }
        }
    }

    /// Asks `GET /user`, and books what that tells of the token.
    async fn ask_owner(&self, token_use: TokenUse) -> Finding {
        let Some(user) = Target::token_owner(&self.targets) else { return Finding::Unclear };
        if self.cooldowns.until(&user, self.clock.now()).is_some() {
            return Finding::Silence;
        }
        let finding = self.ask_whose(&user, token_use, &Contacts::default()).await;
        let finding = finding.unwrap_or(Finding::Silence);
        if matches!(finding, Finding::Known(_) | Finding::Nobodys | Finding::Limited(_)) {
            self.tokens.found(token_use, &finding, self.clock.now());
        }
        self.book_limit(&user, &finding);
        finding
    }

    /// Returns true if the token is refused for a document that it got before.
    async fn is_refused_for(&self, token_use: TokenUse, target: &Target) -> bool {
        let (condition, priority) = (&Condition::NONE, Priority::Background);
        // The exchange that is being decided tells how the host is.
        let contacts = &Contacts::default();
        let hop = Hop { target, token_use: Some(token_use), condition, priority, contacts };
        let Ok(head) = hop::send(self, hop).await else { return false };
        head.status() == http::StatusCode::UNAUTHORIZED
    }
}
