//! The rules for queries: one way to split them, and no credentials.

use super::error::Error;
use super::percent;

const CREDENTIALS: [&str; 3] = ["access_token", "client_secret", "token"];

/// Refuses a semicolon, bytes that do not decode to UTF-8, and every pair whose name is that of a
/// credential.
pub(super) fn check(query: &str) -> Result<(), Error> {
    if query.contains(';') {
        return Err(Error::Semicolon);
    }
    if query.contains('%') && str::from_utf8(&percent::decode_fully(query)).is_err() {
        return Err(Error::Utf8);
    }
    if query.split('&').map(name).any(is_credential) {
        return Err(Error::Credential);
    }
    Ok(())
}

/// Returns the name of a pair: the text before its first `=`.
pub(super) fn name(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name)
}

fn is_credential(name: &str) -> bool {
    if !name.contains(['%', '[', ']']) {
        return CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known));
    }
    let decoded = percent::decode_fully(name);
    // Rack, on which GitHub runs, also reads `[token]` and `token[]` as `token`.
    let inner = decoded.split(|byte| matches!(byte, b'[' | b']')).find(|part| !part.is_empty());
    let inner = inner.unwrap_or_default();
    CREDENTIALS.iter().any(|known| inner.eq_ignore_ascii_case(known.as_bytes()))
}
