//! Permits that hosts share, and the exchanges that wait for one.
//!
//! Under one lock, each permit goes to the exchange that has waited longest among those whose host
//! may take one. So no exchange waits while its host may take a permit, and a host that may take
//! none does not delay others.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::shares::Shares;

/// Permits that hosts share.
#[derive(Debug)]
pub(super) struct HostPermits(Mutex<PermitState>);

#[derive(Debug)]
struct PermitState {
    shares: Shares,
    /// The hosts with waiting exchanges, by authority, and their exchanges by ticket.
    waiting: HashMap<Box<str>, BTreeMap<u64, oneshot::Sender<()>>>,
    next_ticket: u64,
}

/// One permit, for as long as it is held.
#[derive(Debug)]
pub(super) struct HostPermit<'a> {
    of: &'a HostPermits,
    host: Box<str>,
}

/// A waiting exchange, until it gets its permit or gives up.
struct Ticket<'a> {
    of: &'a HostPermits,
    host: &'a str,
    number: u64,
    granted: oneshot::Receiver<()>,
}

impl HostPermits {
    pub(super) fn new(count: usize) -> Self {
        let shares = Shares::new(count);
        Self(Mutex::new(PermitState { shares, waiting: HashMap::new(), next_ticket: 0 }))
    }

    /// Waits for a permit for this host.
    pub(super) async fn acquire(&self, host: &str) -> HostPermit<'_> {
        if let Some(mut ticket) = self.take_or_wait(host) {
            // This is never an error: only the drop of the ticket removes it without a grant.
            let _ = (&mut ticket.granted).await;
        }
        HostPermit { of: self, host: host.into() }
    }

    /// Takes a permit, or a ticket for one.
    fn take_or_wait<'a>(&'a self, host: &'a str) -> Option<Ticket<'a>> {
        let mut state = self.0.lock();
        // If it may, no exchange of this host waits, so the caller overtakes none.
        if state.shares.may_take(host) {
            state.shares.take(host);
            return None;
        }
        let (grant, granted) = oneshot::channel();
        let number = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.entry(host.into()).or_default().insert(number, grant);
        Some(Ticket { of: self, host, number, granted })
    }

    fn give_back(&self, host: &str) {
        let mut state = self.0.lock();
        state.shares.give_back(host);
        state.grant();
    }
}

impl PermitState {
    /// Grants permits until no waiting host may take one.
    fn grant(&mut self) {
        while let Some((number, host)) = self.next() {
            let grant = self.forget(&host, number);
            if grant.is_some_and(|grant| grant.send(()).is_ok()) {
                self.shares.take(&host);
            }
        }
    }

    /// Returns the oldest ticket among the hosts that may take a permit.
    fn next(&self) -> Option<(u64, Box<str>)> {
        let may_take = self.waiting.iter().filter(|(host, _)| self.shares.may_take(host));
        let oldest = may_take.filter_map(|(host, tickets)| Some((tickets.keys().next()?, host)));
        oldest.min().map(|(number, host)| (*number, host.clone()))
    }

    fn forget(&mut self, host: &str, number: u64) -> Option<oneshot::Sender<()>> {
        let tickets = self.waiting.get_mut(host)?;
        let grant = tickets.remove(&number);
        if tickets.is_empty() {
            self.waiting.remove(host);
        }
        grant
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        // From here on, the ticket gets no permit.
        self.of.0.lock().forget(self.host, self.number);
        if self.granted.try_recv().is_ok() {
            // The ticket got a permit just before it was dropped.
            self.of.give_back(self.host);
        }
    }
}

impl Drop for HostPermit<'_> {
    fn drop(&mut self) {
        self.of.give_back(&self.host);
    }
}

#[cfg(test)]
mod tests;
