//! Bytes as lower-case hex, which every answer contains.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns the digits of `bytes`.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    append(bytes, &mut text);
    text
}

/// Appends the digits of `bytes` to `text`.
pub(crate) fn append(bytes: &[u8], text: &mut String) {
    text.extend(each(bytes).map(char::from));
}

/// Returns the digits of `bytes` one by one.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs.map(|digit| DIGITS[usize::from(digit)])
}
