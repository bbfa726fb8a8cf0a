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
//! characters.
//!
//! The one body that the service reads is that of a webhook, whose signature is of the bytes as
//! they are. It stays as it is: a read that begins with the head of a delivery tells its length. A
//! client that has such a text elsewhere, at the beginning of a read, hides a `#` from itself
//! alone.

use http::header::CONTENT_LENGTH;
use tokio::io::ReadBuf;

use super::webhook::PATH;

/// The byte in the place of a raw `#`. Like [`STAND_IN`] it may occur in a request line, a header's
/// name and a header's value.
const MARK: u8 = b'^';
/// The byte in the place of a mark that a client sent.
const STAND_IN: u8 = b'|';
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

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

/// The marking of the bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Marking {
    /// The bytes of a delivery's body that are still to come.
    body_left: usize,
}

impl Marking {
    /// Marks the bytes that a read added after the first `before` bytes of the buffer.
    pub(super) fn mark_read(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let bytes = &mut buffer.filled_mut()[before..];
        if self.body_left > 0 || bytes.first() == Some(&b'P') {
            self.mark_around_body(bytes);
        } else {
            mark(bytes);
        }
    }

    #[cold]
    fn mark_around_body(&mut self, bytes: &mut [u8]) {
        let mut head = 0;
        if self.body_left == 0 {
            (head, self.body_left) = delivery(bytes).unwrap_or((bytes.len(), 0));
        }
        let (head, rest) = bytes.split_at_mut(head);
        let body = self.body_left.min(rest.len());
        self.body_left -= body;
        mark(head);
        mark(&mut rest[body..]);
    }
}

/// Returns the lengths of the head and of the body of the delivery that begins here.
fn delivery(bytes: &[u8]) -> Option<(usize, usize)> {
    let rest = bytes.strip_prefix(b"POST ")?;
    if !rest.starts_with(PATH.as_bytes()) {
        return None;
    }
    let head = memchr::memmem::find(bytes, END_OF_HEAD)? + END_OF_HEAD.len();
    let mut lines = str::from_utf8(&bytes[..head]).ok()?.split("\r\n");
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()).then_some(value)
    });
    Some((head, length?.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_read_is_marked_and_nothing_before_it() {
        let mut bytes = [0; 16];
        let mut text = ReadBuf::new(&mut bytes);
        text.put_slice(b"#");
        let mut marking = Marking::default();
        for part in [&b"a#"[..], b"b^", b"##c"] {
            let before = text.filled().len();
            text.put_slice(part);
            marking.mark_read(&mut text, before);
        }
        assert_eq!(text.filled(), b"#a^b|^^c");
    }

    /// The text as it is after these reads.
    fn marked(reads: &[&str]) -> String {
        let mut bytes = [0; 512];
        let mut text = ReadBuf::new(&mut bytes);
        let mut marking = Marking::default();
        for read in reads {
            let before = text.filled().len();
            text.put_slice(read.as_bytes());
            marking.mark_read(&mut text, before);
        }
        String::from_utf8(text.filled().to_vec()).unwrap()
    }

    #[test]
    fn the_body_of_a_delivery_stays_as_it_is() {
        let head = "POST /webhooks/github HTTP/1.1\r\nX: #\r\ncontent-LENGTH: 4\r\n\r\n";
        let marked_head = head.replace('#', "^");
        for (reads, rest) in [
            (vec![head, "#^|#"], "#^|#"),
            (vec![&*format!("{head}#^|#")], "#^|#"),
            (vec![&*format!("{head}#"), "^", "|##^"], "#^|#^|"),
            (vec![&*format!("{head}#^|#GET /#")], "#^|#GET /^"),
            (vec![head, "#^|#", head, "####"], &format!("#^|#{marked_head}####")),
        ] {
            assert_eq!(marked(&reads), format!("{marked_head}{rest}"), "{reads:?}");
        }
    }

    #[test]
    fn no_other_body_stays_as_it_is() {
        for head in [
            "POST /version HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "PUT /webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            " POST /webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "POST /webhooks/github HTTP/1.1\r\n\r\n",
            "POST /webhooks/github HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "POST /webhooks/github HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            "POST /webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n",
        ] {
            assert_eq!(marked(&[head, "#"]), format!("{head}^"));
        }
        let hash = "POST /webhooks/github#1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
        assert_eq!(marked(&[hash, "#"]), format!("{}#", hash.replace('#', "^")));
    }
}
