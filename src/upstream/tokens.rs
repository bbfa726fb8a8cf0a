//! The pool of GitHub tokens: which one the next request uses, and what each answer says about it.
//!
//! A token is usable while it neither rests (a limit) nor is quarantined (a `401`). What an answer showed of its
//! quota is forgotten when that window ends; an unknown quota counts as enough. Times are the caller's.

mod state;

use http::HeaderValue;
use parking_lot::Mutex;

use crate::clock::Timestamp;
use crate::config;

use super::rate_limit::{Limit, Quota};
use super::{Fingerprint, Priority, Secret};

use state::State;

/// The tokens and what is known of each.
#[derive(Debug)]
pub struct TokenPool {
    tokens: Vec<Token>,
    usage_threshold: u64,
    rota: Mutex<Rota>,
}

/// A token as requests need it. The header value is marked as sensitive, so `Debug` does not show it.
#[derive(Debug)]
struct Token {
    fingerprint: Fingerprint,
    authorization: HeaderValue,
}

#[derive(Debug)]
struct Rota {
    states: Vec<State>,
    next: usize,
}

/// The right to use one token for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    index: usize,
    fingerprint: Fingerprint,
}

impl Lease {
    /// Which token of the configuration this is, counted from 0.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// What an entry remembers of it.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// What can be told of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Requests left in the window, if known.
    pub remaining: Option<u64>,
    /// When that window ends.
    pub reset_at: Option<Timestamp>,
    /// Whether it rests after a limit.
    pub resting: bool,
    /// Whether GitHub refused it the last time it was used.
    pub rejected: bool,
}

impl TokenPool {
    /// A pool of which nothing is known yet.
    pub fn new(config: &config::Tokens) -> Self {
        let states = config.secrets.iter().map(|_| State::default()).collect();
        Self {
            tokens: config.secrets.iter().map(Token::new).collect(),
            usage_threshold: config.usage_threshold,
            rota: Mutex::new(Rota { states, next: 0 }),
        }
    }

    /// A token for the next request, none of `tried`; else the moment when one is usable again.
    ///
    /// `own` is the token that fetched the entry: its ETag is worth something with that one alone, so it is
    /// preferred while it is usable, by the foreground even below the threshold. Otherwise tokens take turns, those
    /// with enough quota first. The background stops at the threshold.
    pub fn lease(
        &self,
        own: Option<Fingerprint>,
        priority: Priority,
        tried: &[Lease],
        now: Timestamp,
    ) -> Result<Lease, Timestamp> {
        let mut rota = self.rota.lock();
        let usable = |index: usize| {
            let untried = tried.iter().all(|lease| lease.index != index);
            untried && rota.states[index].is_usable(now)
        };
        let enough = |index: usize| rota.states[index].has(self.usage_threshold, now);
        let may_run_low = priority == Priority::Foreground;
        let turns = (0..self.tokens.len()).map(|turn| (rota.next + turn) % self.tokens.len());

        let own = own
            .and_then(|own| self.tokens.iter().position(|token| token.fingerprint == own))
            .filter(|&index| usable(index) && (may_run_low || enough(index)));
        let chosen = own
            .or_else(|| turns.clone().find(|&index| usable(index) && enough(index)))
            .or_else(|| turns.clone().find(|&index| usable(index) && may_run_low));
        let Some(index) = chosen else {
            return Err(rota.usable_at(self.usage_threshold, may_run_low, now));
        };
        if own.is_none() {
            rota.next = index + 1;
        }
        Ok(Lease { index, fingerprint: self.tokens[index].fingerprint })
    }

    /// The `Authorization` value of a leased token.
    pub fn authorization(&self, lease: Lease) -> HeaderValue {
        self.tokens[lease.index].authorization.clone()
    }

    /// Books the quota that an answer showed.
    pub fn book(&self, lease: Lease, quota: Quota, now: Timestamp) {
        self.rota.lock().states[lease.index].book(quota, now);
    }

    /// An answer that was neither a limit nor a refusal of the token: it works.
    pub fn succeeded(&self, lease: Lease, now: Timestamp) {
        self.rota.lock().states[lease.index].succeeded(now);
    }

    /// Rests the token after a limit that is about it; `false` if the limit is about something else.
    pub fn rest(&self, lease: Lease, limit: Limit, now: Timestamp) -> bool {
        self.rota.lock().states[lease.index].rest(limit, now)
    }

    /// Puts the token aside after a `401`. It is tried again after a while, each time a longer one.
    pub fn quarantine(&self, lease: Lease, now: Timestamp) {
        self.rota.lock().states[lease.index].quarantine(now);
    }

    /// When the first token is usable again; `now` if one is.
    pub fn usable_at(&self, now: Timestamp) -> Timestamp {
        self.rota.lock().usable_at(0, true, now)
    }

    /// Whether a token has more left than is kept for clients.
    pub fn has_quota_to_spare(&self, now: Timestamp) -> bool {
        let rota = self.rota.lock();
        rota.states.iter().any(|state| state.is_usable(now) && state.has(self.usage_threshold, now))
    }

    /// What can be told of each token, in the order of the configuration.
    pub fn reports(&self, now: Timestamp) -> Vec<Report> {
        self.rota.lock().states.iter().map(|state| state.report(now)).collect()
    }
}

impl Token {
    fn new(secret: &Secret) -> Self {
        Self { fingerprint: secret.fingerprint(), authorization: secret.authorization() }
    }
}

impl Rota {
    fn usable_at(&self, threshold: u64, may_run_low: bool, now: Timestamp) -> Timestamp {
        let waits = |state: &State| {
            if may_run_low { state.usable_at(now) } else { state.has_at(threshold, now) }
        };
        self.states.iter().map(waits).min().unwrap_or(now)
    }
}

#[cfg(test)]
mod tests;
