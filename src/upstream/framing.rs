//! The framing of an answer: whether its end is defined in exactly one way (RFC 9112, 6.3 and
//! 11.2).
//!
//! Pure. After any other answer, the next bytes on the connection may belong to it, or answer a
//! request that was never sent, so the connection is not used again.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode, Version};

/// Returns true if the connection of an answer with this head must not be used again.
pub(super) fn is_irregular(version: Version, status: StatusCode, headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let (length, coding) = (lengths.next(), codings.next());
    let has_second = lengths.next().is_some() || codings.next().is_some();
    let is_length = |value: &[u8]| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    match (length.map(|value| value.as_bytes()), coding.map(|value| value.as_bytes())) {
        // A server of HTTP/1.0 may not know how to keep a connection open.
        _ if version != Version::HTTP_11 || has_second => true,
        (Some(_), Some(_)) => true,
        // Such an answer has no content, even if its head announces some.
        (None, Some(_)) if is_bodiless(status) => true,
        (Some(length), None) if is_bodiless(status) => length != b"0",
        (None, Some(coding)) => !coding.eq_ignore_ascii_case(b"chunked"),
        (Some(length), None) => !is_length(length),
        (None, None) => false,
    }
}

fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, status: u16, lines: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        is_irregular(version, StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn one_way_to_end_is_regular() {
        for (status, lines) in [
            (200, vec![]),
            (200, vec![("content-length", "17")]),
            (200, vec![("content-length", "0")]),
            (200, vec![("transfer-encoding", "chunked")]),
            (200, vec![("transfer-encoding", "Chunked")]),
            (204, vec![]),
            (304, vec![("content-length", "0")]),
            (304, vec![("etag", "\"x\"")]),
            (404, vec![("content-length", "2"), ("content-encoding", "gzip")]),
        ] {
            assert!(!check(Version::HTTP_11, status, &lines), "{status} {lines:?}");
        }
    }

    #[test]
    fn every_other_way_is_irregular() {
        const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");
        const LENGTH: (&str, &str) = ("content-length", "17");
        for (status, lines) in [
            (200, vec![LENGTH, CHUNKED]),
            (200, vec![CHUNKED, LENGTH]),
            (200, vec![LENGTH, LENGTH]),
            (200, vec![LENGTH, ("content-length", "2")]),
            (200, vec![("content-length", "17, 17")]),
            (200, vec![("content-length", "+17")]),
            (200, vec![("content-length", "")]),
            (200, vec![CHUNKED, CHUNKED]),
            (200, vec![("transfer-encoding", "gzip, chunked")]),
            (200, vec![("transfer-encoding", "chunked, identity")]),
            (200, vec![("transfer-encoding", "identity")]),
            (200, vec![("transfer-encoding", "xchunked")]),
            (200, vec![("transfer-encoding", "")]),
            (204, vec![LENGTH]),
            (204, vec![CHUNKED]),
            (304, vec![LENGTH]),
            (304, vec![CHUNKED]),
        ] {
            assert!(check(Version::HTTP_11, status, &lines), "{status} {lines:?}");
        }
        assert!(check(Version::HTTP_10, 200, &[LENGTH]));
        assert!(check(Version::HTTP_09, 200, &[]));
    }
}
