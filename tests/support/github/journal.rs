//! The requests that the simulated GitHub saw: counts by path and by token, and the last requests.
//!
//! *Charged* requests cost quota; a *free* one is a 304 that cost none; any other (a 401, a broken
//! answer, `/rate_limit`) only counts as a request.

use std::collections::{HashMap, VecDeque};

use super::received::Received;

/// The number of requests that the log keeps.
const LOG_LENGTH: usize = 20_000;

/// Counts of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Requests with `If-None-Match` or `If-Modified-Since`.
    pub conditional: u64,
    /// Requests that cost quota.
    pub charged: u64,
    /// Answers 304 that cost no quota.
    pub free: u64,
}

/// The record of everything received.
#[derive(Debug, Default)]
pub struct Journal {
    /// TCP connections, whatever came of them.
    pub accepted: u64,
    /// Completed TLS handshakes.
    pub connections: u64,
    /// Those of them that have ended.
    pub ended: u64,
    total: Counts,
    by_target: HashMap<String, Counts>,
    by_token: HashMap<String, Counts>,
    log: VecDeque<Received>,
}

impl Journal {
    /// Enters a request.
    pub fn received(&mut self, request: &Received) {
        let conditional = u64::from(request.is_conditional());
        self.count(request, |counts| {
            counts.requests += 1;
            counts.conditional += conditional;
        });
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(request.clone());
    }

    /// Notes that a request cost quota.
    pub fn charged(&mut self, request: &Received) {
        self.count(request, |counts| counts.charged += 1);
    }

    /// Notes that a request was answered 304 at no cost.
    pub fn free(&mut self, request: &Received) {
        self.count(request, |counts| counts.free += 1);
    }

    /// Counts of everything.
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Counts of one path and query, whatever the host.
    pub fn of_target(&self, target: &str) -> Counts {
        self.by_target.get(target).copied().unwrap_or_default()
    }

    /// Counts of one token; the empty one stands for requests without a token.
    pub fn of_token(&self, token: &str) -> Counts {
        self.by_token.get(token).copied().unwrap_or_default()
    }

    /// The last requests, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.log.iter().cloned().collect()
    }

    fn count(&mut self, request: &Received, change: impl Fn(&mut Counts)) {
        let token = request.token().unwrap_or_default().to_owned();
        change(&mut self.total);
        change(self.by_target.entry(request.target.clone()).or_default());
        change(self.by_token.entry(token).or_default());
    }
}
