//! The state of all tokens, and the choice among them.
//!
//! Pure: callers pass the time, and lock a shared pool. Quota and cooldowns belong to accounts.
//! Until the account of a token is known, the token counts as an account of its own.

use std::collections::BTreeSet;

use http::HeaderMap;

use crate::clock::Timestamp;
use crate::secret::Fingerprint;
use crate::upstream::identity::Finding;
use crate::upstream::rate_limit::{Limit, Quota};
use crate::upstream::slots::Priority;

use super::Report;
use super::account::Account;
use super::allowance::{Allowance, Budget};
use super::token::Token;
use super::tried::Tried;

/// The requests without a token that the background leaves to clients, of the 60 per hour that
/// GitHub allows.
const KEPT_WITHOUT_TOKEN: u64 = 30;

/// The tokens, in the order of the configuration.
#[derive(Debug)]
pub(in crate::upstream) struct Pool {
    tokens: Vec<Token>,
    /// Each account at the position of its first token. The other positions are empty.
    accounts: Vec<Account>,
    /// The quota of our address, for requests without a token.
    anonymous: Account,
    usage_threshold: u64,
    /// The charged calls that the background may make.
    allowance: Allowance,
    next: usize,
}

/// The choice of tokens.
impl Pool {
    /// Creates a pool of unknown tokens.
    pub(super) fn new(tokens: Vec<Token>, usage_threshold: u64) -> Self {
        let accounts = tokens.iter().map(|_| Account::default()).collect();
        let anonymous = Account::default();
        let allowance = Allowance::default();
        Self { tokens, accounts, anonymous, usage_threshold, allowance, next: 0 }
    }

    /// Chooses a token: those with enough quota take turns, then those below the threshold, which
    /// are for the foreground only.
    ///
    /// # Errors
    ///
    /// The time at which a token is usable again, if none is now.
    pub(in crate::upstream) fn choose(
        &self,
        priority: Priority,
        tried: &Tried,
        now: Timestamp,
    ) -> Result<usize, Timestamp> {
        let count = self.tokens.len();
        let turns = (0..count).map(|turn| (self.next + turn) % count);
        let usable = |&index: &usize| self.is_usable(index, tried, now);
        let may_run_low = priority == Priority::Foreground;
        turns
            .clone()
            .filter(usable)
            .find(|&index| self.has_enough(index, now))
            .or_else(|| turns.filter(usable).find(|_| may_run_low))
            .ok_or_else(|| self.usable_at(priority, now))
    }

    /// Returns the token with this fingerprint, if it is usable. The foreground may use it below
    /// the threshold, since a `304` is free.
    pub(in crate::upstream) fn choose_own(
        &self,
        own: Fingerprint,
        priority: Priority,
        tried: &Tried,
        now: Timestamp,
    ) -> Option<usize> {
        let may_run_low = priority == Priority::Foreground;
        let index = self.tokens.iter().position(|token| token.fingerprint == own)?;
        let may = self.is_usable(index, tried, now) && (may_run_low || self.has_enough(index, now));
        may.then_some(index)
    }

    /// Returns true if there is a token with this fingerprint and its rights do not forbid its use.
    pub(super) fn may_ask(&self, own: Fingerprint) -> bool {
        self.tokens.iter().any(|token| token.fingerprint == own && !token.is_barred())
    }

    /// Returns true if the token with this fingerprint is neither refused nor barred.
    pub(super) fn is_in_order(&self, own: Fingerprint) -> bool {
        self.tokens.iter().any(|token| token.fingerprint == own && !token.is_put_aside())
    }

    /// Returns true if each token that is neither refused nor barred has been tried.
    pub(super) fn are_all_tried(&self, tried: &Tried) -> bool {
        let is_same_account = |a: usize, b: usize| self.tokens[a].account == self.tokens[b].account;
        let mut tokens = self.tokens.iter().enumerate();
        tokens.all(|(index, token)| token.is_put_aside() || tried.rules_out(index, is_same_account))
    }

    /// Returns when the token with this fingerprint is usable; `now` if there is none.
    pub(in crate::upstream) fn own_usable_at(
        &self,
        own: Fingerprint,
        priority: Priority,
        now: Timestamp,
    ) -> Timestamp {
        let index = self.tokens.iter().position(|token| token.fingerprint == own);
        index.map_or(now, |index| self.one_usable_at(index, priority, now))
    }

    /// Returns a token with enough quota and another fingerprint, if there is one.
    pub(in crate::upstream) fn choose_another(
        &self,
        avoided: Fingerprint,
        tried: &Tried,
        now: Timestamp,
    ) -> Option<usize> {
        let count = self.tokens.len();
        let turns = (0..count).map(|turn| (self.next + turn) % count);
        let others = turns.filter(|&index| self.tokens[index].fingerprint != avoided);
        let mut usable = others.filter(|&index| self.is_usable(index, tried, now));
        usable.find(|&index| self.has_enough(index, now))
    }

    /// Returns true if less than half of the quota of all usable accounts is left.
    pub(in crate::upstream) fn is_scarce(&self, now: Timestamp) -> bool {
        let budgets = self.spendable().map(|account| account.budget(now));
        let (left, limit) = budgets.fold((0_u64, 0_u64), |(left, limit), budget| {
            (left.saturating_add(budget.0), limit.saturating_add(budget.1))
        });
        left < limit.div_ceil(2)
    }

    /// Returns the accounts with a token that is neither refused nor barred.
    fn spendable(&self) -> impl Iterator<Item = &Account> {
        let may_be_spent = |&(place, _): &(usize, &Account)| {
            self.tokens.iter().any(|token| token.account == place && !token.is_put_aside())
        };
        self.accounts.iter().enumerate().filter(may_be_spent).map(|(_, account)| account)
    }

    /// Returns the budget of the background for charged calls, for all accounts together.
    fn background_budget(&self, now: Timestamp) -> Budget {
        let budgets = self.spendable().map(|it| it.background_budget(self.usage_threshold, now));
        budgets.fold(Budget::NONE, Budget::and)
    }

    /// Returns when the first token is usable for a request of this priority; `now` if one is. A
    /// refused token may be usable at its next inquiry; its time counts only if all tokens are
    /// refused.
    pub(in crate::upstream) fn usable_at(&self, priority: Priority, now: Timestamp) -> Timestamp {
        let first = |is_rejected: bool| {
            let tokens = self.tokens.iter().enumerate();
            let of_these = tokens.filter(|(_, token)| token.is_rejected() == is_rejected);
            of_these.map(|(index, _)| self.one_usable_at(index, priority, now)).min()
        };
        first(false).or_else(|| first(true)).unwrap_or(now)
    }

    /// Returns true if a limit alone keeps a token from use, while none is usable. A token that is
    /// refused or has too many rights does not count. A token with unknown rights counts during a
    /// cooldown, which delays its inquiry.
    pub(super) fn are_limited(&self, now: Timestamp) -> bool {
        let cools_down = |token: &Token| self.accounts[token.account].usable_at(now) > now;
        self.tokens.iter().any(|token| match token.is_put_aside() {
            true => token.waits_for_rights() && cools_down(token),
            false => true,
        })
    }

    /// Returns when the token at `index` is usable.
    pub(super) fn one_usable_at(
        &self,
        index: usize,
        priority: Priority,
        now: Timestamp,
    ) -> Timestamp {
        let account = match priority {
            Priority::Foreground => self.account(index).usable_at(now),
            Priority::Background => self.account(index).has_at(self.usage_threshold, now),
        };
        account.max(self.tokens[index].usable_at(now))
    }

    /// Returns when a request without a token may be sent. The background leaves half of this small
    /// quota to clients.
    pub(super) fn without_token_at(&self, priority: Priority, now: Timestamp) -> Timestamp {
        match priority {
            Priority::Foreground => self.anonymous.usable_at(now),
            Priority::Background => self.anonymous.has_at(KEPT_WITHOUT_TOKEN, now),
        }
    }

    pub(super) fn is_rejected(&self, index: usize) -> bool {
        self.tokens[index].is_rejected()
    }

    /// Returns true if a token has more quota left than the part that is kept for clients.
    pub(super) fn has_quota_to_spare(&self, now: Timestamp) -> bool {
        self.choose(Priority::Background, &Tried::default(), now).is_ok()
    }

    /// Records that the token at `index` has had its turn.
    pub(super) fn took(&mut self, index: usize) {
        self.next = index + 1;
    }

    pub(super) fn fingerprint(&self, index: usize) -> Fingerprint {
        self.tokens[index].fingerprint
    }

    fn is_usable(&self, index: usize, tried: &Tried, now: Timestamp) -> bool {
        let is_same_account = |a: usize, b: usize| self.tokens[a].account == self.tokens[b].account;
        !tried.rules_out(index, is_same_account)
            && self.tokens[index].usable_at(now) <= now
            && self.account(index).usable_at(now) <= now
    }

    fn has_enough(&self, index: usize, now: Timestamp) -> bool {
        self.account(index).has(self.usage_threshold, now)
    }

    fn account(&self, index: usize) -> &Account {
        &self.accounts[self.tokens[index].account]
    }
}

/// The effects of answers, and the state for metrics.
impl Pool {
    /// Returns the account of the token at `index`.
    pub(super) fn account_mut(&mut self, index: usize) -> &mut Account {
        &mut self.accounts[self.tokens[index].account]
    }

    /// Returns true if GitHub charges the account of the token with this fingerprint for `304`
    /// answers.
    pub(super) fn charges_not_modified(&self, own: Fingerprint) -> bool {
        let index = self.tokens.iter().position(|token| token.fingerprint == own);
        index.is_some_and(|index| self.account(index).charges_not_modified())
    }

    pub(super) fn take_charge(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let budget = self.background_budget(now);
        self.allowance.take(budget, now)
    }

    pub(super) fn has_charge(&self, now: Timestamp) -> bool {
        self.allowance.has_one(self.background_budget(now), now)
    }

    pub(super) fn put_back_charge(&mut self) {
        self.allowance.put_back();
    }

    pub(super) fn has_charges_left(&self, now: Timestamp) -> bool {
        !self.background_budget(now).is_spent()
    }

    pub(super) fn saw_without_token(&mut self, headers: &HeaderMap, now: Timestamp) {
        if let Some(quota) = Quota::read(headers, now) {
            self.anonymous.book(quota, now);
        }
    }

    /// Begins the cooldown of requests without a token, and returns its end. All their limits
    /// concern our address.
    pub(super) fn cool_down_without_token(&mut self, limit: Limit, now: Timestamp) -> Timestamp {
        let retry_after = match limit {
            Limit::Host { retry_after }
            | Limit::Address { retry_after }
            | Limit::Secondary { retry_after } => retry_after,
            Limit::Primary { reset_at } | Limit::OtherResource { reset_at } => {
                reset_at.map(|at| at.since(now))
            }
        };
        self.anonymous.cool_down(Limit::Secondary { retry_after }, now);
        self.anonymous.usable_at(now)
    }

    pub(super) fn cool_down(&mut self, index: usize, limit: Limit, now: Timestamp) -> bool {
        self.account_mut(index).cool_down(limit, now)
    }

    pub(super) fn succeeded(&mut self, index: usize, now: Timestamp) {
        self.account_mut(index).succeeded(now);
        self.tokens[index].succeeded(now);
    }

    /// Puts a token into quarantine; returns false if it was there already.
    pub(super) fn quarantine(&mut self, index: usize, now: Timestamp) -> bool {
        let was_rejected = self.tokens[index].is_rejected();
        self.tokens[index].quarantine(now);
        !was_rejected
    }

    /// Books the headers of an answer. Returns the token's scopes if they newly show private data.
    pub(super) fn saw(
        &mut self,
        index: usize,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<String> {
        if let Some(quota) = Quota::read(headers, now) {
            self.account_mut(index).book(quota, now);
        }
        let token = &mut self.tokens[index];
        token.saw(headers, now).then(|| token.rights.scopes())
    }

    /// Returns the tokens whose expiry must be logged, with the days until then.
    pub(super) fn expire_soon(&mut self, now: Timestamp) -> Vec<(usize, i64)> {
        let tokens = self.tokens.iter_mut().enumerate();
        tokens.filter_map(|(index, token)| Some((index, token.rights.expires_soon(now)?))).collect()
    }

    /// Returns a token whose inquiry is due and whose account is not in a cooldown.
    pub(super) fn next_to_identify(&self, now: Timestamp) -> Option<usize> {
        (0..self.tokens.len()).find(|&index| {
            self.tokens[index].is_to_identify(now) && self.account(index).usable_at(now) <= now
        })
    }

    /// Applies the finding of an inquiry; returns true if it is news.
    pub(super) fn found(&mut self, index: usize, finding: &Finding, now: Timestamp) -> bool {
        let known = |pool: &Self| (pool.tokens[index].id, pool.tokens[index].is_rejected());
        let before = known(self);
        self.tokens[index].found(finding, now);
        match finding {
            Finding::Known(_) | Finding::NoUser => self.account_mut(index).succeeded(now),
            Finding::Limited(limit) => drop(self.cool_down(index, *limit, now)),
            Finding::Refused | Finding::Unclear | Finding::NoAnswer => {}
        }
        self.unite(index, now);
        known(self) != before
    }

    /// Returns the position of the token's account, and true if another token shares it.
    pub(super) fn account_of(&self, index: usize) -> (usize, bool) {
        let account = self.tokens[index].account;
        let tokens = self.tokens.iter().filter(|token| token.account == account).count();
        (account, tokens > 1)
    }

    /// Returns true if every token that GitHub accepts shares an account with one of these.
    pub(super) fn are_all_accounts_of(&self, indices: &[usize], now: Timestamp) -> bool {
        let accounts: Vec<_> = indices.iter().map(|index| self.tokens[*index].account).collect();
        let mut accepted = self.tokens.iter().filter(|token| token.usable_at(now) <= now);
        accepted.all(|token| accounts.contains(&token.account))
    }

    /// Returns the state of each token.
    pub(super) fn reports(&self, now: Timestamp) -> Vec<Report> {
        (0..self.tokens.len()).map(|index| self.report(index, now)).collect()
    }

    /// Merges the accounts of all tokens with the id of this one.
    fn unite(&mut self, index: usize, now: Timestamp) {
        let Some(id) = self.tokens[index].id else { return };
        let same = self.tokens.iter().filter(|token| token.id == Some(id));
        let mut accounts: BTreeSet<_> = same.map(|token| token.account).collect();
        let Some(first) = accounts.pop_first() else { return };
        for other in accounts {
            let gone = std::mem::take(&mut self.accounts[other]);
            self.accounts[first].merge(&gone, now);
            let moved = self.tokens.iter_mut().filter(|token| token.account == other);
            moved.for_each(|token| token.account = first);
        }
    }

    fn report(&self, index: usize, now: Timestamp) -> Report {
        let token = &self.tokens[index];
        let known = self.account(index).known(now);
        let cools_down_until = self.account(index).cools_down_until(now);
        let is_cooling_down = cools_down_until > now;
        Report {
            account: token.account,
            remaining: known.map(|quota| quota.remaining),
            reset_at: known.map(|quota| quota.reset_at),
            is_cooling_down,
            cools_down_until: is_cooling_down.then_some(cools_down_until),
            rejected: token.is_rejected(),
            private: token.rights.is_private(),
            barred: token.is_barred(),
            expires_in_days: token.rights.expires_in_days(now),
        }
    }
}
