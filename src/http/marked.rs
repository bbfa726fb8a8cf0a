//! A mark for a raw `#` in what a client sends, by which the service sees it.
//!
//! The HTTP library drops a `#` in a request line, with all that follows: a request for
//! `heads/fix#1` would be answered with `heads/fix`. So each `#` that arrives becomes a [`MARK`],
//! which the library passes on. A mark that a client sends becomes a [`STAND_IN`]: neither may be
//! in a URL, so each is refused as before, and a mark is always a `#`.
//!
//! The subtle thing is that this looks at bytes and at nothing else. It need not know where a
//! request line begins, so no pipelined request, no body and no read that ends in the middle of a
//! line can hide a `#` from it. Elsewhere the change has no meaning: no header or tag that the
//! service reads holds these characters, and it reads no bodies.

use tokio::io::ReadBuf;

/// The byte in the place of a raw `#`. Like the next one it may be in a request line, a header's
/// name and its value.
const MARK: u8 = b'^';
/// The byte in the place of a mark that a client has sent.
const STAND_IN: u8 = b'|';

/// Whether this part of a request's URL held a raw `#`.
pub(super) fn has_hash(part: &str) -> bool {
    part.as_bytes().contains(&MARK)
}

/// Replaces every `#` and every mark. Without a branch, so that the compiler makes vectors of it.
fn mark(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = if *byte == MARK { STAND_IN } else { *byte };
        *byte = if *byte == b'#' { MARK } else { *byte };
    }
}

/// Marks what a read has added behind the first `before` bytes of the buffer.
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
