//! A replacement of each raw `#` in a client's bytes, so that the service can see it.
//!
//! The HTTP library drops a `#` in a request line, with all that follows: a request for
//! `heads/fix#1` would be answered with `heads/fix`. So each `#` that arrives becomes a [`MARK`],
//! which the library passes on. A mark that a client sends becomes a [`STAND_IN`]. Neither is valid
//! in a URL, so both are refused as before, and a mark is always a `#`.
//!
//! The replacement looks at single bytes and does not need to know where a request line begins. So
//! no pipelined request, body, or read that ends inside a line can hide a `#` from it. Elsewhere
//! the replacement has no effect: no header or tag that the service reads contains these
//! characters, and the service reads no bodies.

use tokio::io::ReadBuf;

/// The byte in the place of a raw `#`. Like [`STAND_IN`] it may occur in a request line, a header's
/// name and a header's value.
const MARK: u8 = b'^';
/// The byte in the place of a mark that a client sent.
const STAND_IN: u8 = b'|';

/// Returns true if this part of a request's URL held a raw `#`.
pub(super) fn has_hash(part: &str) -> bool {
    part.as_bytes().contains(&MARK)
}

/// Replaces every `#` and every mark, without a branch so that the compiler vectorizes the loop.
fn mark(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = if *byte == MARK { STAND_IN } else { *byte };
        *byte = if *byte == b'#' { MARK } else { *byte };
    }
}

/// Marks the bytes that a read added after the first `before` bytes of the buffer.
pub(super) fn mark_read(buffer: &mut ReadBuf<'_>, before: usize) {
    mark(&mut buffer.filled_mut()[before..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_read_is_marked_and_nothing_before_it() {
        let mut bytes = [0; 16];
        let mut text = ReadBuf::new(&mut bytes);
        text.put_slice(b"#");
        for part in [&b"a#"[..], b"b^", b"##c"] {
            let before = text.filled().len();
            text.put_slice(part);
            mark_read(&mut text, before);
        }
        assert_eq!(text.filled(), b"#a^b|^^c");
    }
}
