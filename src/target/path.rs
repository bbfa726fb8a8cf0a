//! The rule for paths: no number of decodings may let a path climb to a parent.

use super::error::Error;
use super::percent;

/// Refuses a path that has an empty, `.` or `..` segment after full decoding.
///
/// `%2F` counts as a separator here, since a server may decode it before it resolves dots; in the
/// canonical form it stays encoded, since tags and branches hold slashes. Bytes that are not UTF-8
/// are refused: a server that reads `%C0%AF` as a slash would climb. The empty path and `/` are the
/// root. A semicolon after dots ends the segment: some servers drop such parameters first, and
/// would climb by `..;x`.
pub(super) fn check(path: &str) -> Result<(), Error> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    if inner.is_empty() {
        return Ok(());
    }
    if !inner.contains('%') {
        return check_segments(inner.as_bytes());
    }
    let decoded = percent::decode_fully(inner);
    if decoded.iter().any(|&byte| byte.is_ascii_control() || byte == b'\\') {
        return Err(Error::Encoded);
    }
    if str::from_utf8(&decoded).is_err() {
        return Err(Error::Utf8);
    }
    check_segments(&decoded)
}

fn check_segments(path: &[u8]) -> Result<(), Error> {
    let climbs = |segment: &[u8]| match segment {
        [b'.', b'.', rest @ ..] | [b'.', rest @ ..] => matches!(rest, [] | [b';', ..]),
        _ => segment.is_empty(),
    };
    if path.split(|&byte| byte == b'/').any(climbs) { Err(Error::Segment) } else { Ok(()) }
}
