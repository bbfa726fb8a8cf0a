//! The counters of client connections.

use prometheus::{IntCounter, IntGauge};

use crate::metrics::Registry;
use crate::words::words;

words! {
    /// The reason why the service closed a client's connection or refused its request.
    pub enum Shed {
        /// The connection was idle, and a new client needed its slot.
        MaxConnections = "max-connections",
        /// The client had as many connections as one client may have.
        ClientLimit = "client-limit",
        /// The client requested a document or another large page while every connection within the
        /// limit had a request.
        Overload = "overload",
        /// The connection held an incomplete head, and all incomplete heads together took too much
        /// memory.
        Heads = "heads",
        /// The system had no file descriptor left.
        NoDescriptor = "no-descriptor",
    }
}

/// The counters of client connections; clones share them.
#[derive(Clone)]
pub struct ConnectionCounters {
    /// The open connections.
    pub(in crate::http) open: IntGauge,
    shed: [IntCounter; Shed::ALL.len()],
}

impl ConnectionCounters {
    /// Registers the counters, at zero.
    pub fn new(registry: &Registry) -> Self {
        Self {
            open: registry.gauge("svm_client_connections", "Open connections of clients"),
            shed: registry.counters(
                "svm_client_connections_shed_total",
                "Connections of clients that were given up under a limit, by reason",
                "reason",
                Shed::ALL.map(Shed::as_str),
            ),
        }
    }

    /// Counts a closed connection or a refused request, by reason.
    pub fn shed(&self, why: Shed) {
        self.shed[why as usize].inc();
    }
}
