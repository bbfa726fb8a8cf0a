//! Bytes as lower-case hex, which every answer contains.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns the digits of `bytes`.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
