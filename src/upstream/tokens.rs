//! The pool of GitHub tokens: it chooses the token of a request, and learns from each answer.
//!
//! A token is usable while its account is not in a cooldown (a limit) and the token is not in
//! quarantine (a `401`). The pool forgets the quota of a window at its end; an unknown quota counts
//! as enough. Callers pass the time.

mod account;
mod allowance;
mod inquiry;
mod meter;
mod planner;
mod pool;
mod quota_windows;
mod reservation;
mod rights;
mod token;
mod tried;

use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::config;

use super::identity::{AccountIdentity, Finding};
use super::rate_limit::{self, Limit};
use super::slots::Priority;
use crate::entry::Validator;
use crate::secret::{Fingerprint, Secret, TokenSearch};

use meter::QuotaReading;
use pool::Pool;
use reservation::Reservation;
use token::{Rules, Token};

pub(super) use planner::TokenRequest;
pub(super) use tried::Tried;

/// The tokens and their states.
#[derive(Debug)]
pub struct TokenPool {
    /// The header values are marked as sensitive, so `Debug` does not show them.
    authorizations: Vec<HeaderValue>,
    search: TokenSearch,
    pool: Mutex<Pool>,
}

/// The use of one token for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUse {
    index: usize,
    fingerprint: Fingerprint,
}

impl TokenUse {
    /// Returns the position of the token in the configuration, counted from 0.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Returns the fingerprint that an entry stores.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// The state of a token, for metrics and health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The position of the first token of its account, as far as that is known.
    pub account: usize,
    /// Requests left in the window, if known.
    pub remaining: Option<u64>,
    /// The end of that window.
    pub reset_at: Option<Timestamp>,
    /// True during a cooldown.
    pub is_cooling_down: bool,
    /// The end of that cooldown.
    pub cools_down_until: Option<Timestamp>,
    /// True if GitHub refused the token and has not accepted it since.
    pub rejected: bool,
    /// True if its scopes include private data.
    pub private: bool,
    /// True if `REQUIRE_PUBLIC_TOKENS` forbids its use, because of its scopes or while they are
    /// unknown.
    pub barred: bool,
    /// The whole days until its expiry, if known; negative after it.
    pub expires_in_days: Option<i64>,
}

impl TokenPool {
    /// Creates a pool of tokens without any knowledge about them.
    pub fn new(config: &config::Tokens) -> Self {
        let config::Tokens { identify, require_public, .. } = *config;
        // The rights of a token are known only after an inquiry.
        let rules = Rules { identify: identify || require_public, be_public: require_public };
        let fingerprints = config.secrets.iter().map(Secret::fingerprint).enumerate();
        let tokens = fingerprints.map(|(place, fingerprint)| Token::new(place, fingerprint, rules));
        Self {
            authorizations: config.secrets.iter().map(Secret::authorization).collect(),
            search: TokenSearch::new(&config.secrets),
            pool: Mutex::new(Pool::new(tokens.collect(), config.usage_threshold)),
        }
    }

    /// Returns how many tokens there are.
    pub fn count(&self) -> usize {
        self.authorizations.len()
    }

    /// Returns the token and the validator for the next request, as [`planner::plan`] chooses them.
    ///
    /// # Errors
    ///
    /// The time at which a token is usable again, if none is now.
    pub(super) fn choose(
        &self,
        request: &TokenRequest<'_>,
        now: Timestamp,
    ) -> Result<(TokenUse, Validator), Timestamp> {
        let mut pool = self.pool.lock();
        let plan = planner::plan(request, &pool, now)?;
        if plan.validator != Validator::Etag {
            pool.took(plan.token);
        }
        Ok((use_of(&pool, plan.token), plan.validator))
    }

    /// Returns true if every token that GitHub accepts shares an account with one of these.
    pub(super) fn are_all_accounts_of(
        &self,
        uses: impl Iterator<Item = TokenUse>,
        now: Timestamp,
    ) -> bool {
        let indices: Vec<_> = uses.map(|token_use| token_use.index).collect();
        self.pool.lock().are_all_accounts_of(&indices, now)
    }

    /// Returns true if the token may be used now, even for the part of its quota that is kept for
    /// clients.
    pub(super) fn is_usable(&self, token_use: TokenUse, now: Timestamp) -> bool {
        self.pool.lock().one_usable_at(token_use.index, Priority::Foreground, now) <= now
    }

    /// Returns the `Authorization` value of the token.
    pub fn authorization(&self, token_use: TokenUse) -> HeaderValue {
        self.authorizations[token_use.index].clone()
    }

    /// Returns true if these bytes contain one of the tokens, even one in quarantine.
    pub(super) fn are_shown_in(&self, bytes: &[u8]) -> bool {
        self.search.is_in(bytes)
    }

    /// Counts a request as spent until its cost is booked.
    pub(super) fn reserve(&self, token_use: TokenUse) -> Reservation<'_> {
        Reservation::new(self, token_use)
    }

    /// Books the headers of an answer: the quota, the scopes of the token, and its expiry.
    pub(super) fn saw(&self, token_use: TokenUse, headers: &HeaderMap, now: Timestamp) {
        let private = self.pool.lock().saw(token_use.index, headers, now);
        if let Some(scopes) = private {
            let token = token_use.index;
            tracing::warn!(token, scopes, "a token sees private data, and so does every client");
        }
    }

    /// Returns true if there is a token with this fingerprint and its rights do not forbid its use.
    pub(super) fn may_ask(&self, own: Fingerprint) -> bool {
        self.pool.lock().may_ask(own)
    }

    /// Returns true if this exchange has tried each token that GitHub accepts and svm may use.
    pub(super) fn are_all_tried(&self, tried: &Tried) -> bool {
        self.pool.lock().are_all_tried(tried)
    }

    /// Returns when the token with this fingerprint is usable for a client; `now` if there is none.
    pub(super) fn own_usable_at(&self, own: Fingerprint, now: Timestamp) -> Timestamp {
        self.pool.lock().own_usable_at(own, Priority::Foreground, now)
    }

    /// Returns the position of the token with this fingerprint in the configuration, counted from
    /// 0.
    pub fn place_of(&self, fingerprint: Fingerprint) -> Option<usize> {
        let pool = self.pool.lock();
        (0..self.authorizations.len()).find(|index| pool.fingerprint(*index) == fingerprint)
    }

    /// Compares the used quota in an answer with that of the answer before. Returns whether the
    /// call was charged, if that can be known.
    pub(super) fn was_charged(
        &self,
        token_use: TokenUse,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<bool> {
        let (used, reset_at) = rate_limit::used(headers, now)?;
        let mut pool = self.pool.lock();
        pool.account_mut(token_use.index).read_meter(QuotaReading { used, reset_at })
    }

    /// Records whether a `304` was charged to the token's account.
    pub(super) fn saw_not_modified(&self, token_use: TokenUse, charged: bool) {
        self.pool.lock().account_mut(token_use.index).saw_not_modified(charged);
    }

    /// Returns true if GitHub charges the account of the token with this fingerprint for `304`
    /// answers.
    pub fn charges_not_modified(&self, fingerprint: Fingerprint) -> bool {
        self.pool.lock().charges_not_modified(fingerprint)
    }

    /// Logs tokens that expire soon, once a day each.
    pub(super) fn log_expiring(&self, now: Timestamp) {
        let expiring = self.pool.lock().expire_soon(now);
        for (token, days) in expiring {
            match days {
                0.. => tracing::warn!(token, days, "a token expires soon"),
                _ => tracing::warn!(token, days, "a token has expired"),
            }
        }
    }

    /// Records that the token works: the answer was neither a limit nor a refusal of the token.
    pub fn succeeded(&self, token_use: TokenUse, now: Timestamp) {
        self.pool.lock().succeeded(token_use.index, now);
    }

    /// Begins the cooldown of the token's account; returns false if the limit concerns something
    /// else.
    pub fn cool_down(&self, token_use: TokenUse, limit: Limit, now: Timestamp) -> bool {
        self.pool.lock().cool_down(token_use.index, limit, now)
    }

    /// Returns when the cooldown of the token's account ends or has ended.
    pub(super) fn cools_down_until(&self, token_use: TokenUse, now: Timestamp) -> Timestamp {
        self.pool.lock().account_mut(token_use.index).cools_down_until(now)
    }

    /// Returns true if GitHub currently refuses the token, as far as is known.
    pub(super) fn is_rejected(&self, token_use: TokenUse) -> bool {
        self.pool.lock().is_rejected(token_use.index)
    }

    /// Returns when a request without a token may be sent; `now` if it may now.
    pub(super) fn without_token_at(&self, priority: Priority, now: Timestamp) -> Timestamp {
        self.pool.lock().without_token_at(priority, now)
    }

    /// Books the quota of our address in an answer to a request without a token.
    pub(super) fn saw_without_token(&self, headers: &HeaderMap, now: Timestamp) {
        self.pool.lock().saw_without_token(headers, now);
    }

    /// Begins the cooldown of requests without a token, and returns its end.
    pub(super) fn cool_down_without_token(&self, limit: Limit, now: Timestamp) -> Timestamp {
        self.pool.lock().cool_down_without_token(limit, now)
    }

    /// Puts the token into quarantine after a `401`, until an inquiry shows that it works again.
    pub fn quarantine(&self, token_use: TokenUse, now: Timestamp) {
        if self.pool.lock().quarantine(token_use.index, now) {
            log_refused(token_use.index);
        }
    }

    /// Returns a token whose inquiry is due: to learn its account, or whether it works again.
    pub(super) fn next_to_identify(&self, now: Timestamp) -> Option<TokenUse> {
        let pool = self.pool.lock();
        Some(use_of(&pool, pool.next_to_identify(now)?))
    }

    /// Applies the finding of an inquiry.
    pub(super) fn found(&self, token_use: TokenUse, finding: &Finding, now: Timestamp) {
        let mut pool = self.pool.lock();
        let is_news = pool.found(token_use.index, finding, now);
        let (account, is_shared) = pool.account_of(token_use.index);
        drop(pool);
        match finding {
            Finding::Known(identity) if is_news => {
                log_account(token_use.index, identity, account, is_shared);
            }
            Finding::Refused if is_news => log_refused(token_use.index),
            Finding::Known(_) | Finding::Refused => {}
            _ => tracing::debug!(token = token_use.index, ?finding, "token inquiry inconclusive"),
        }
    }

    /// Returns when the first token is usable again; `now` if one is.
    pub fn usable_at(&self, now: Timestamp) -> Timestamp {
        self.pool.lock().usable_at(Priority::Foreground, now)
    }

    /// Returns true if a limit alone keeps a token from use, so that its end makes one usable.
    pub(super) fn are_limited(&self, now: Timestamp) -> bool {
        self.pool.lock().are_limited(now)
    }

    /// Returns true if the token with this fingerprint is neither refused nor barred: only a limit
    /// keeps it from use.
    pub(super) fn is_in_order(&self, own: Fingerprint) -> bool {
        self.pool.lock().is_in_order(own)
    }

    /// Returns true if a token has more quota left than the part that is kept for clients.
    pub fn has_quota_to_spare(&self, now: Timestamp) -> bool {
        self.pool.lock().has_quota_to_spare(now)
    }

    /// Takes a call that is likely to be charged from the background's share of the quota.
    ///
    /// # Errors
    ///
    /// The time of the next such call, if none is allowed now.
    pub fn take_charge(&self, now: Timestamp) -> Result<(), Timestamp> {
        self.pool.lock().take_charge(now)
    }

    /// Returns true if [`TokenPool::take_charge`] would allow a call now.
    pub fn has_charge(&self, now: Timestamp) -> bool {
        self.pool.lock().has_charge(now)
    }

    /// Refunds a call that was not charged.
    pub fn put_back_charge(&self) {
        self.pool.lock().put_back_charge();
    }

    /// Returns true if the background's share of the quota is not spent yet.
    pub fn has_charges_left(&self, now: Timestamp) -> bool {
        self.pool.lock().has_charges_left(now)
    }

    /// Counts an answer to the background that was charged to the token's account.
    pub(super) fn charged_background(&self, token_use: TokenUse, now: Timestamp) {
        self.pool.lock().account_mut(token_use.index).charged_background(now);
    }

    /// Returns the state of each token, in the order of the configuration.
    pub fn reports(&self, now: Timestamp) -> Vec<Report> {
        self.pool.lock().reports(now)
    }
}

fn use_of(pool: &Pool, index: usize) -> TokenUse {
    TokenUse { index, fingerprint: pool.fingerprint(index) }
}

fn log_account(token: usize, identity: &AccountIdentity, account: usize, is_shared: bool) {
    let login = identity.login.as_str();
    match is_shared {
        true => tracing::warn!(
            token,
            account,
            login,
            "a token shares its account: a second token of one account adds no quota"
        ),
        false => tracing::info!(token, account, login, "a token's account is known"),
    }
}

fn log_refused(token: usize) {
    tracing::warn!(token, "GitHub refused a token; it is put aside until it works again");
}

#[cfg(test)]
mod tests;
