//! The counters of client connections.

use prometheus::{IntCounter, IntGauge};

use crate::metrics::Registry;

/// Why the service gave up a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// It was idle, and another client needed its place.
    MaxConnections,
    /// Its client had too many.
    ClientLimit,
    /// It asked for a document while every connection within the limit had a request.
    Overload,
    /// It held back a head, and all heads together took too much memory.
    Heads,
    /// The system had no file descriptor left.
    NoDescriptor,
}

impl Shed {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::MaxConnections, Self::ClientLimit, Self::Overload, Self::Heads, Self::NoDescriptor];

    /// The name of the reason.
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

/// The counters of client connections; clones count together.
#[derive(Clone)]
pub struct ConnectionCounters {
    open: IntGauge,
    shed: [(Shed, IntCounter); Shed::ALL.len()],
}

impl ConnectionCounters {
    /// Counters at zero.
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

    /// Counts a connection that is open now.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// Counts a connection that is closed now.
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
