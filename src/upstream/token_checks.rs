//! The state of the token checks: when each token last passed, and which documents it got.

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use crate::clock::Timestamp;
use crate::target::Target;

use super::tokens::TokenUse;

/// The state of the checks, by token.
#[derive(Debug)]
pub(super) struct TokenChecks(Vec<TokenCheck>);

#[derive(Debug, Default)]
struct TokenCheck {
    /// The time at which the token last passed. Locked during a check, so that concurrent refusals
    /// share one check.
    passed_at: AsyncMutex<Option<Timestamp>>,
    /// The last two documents that the token got, the newest first.
    got: Mutex<[Option<Target>; 2]>,
}

impl TokenChecks {
    /// Creates the state of `count` tokens without any checks.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| TokenCheck::default()).collect())
    }

    /// Records that the token got a document.
    pub(super) fn record(&self, token_use: TokenUse, target: &Target) {
        let mut got = self.0[token_use.index()].got.lock();
        let is_newest = |known: &Target| known.key() == target.key();
        if !got[0].as_ref().is_some_and(is_newest) {
            got[1] = got[0].replace(target.clone());
        }
    }

    /// Locks and returns the time at which the token last passed.
    pub(super) async fn passed_at(&self, token_use: TokenUse) -> MutexGuard<'_, Option<Timestamp>> {
        self.0[token_use.index()].passed_at.lock().await
    }

    /// Returns a document that the token got, other than this one.
    pub(super) fn elsewhere(&self, token_use: TokenUse, target: &Target) -> Option<Target> {
        let got = self.0[token_use.index()].got.lock();
        got.iter().flatten().find(|known| known.key() != target.key()).cloned()
    }
}
