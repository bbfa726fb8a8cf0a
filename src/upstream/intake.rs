//! A bound on the bytes that a connection brings for each request.
//!
//! The HTTP library reads on for as long as interim answers, chunk extensions or empty records
//! come; only the time bounds them, and it hides the connection. TLS sees every byte: the cipher
//! suites here are those of the provider, except that each record that is decrypted is charged to
//! the connection's [`Intake`], and each request that is encrypted begins a new account. The
//! connector establishes a connection within the scope of its intake, since the keys of the two
//! directions are made independently of each other.

mod open;
mod suites;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustls::Error;

pub(super) use open::OpenIntakes;
pub(super) use suites::metered;

/// The bytes that may come before the end of a head, interim answers included, or in a handshake.
const HEAD_BYTES: u64 = 1024 * 1024;
/// The type, version and length in front of a record.
const RECORD_HEADER_BYTES: u64 = 5;

tokio::task_local! {
    static INTAKE: Arc<Intake>;
}

/// The bytes that a connection may still receive.
#[derive(Debug)]
pub(super) struct Intake {
    left_bytes: AtomicU64,
    is_last: AtomicBool,
}

impl Default for Intake {
    fn default() -> Self {
        Self { left_bytes: AtomicU64::new(HEAD_BYTES), is_last: AtomicBool::new(false) }
    }
}

impl Intake {
    /// Establishes a connection that has this intake.
    pub(super) async fn scope<F: Future>(self: Arc<Self>, dialling: F) -> F::Output {
        INTAKE.scope(self, dialling).await
    }

    /// The intake of the connection that is being established here. Keys that are made later, by an
    /// update of keys, belong to nobody's scope: they get an account that no request renews, and
    /// then the connection ends.
    pub(super) fn current() -> Arc<Self> {
        INTAKE.try_with(Arc::clone).unwrap_or_default()
    }

    /// The head of an answer has come: so much may follow it.
    pub(super) fn allow(&self, bytes: u64) {
        self.left_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The answer under way is the last one that is taken from this connection.
    pub(super) fn end(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    /// A request is sent.
    pub(super) fn renew(&self) {
        let bytes = if self.is_last.load(Ordering::Relaxed) { 0 } else { HEAD_BYTES };
        self.allow(bytes);
    }

    /// A record of this length has come.
    pub(super) fn charge(&self, payload_len: usize) -> Result<(), Error> {
        let bytes = payload_len as u64 + RECORD_HEADER_BYTES;
        let charged = self
            .left_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        charged.map(drop).map_err(|_| Error::General("more bytes than an answer may have".into()))
    }
}
