//! The check after a `401`: whether GitHub refuses the token, or only the document.
//!
//! A `401` alone is inconclusive: some documents require another kind of credential, a gateway may
//! answer for GitHub, and GitHub makes mistakes. So the token is tried on `GET /user`, and if that
//! is inconclusive, on the last document that it got. The token stays in use until the check ends.

use std::time::Duration;

use crate::target::Target;

use super::condition::Condition;
use super::contacts::Contacts;
use super::context::Upstream;
use super::hop::{self, Hop};
use super::identity::Finding;
use super::slots::Priority;
use super::tokens::TokenUse;

/// The time limit for a check, since a client waits for it.
const DEADLINE: Duration = Duration::from_secs(3);
/// The time for which a token that passed is not checked again, so that each further document with
/// a `401` does not cost a call.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

impl Upstream {
    /// Returns true if GitHub refuses the token with which this document got a `401`.
    pub(super) async fn refuses(&self, token_use: TokenUse, target: &Target) -> bool {
        let mut passed_at = self.token_checks.passed_at(token_use).await;
        if self.tokens.is_rejected(token_use) {
            return true;
        }
        let now = self.clock.now();
        if passed_at.is_some_and(|at| at.was_within(TRUSTED_FOR, now)) {
            return false;
        }
        let check = self.is_refused_elsewhere(token_use, target);
        // A check without a result is no refusal.
        let is_refused = tokio::time::timeout(DEADLINE, check).await.unwrap_or(false);
        *passed_at = (!is_refused).then(|| self.clock.now());
        is_refused
    }

    async fn is_refused_elsewhere(&self, token_use: TokenUse, target: &Target) -> bool {
        let finding = self.ask_owner(token_use).await;
        match finding {
            Finding::Known(_) | Finding::NoUser | Finding::Limited(_) | Finding::NoAnswer => false,
            Finding::Refused | Finding::Unclear => {
                match self.token_checks.elsewhere(token_use, target) {
                    Some(other) => self.is_refused_for(token_use, &other).await,
                    None => finding == Finding::Refused,
                }
            }
        }
    }

    /// Requests `GET /user`, and books the finding.
    async fn ask_owner(&self, token_use: TokenUse) -> Finding {
        let Some(user) = Target::token_owner(&self.targets) else { return Finding::Unclear };
        if self.cooldowns.until(&user, self.clock.now()).is_some() {
            return Finding::NoAnswer;
        }
        let finding = self.fetch_owner(&user, token_use, &Contacts::default()).await;
        let finding = finding.unwrap_or(Finding::NoAnswer);
        if matches!(finding, Finding::Known(_) | Finding::NoUser | Finding::Limited(_)) {
            self.tokens.found(token_use, &finding, self.clock.now());
        }
        self.book_limit(&user, &finding);
        finding
    }

    /// Returns true if the token is refused for a document that it got before.
    async fn is_refused_for(&self, token_use: TokenUse, target: &Target) -> bool {
        let (condition, priority) = (&Condition::NONE, Priority::Background);
        // The exchange that waits for this check already reports the state of the host.
        let contacts = &Contacts::default();
        let hop = Hop { target, token_use: Some(token_use), condition, priority, contacts };
        let Ok(head) = hop::send(self, hop).await else { return false };
        head.status() == http::StatusCode::UNAUTHORIZED
    }
}
