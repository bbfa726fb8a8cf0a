//! The requests that the simulated GitHub received: counts by path and by token, and the last
//! requests.
//!
//! *Charged* requests cost quota; a *free* one is a `304` that cost none; any other (a `401`, a
//! broken answer, `/rate_limit`) counts only as a request.

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
    /// `304` answers that cost no quota.
    pub free: u64,
}

/// The record of all received requests.
#[derive(Debug, Default)]
pub struct Journal {
    /// TCP connections, including failed ones.
    pub accepted: u64,
    /// Completed TLS handshakes.
    pub connections: u64,
    /// The connections that have ended.
    pub ended: u64,
    total: Counts,
    by_target: HashMap<String, Counts>,
    by_token: HashMap<String, Counts>,
    log: VecDeque<Received>,
}

impl Journal {
    /// Records a request.
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

    /// Records that a request cost quota.
    pub fn charged(&mut self, request: &Received) {
        self.count(request, |counts| counts.charged += 1);
    }

    /// Records that a request got a `304` without cost.
    pub fn free(&mut self, request: &Received) {
        self.count(request, |counts| counts.free += 1);
    }

    /// Returns the counts of all requests.
    pub fn total(&self) -> Counts {
        self.total
    }

    /// Returns the counts of one path and query on any host.
    pub fn of_target(&self, target: &str) -> Counts {
        self.by_target.get(target).copied().unwrap_or_default()
    }

    /// Returns the counts of one token; an empty token stands for requests without one.
    pub fn of_token(&self, token: &str) -> Counts {
        self.by_token.get(token).copied().unwrap_or_default()
    }

    /// Returns the last requests, the oldest first.
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
