//! The servers that are compared.

use std::fmt;
use std::fs::File;
use std::net::SocketAddr;

use tempfile::TempDir;

use crate::pinned::Pinned;
use crate::scenario::Scenario;

/// The kind of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The release binary.
    Svm,
    /// A bare handler of salvo.
    Salvo,
    /// A bare hyper.
    Hyper,
    /// nginx with `proxy_cache`.
    Nginx,
    /// Varnish, whose log stays in memory.
    Varnish,
    /// Varnish with varnishncsa, which writes the log to a file.
    Varnishncsa,
    /// Squid as a reverse proxy, with its documents in memory.
    Squid,
    /// Apache Traffic Server.
    TrafficServer,
}

impl Kind {
    /// All there are.
    pub(crate) const ALL: [Self; 8] = [
        Self::Svm,
        Self::Salvo,
        Self::Hyper,
        Self::Nginx,
        Self::Varnish,
        Self::Squid,
        Self::TrafficServer,
        Self::Varnishncsa,
    ];

    /// Returns those that are compared unless others are asked for.
    pub(crate) fn usual() -> Vec<Self> {
        let is_usual = |kind: &Self| *kind != Self::Varnishncsa;
        Self::ALL.into_iter().filter(is_usual).collect()
    }

    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Svm => "svm",
            Self::Salvo => "salvo",
            Self::Hyper => "hyper",
            Self::Nginx => "nginx",
            Self::Varnish => "varnish",
            Self::Varnishncsa => "varnishncsa",
            Self::Squid => "squid",
            Self::TrafficServer => "trafficserver",
        }
    }

    /// Returns the program that is to be installed.
    pub(crate) fn program(self) -> Option<&'static str> {
        match self {
            Self::Nginx => Some("nginx"),
            Self::Varnish => Some("varnishd"),
            Self::Varnishncsa => Some("varnishncsa"),
            Self::Squid => Some("squid"),
            Self::TrafficServer => Some("traffic_server"),
            Self::Svm | Self::Salvo | Self::Hyper => None,
        }
    }

    /// Returns true if it has no cache, and gives one answer to everything.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Salvo | Self::Hyper)
    }
}

/// A server that runs; it ends when dropped.
pub(crate) struct Server {
    /// The kind of the server.
    pub(crate) kind: Kind,
    /// The address on which it serves.
    pub(crate) address: SocketAddr,
    /// The address on which it serves large bodies, if it has another way for these.
    pub(crate) for_large: Option<SocketAddr>,
    /// Its processes, the one that was started last first.
    pub(crate) processes: Vec<Pinned>,
    /// Its files, which go when its processes have ended: fields are dropped in this order.
    pub(crate) folder: TempDir,
}

/// The name of each server's access log in its folder.
pub(crate) const ACCESS_LOG: &str = "access.log";

impl Server {
    /// Returns the address for a scenario.
    pub(crate) fn address_for(&self, scenario: &Scenario) -> SocketAddr {
        self.for_large.filter(|_| scenario.is_large()).unwrap_or(self.address)
    }

    /// Empties its access log, which would fill the disk otherwise.
    pub(crate) fn forget_log(&self) {
        let log = self.folder.path().join(ACCESS_LOG);
        if log.exists() {
            let emptied = File::options().write(true).open(log).and_then(|log| log.set_len(0));
            emptied.expect("a log of ours");
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.kind.name(), self.address)
    }
}
