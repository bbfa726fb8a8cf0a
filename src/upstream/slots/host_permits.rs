//! HostPermits that hosts share, and the exchanges that wait for one.
//!
//! A permit is granted under one lock, to the exchange that has waited longest among those whose
//! host may take one. So no exchange waits while its host may take a permit, and a host that may
//! not keeps nobody else waiting.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::shares::Shares;

/// HostPermits that hosts share.
#[derive(Debug)]
pub(super) struct HostPermits(Mutex<PermitState>);

#[derive(Debug)]
struct PermitState {
    shares: Shares,
    /// Hosts for which at least one exchange waits, by authority, and the exchanges by ticket.
    waiting: HashMap<Box<str>, BTreeMap<u64, oneshot::Sender<()>>>,
    next_ticket: u64,
}

/// One permit, for as long as it is held.
#[derive(Debug)]
pub(super) struct HostPermit<'a> {
    of: &'a HostPermits,
    host: Box<str>,
}

/// An exchange that waits, until it has its permit or gives up.
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

    /// Waits for a permit of this host.
    pub(super) async fn acquire(&self, host: &str) -> HostPermit<'_> {
        if let Some(mut ticket) = self.take_or_wait(host) {
            // An error would mean that its place in the queue is gone, which only its drop removes.
            let _ = (&mut ticket.granted).await;
        }
        HostPermit { of: self, host: host.into() }
    }

    /// Takes a permit, or a ticket for one.
    fn take_or_wait<'a>(&'a self, host: &'a str) -> Option<Ticket<'a>> {
        let mut state = self.0.lock();
        // Then no exchange of this host waits, and none of another host that may take one.
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
    /// Grants permits until no host for which an exchange waits may take one.
    fn grant(&mut self) {
        while let Some((number, host)) = self.next() {
            let grant = self.forget(&host, number);
            if grant.is_some_and(|grant| grant.send(()).is_ok()) {
                self.shares.take(&host);
            }
        }
    }

    /// The oldest ticket among those of hosts that may take a permit.
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
        // From here on it is granted nothing.
        self.of.0.lock().forget(self.host, self.number);
        if self.granted.try_recv().is_ok() {
            // It was granted a permit, and given up before it noticed.
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
