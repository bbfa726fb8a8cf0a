//! The counters of TLS connections with clients.

use prometheus::IntCounter;

use crate::metrics::Registry;
use crate::words::words;

words! {
    /// The result of a handshake, or of reading the certificate's files.
    pub(in crate::http) enum TlsOutcome {
        /// The handshake or the reading succeeded.
        Done = "done",
        /// The handshake or the reading failed. The log has the cause; for handshakes, at the level
        /// `debug`.
        Failed = "failed",
    }
}

/// The counters of handshakes and of changes of the certificate.
pub struct TlsCounters {
    handshakes: Counters,
    renewals: Counters,
}

type Counters = [IntCounter; TlsOutcome::ALL.len()];

impl TlsCounters {
    /// Registers the counters, at zero.
    pub fn new(registry: &Registry) -> Self {
        let counters = |name, help| {
            registry.counters(name, help, "result", TlsOutcome::ALL.map(TlsOutcome::as_str))
        };
        Self {
            handshakes: counters(
                "svm_tls_handshakes_total",
                "TLS handshakes with clients, by result",
            ),
            renewals: counters(
                "svm_tls_renewals_total",
                "Changes of the certificate's files that were read, and readings that failed",
            ),
        }
    }

    /// Counts a handshake.
    pub(in crate::http) fn handshake(&self, outcome: TlsOutcome) {
        self.handshakes[outcome as usize].inc();
    }

    /// Counts an attempt to read the certificate's files that found a change or failed.
    pub(in crate::http) fn renewal(&self, outcome: TlsOutcome) {
        self.renewals[outcome as usize].inc();
    }
}
