//! Bytes as lower-case hex, where every answer shows some.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `bytes` over the beginning of `text`, two digits each.
pub(crate) fn write(bytes: &[u8], text: &mut [u8]) {
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
}
