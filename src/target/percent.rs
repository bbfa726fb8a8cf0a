//! The decoding of percent triplets such as `%2F`.

use std::fmt::Write;

use crate::hex;

/// Returns the byte that a triplet at the start of `bytes` stands for; `None` if there is no
/// well-formed one.
pub(crate) fn triplet(bytes: &[u8]) -> Option<u8> {
    let [b'%', digits @ ..] = bytes else { return None };
    hex::decode(digits.get(..2)?).map(|[byte]| byte)
}

/// Decodes once. Returns `None` if a triplet is malformed.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut pieces = text.as_bytes().split(|byte| *byte == b'%');
    decoded.extend_from_slice(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        decoded.extend(hex::decode::<1>(digits)?);
        decoded.extend_from_slice(rest);
    }
    Some(decoded)
}

/// Encodes every byte that is not unreserved.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match is_unreserved(byte) {
            true => encoded.push(char::from(byte)),
            false => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// Decodes until no triplet is left, in linear time. A malformed triplet stays as it is.
///
/// Two triplets never overlap, so the order of decoding does not matter, and one pass with a look
/// back equals repeated decoding.
pub(crate) fn decode_fully(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        decoded.push(byte);
        while let Some(start) = decoded.len().checked_sub(3)
            && let Some(byte) = triplet(&decoded[start..])
        {
            decoded.truncate(start);
            decoded.push(byte);
        }
    }
    decoded
}

/// Returns true if RFC 3986 calls the byte unreserved: its encoded form means the same.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, decode_fully, encode, is_unreserved, triplet};

    #[test]
    fn triplets() {
        for byte in 0..=u8::MAX {
            assert_eq!(triplet(format!("%{byte:02x}").as_bytes()), Some(byte));
            assert_eq!(triplet(format!("%{byte:02X}rest").as_bytes()), Some(byte));
        }
        for malformed in ["", "%", "%2", "%g0", "%0g", "2F%", "% 2F", "%+1"] {
            assert_eq!(triplet(malformed.as_bytes()), None, "{malformed}");
        }
    }

    #[test]
    fn strict_decoding() {
        assert_eq!(decode("a%20b%2F%2f%25+").as_deref(), Some(b"a b//%+".as_slice()));
        assert_eq!(decode(""), Some(Vec::new()));
        for malformed in ["%", "a%2", "%zz", "%2F%"] {
            assert_eq!(decode(malformed), None, "{malformed}");
        }
    }

    proptest! {
        #[test]
        fn full_decoding_is_decoding_over_and_over(text in "(%|2|5|F|f|a|/|\\.){0,40}") {
            let mut expected = text.clone().into_bytes();
            loop {
                let again = leniently_once(&expected);
                if again == expected {
                    break;
                }
                expected = again;
            }
            prop_assert_eq!(decode_fully(&text), expected);
        }

        #[test]
        fn decoding_takes_encoding_back(text in ".{0,20}") {
            let encoded = encode(&text);
            prop_assert_eq!(decode(&encoded), Some(text.into_bytes()));
            prop_assert!(encoded.bytes().all(|byte| byte == b'%' || is_unreserved(byte)));
        }

        #[test]
        fn strict_decoding_agrees_where_it_succeeds(text in "(%2[0-9a-f]|[a-z%]){0,20}") {
            if let Some(decoded) = decode(&text) {
                prop_assert_eq!(decoded, leniently_once(text.as_bytes()));
            }
        }
    }

    fn leniently_once(bytes: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let byte = triplet(&bytes[at..]);
            decoded.push(byte.unwrap_or(bytes[at]));
            at += if byte.is_some() { 3 } else { 1 };
        }
        decoded
    }
}
