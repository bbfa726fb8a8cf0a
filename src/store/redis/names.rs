//! The names of svm's keys on the server.

use crate::hex;
use crate::target::Key;

/// A sorted set: the documents in use by their last use, in milliseconds.
pub(super) const ACTIVE: &str = "svm:v1:active";

/// The time from which on the next turn to revalidate is free if a replica with the spacing of the
/// last one takes it, by the server's clock in microseconds. Versions up to 1.0.0-rc.1 write only
/// this key.
pub(super) const PACE: &str = "svm:v1:pace";

/// The value of [`PACE`], and the spacing of the replica that wrote it, in microseconds and with a
/// blank between them.
pub(super) const SPACING: &str = "svm:v1:spacing";

/// The mark of the contents of the server.
pub(super) const MARK: &str = "svm:v1:mark";

/// Returns the name of the record of a document.
pub(super) fn entry(key: Key) -> String {
    format!("svm:v1:entry:{}", digits(key))
}

/// Returns the name of the last check of a document. The value is the time of the check and that of
/// the fetch, in milliseconds, with a blank between them.
pub(super) fn check(key: Key) -> String {
    format!("svm:v1:check:{}", digits(key))
}

/// Returns the name of the lease of a document. The value is the owner of the lease, and the key
/// expires with the lease.
pub(super) fn lease(key: Key) -> String {
    format!("svm:v1:lease:{}", digits(key))
}

/// Returns the 64 hex digits of a key.
pub(super) fn digits(key: Key) -> String {
    hex::digits(key.as_bytes())
}

/// Parses the digits of a key, as [`digits`] writes them.
pub(super) fn key(digits: &[u8]) -> Option<Key> {
    hex::decode(digits).map(Key::from)
}
