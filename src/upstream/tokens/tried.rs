//! The tokens that an exchange has tried already.

use super::TokenUse;

/// The tokens that an exchange must not use again.
#[derive(Clone, Debug, Default)]
pub(in crate::upstream) struct Tried {
    tokens: Vec<usize>,
    /// The token whose account must not be used.
    denied: Option<usize>,
}

impl Tried {
    /// Excludes this token.
    pub(in crate::upstream) fn add(&mut self, token_use: TokenUse) {
        self.tokens.push(token_use.index);
    }

    /// Excludes all tokens of its account, since a policy concerns the account. An exchange does
    /// this at most once.
    pub(in crate::upstream) fn add_account(&mut self, token_use: TokenUse) {
        self.denied = Some(token_use.index);
    }

    /// Returns true if the token is excluded; `is_same_account` compares the accounts of two
    /// tokens.
    pub(super) fn rules_out(
        &self,
        index: usize,
        is_same_account: impl Fn(usize, usize) -> bool,
    ) -> bool {
        self.tokens.contains(&index)
            || self.denied.is_some_and(|denied| is_same_account(denied, index))
    }
}
