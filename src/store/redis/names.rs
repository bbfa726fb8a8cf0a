//! The keys under which the server holds what is ours.

use crate::hex;
use crate::target::Key;

/// A sorted set: the documents in use by their last use, in milliseconds.
pub(super) const ACTIVE: &str = "svm:v1:active";

/// The moment from which on the next turn to revalidate is free, in microseconds of the server's
/// clock.
pub(super) const PACE: &str = "svm:v1:pace";

/// The mark of the contents of the server.
pub(super) const MARK: &str = "svm:v1:mark";

/// The record of a document.
pub(super) fn entry(key: Key) -> String {
    format!("svm:v1:entry:{}", digits(key))
}

/// Its last check: the time of the check and that of the fetch, in milliseconds, with a blank
/// between them.
pub(super) fn check(key: Key) -> String {
    format!("svm:v1:check:{}", digits(key))
}

/// The one who has the right to revalidate it; there as long as that lasts.
pub(super) fn lease(key: Key) -> String {
    format!("svm:v1:lease:{}", digits(key))
}

/// The 64 hex digits of a key.
pub(super) fn digits(key: Key) -> String {
    hex::digits(key.as_bytes())
}

/// The reverse of [`digits`].
pub(super) fn key(digits: &[u8]) -> Option<Key> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Key::from(bytes))
}
