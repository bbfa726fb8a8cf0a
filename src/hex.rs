//! Bytes as lower-case hex, which every answer contains.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns the digits of `bytes`.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Writes `bytes` over the beginning of `text`, two digits each.
pub(crate) fn write(bytes: &[u8], text: &mut [u8]) {
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}
