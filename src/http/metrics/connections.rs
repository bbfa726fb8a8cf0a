//! The counters of client connections.

use prometheus::{IntCounter, IntGauge};

use crate::metrics::Registry;

/// The reason why the service gave up a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// The connection was idle, and another client needed its place.
    MaxConnections,
    /// The client had too many connections.
    ClientLimit,
    /// The client asked for a document while every connection within the limit had a request.
    Overload,
    /// The connection held an incomplete head, and all heads together took too much memory.
    Heads,
    /// The system had no file descriptor left.
    NoDescriptor,
}

impl Shed {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::MaxConnections, Self::ClientLimit, Self::Overload, Self::Heads, Self::NoDescriptor];

    /// Returns the name of the reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxConnections => "max-connections",
            Self::ClientLimit => "client-limit",
            Self::Overload => "overload",
            Self::Heads => "heads",
            Self::NoDescriptor => "no-descriptor",
        }
    }
}

/// The counters of client connections; clones share them.
#[derive(Clone)]
pub struct ConnectionCounters {
    open: IntGauge,
    shed: [(Shed, IntCounter); Shed::ALL.len()],
}

impl ConnectionCounters {
    /// Registers the counters, at zero.
    pub fn new(registry: &Registry) -> Self {
        Self {
            open: registry.gauge("svm_client_connections", "Open connections of clients"),
            shed: registry.counters_of(
                "svm_client_connections_shed_total",
                "Connections of clients that were given up under a limit, by reason",
                "reason",
                Shed::ALL,
                Shed::as_str,
            ),
        }
    }

    /// Counts a connection that was opened.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// Counts a connection that was closed.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// Counts a connection that is given up.
    pub fn shed(&self, why: Shed) {
        if let Some((_, counter)) = self.shed.iter().find(|(reason, _)| *reason == why) {
            counter.inc();
        }
    }
}
