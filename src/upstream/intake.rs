//! A bound on the bytes that a connection may receive per request.
//!
//! The HTTP library reads interim answers, chunk extensions and empty records without a limit
//! except time, and gives no access to the connection. TLS sees every byte: the cipher suites here
//! are those of the provider, except that each decrypted record is charged to the [`Intake`] of its
//! connection, and each encrypted request renews it. rustls makes the keys of the two directions
//! separately, so the connector establishes a connection within the scope of its intake, where both
//! keys find it.

mod open;
mod suites;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustls::Error;

pub(super) use open::OpenIntakes;
pub(super) use suites::metered;

/// The most bytes before the end of a head, interim answers included, or in a handshake.
const HEAD_BYTES: u64 = 1024 * 1024;
/// The bytes of type, version and length in front of a record.
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
    /// Establishes a connection with this intake.
    pub(super) async fn scope<F: Future>(self: Arc<Self>, dialling: F) -> F::Output {
        INTAKE.scope(self, dialling).await
    }

    /// Returns the intake of the connection that is being established. Keys that are made later, by
    /// a key update, have no scope: they get an intake that no request renews, and the connection
    /// ends when that intake is used up.
    pub(super) fn current() -> Arc<Self> {
        INTAKE.try_with(Arc::clone).unwrap_or_default()
    }

    /// Allows this many bytes after the head of an answer.
    pub(super) fn allow(&self, bytes: u64) {
        self.left_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Ends the connection after the current answer.
    pub(super) fn end(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    /// Renews the intake for the next request; after [`Self::end`], no more bytes are allowed.
    pub(super) fn renew(&self) {
        let bytes = if self.is_last.load(Ordering::Relaxed) { 0 } else { HEAD_BYTES };
        self.allow(bytes);
    }

    /// Charges a record of this length.
    pub(super) fn charge(&self, payload_len: usize) -> Result<(), Error> {
        let bytes = payload_len as u64 + RECORD_HEADER_BYTES;
        let charged = self
            .left_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        charged.map(drop).map_err(|_| Error::General("more bytes than an answer may have".into()))
    }
}
