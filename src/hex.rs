//! Bytes as lower-case hex, which every answer contains.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Returns the digits of `bytes`.
pub(crate) fn digits(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    String::from_utf8(digits).expect("digits are ASCII")
}

/// Returns the bytes that these digits stand for, if their number fits. They may be upper-case.
pub(crate) fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16)?.try_into().ok()
}

/// Returns the digits of `bytes` one by one.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let pairs = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    pairs.map(|digit| DIGITS[usize::from(digit)])
}
