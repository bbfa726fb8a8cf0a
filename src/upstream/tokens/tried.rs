//! The tokens that an exchange has tried already.

use super::TokenUse;

/// The tokens that are of no use to an exchange.
#[derive(Clone, Debug, Default)]
pub(in crate::upstream) struct Tried {
    tokens: Vec<usize>,
    /// A token whose whole account is of no use.
    denied: Option<usize>,
}

impl Tried {
    /// This token is of no use.
    pub(in crate::upstream) fn add(&mut self, token_use: TokenUse) {
        self.tokens.push(token_use.index);
    }

    /// Nor is any other token of its account: a policy looks at who asks. An exchange meets one
    /// once.
    pub(in crate::upstream) fn add_account(&mut self, token_use: TokenUse) {
        self.denied = Some(token_use.index);
    }

    /// Returns true if the token is of no use; `is_same_account` compares two.
    pub(super) fn rules_out(
        &self,
        index: usize,
        is_same_account: impl Fn(usize, usize) -> bool,
    ) -> bool {
        self.tokens.contains(&index)
            || self.denied.is_some_and(|denied| is_same_account(denied, index))
    }
}
