//! The replacement of each raw `#` in the bytes of an HTTP/1.1 client, so that svm can see the `#`.
//!
//! The HTTP library drops a `#` in a request line and everything after it: svm would answer a
//! request for `heads/fix#1` with `heads/fix`. So each `#` that arrives becomes a [`MARK`], which
//! the library passes on. A mark that a client sends becomes a [`STAND_IN`]. So a mark always
//! stands for a `#`. Neither byte is valid in a URL, so svm refuses both.
//!
//! The replacement works on single bytes and does not need to know where a request line begins. So
//! no pipelined request, no body, and no read that ends inside a line can hide a `#`. Outside
//! request lines the replacement has no effect: no header field or entity tag that svm reads
//! contains these characters.
//!
//! The only body that svm reads is the body of a webhook delivery, and its signature covers the
//! original bytes. So this body stays unchanged: if a read begins with the head of a delivery, that
//! head gives the length of the body. The head may end in a later read. A client may put the text
//! of such a head elsewhere, at the beginning of a read. Then svm misses a `#` only in the requests
//! of this connection.

use http::header::CONTENT_LENGTH;
use tokio::io::ReadBuf;

use super::webhook::PATH;

/// The largest head of a request, in bytes.
pub(super) const LARGEST_HEAD: usize = 32 * 1024;
/// The byte that replaces a raw `#`. Like [`STAND_IN`], it may occur in a request line, in a field
/// name and in a field value.
const MARK: u8 = b'^';
/// The byte that replaces a mark that a client sent.
const STAND_IN: u8 = b'|';
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const METHOD: &[u8] = b"POST ";
/// The beginnings of a target that names a host.
const SCHEMES: [&[u8]; 2] = [b"http://", b"https://"];

/// Returns true if the client sent a raw `#` in this part of the URL.
pub(super) fn has_hash(part: &str) -> bool {
    part.as_bytes().contains(&MARK)
}

/// Returns true if the client sent a raw mark or stand-in in this part of the URL. svm cannot tell
/// one from the other.
pub(super) fn has_stand_in(part: &str) -> bool {
    part.as_bytes().contains(&STAND_IN)
}

/// Replaces every `#` and every mark. The loop has no branch, so that the compiler vectorizes it.
fn mark(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = if *byte == MARK { STAND_IN } else { *byte };
        *byte = if *byte == b'#' { MARK } else { *byte };
    }
}

/// The state of the replacement in the bytes of one connection.
#[derive(Debug, Default)]
pub(super) struct Marking {
    /// The beginning of a delivery's head, until its end has arrived.
    head: Vec<u8>,
    /// The number of bytes of a delivery's body that are still to come.
    body_left: usize,
}

impl Marking {
    /// Returns the bytes of memory that the beginning of a head takes here.
    pub(super) fn held(&self) -> usize {
        self.head.capacity()
    }

    /// Marks the bytes that a read added to the buffer, after its first `before` bytes.
    pub(super) fn mark_read(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let bytes = &mut buffer.filled_mut()[before..];
        // The HTTP library passes over line ends before a head.
        let may_begin = matches!(bytes.first(), Some(b'P' | b'\r' | b'\n'));
        if may_begin || self.body_left > 0 || !self.head.is_empty() {
            self.mark_around_body(bytes);
        } else {
            mark(bytes);
        }
    }

    #[cold]
    fn mark_around_body(&mut self, bytes: &mut [u8]) {
        let mut head = 0;
        if self.body_left == 0 {
            (head, self.body_left) = self.delivery(bytes);
        }
        let (head, rest) = bytes.split_at_mut(head);
        let body = self.body_left.min(rest.len());
        self.body_left -= body;
        mark(head);
        mark(&mut rest[body..]);
    }

    /// Returns how many of these bytes belong to a head, and the length of the body behind it. If
    /// no delivery begins there, all of them count as the head.
    fn delivery(&mut self, bytes: &[u8]) -> (usize, usize) {
        let before = self.head.len();
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(&bytes[..bytes.len().min(LARGEST_HEAD)]);
        let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let start = head.iter().position(is_text).unwrap_or(head.len());
        if !may_be_delivery(&head[start..]) {
            return (bytes.len(), 0);
        }
        let from = before.saturating_sub(END_OF_HEAD.len()).max(start);
        let Some(end) = memchr::memmem::find(&head[from..], END_OF_HEAD) else {
            if head.len() < LARGEST_HEAD {
                self.head = head;
            }
            return (bytes.len(), 0);
        };
        let end = from + end;
        head.truncate(end + END_OF_HEAD.len());
        body_of_delivery(&head).map_or((bytes.len(), 0), |body| (head.len() - before, body))
    }
}

/// Returns the length of the body, if the head is that of a delivery.
fn body_of_delivery(head: &[u8]) -> Option<usize> {
    let mut lines = str::from_utf8(head).ok()?.split("\r\n");
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()).then_some(value)
    });
    length?.trim().parse().ok()
}

/// Returns true if these bytes begin a delivery, as far as they go.
fn may_be_delivery(bytes: &[u8]) -> bool {
    let Some(target) = bytes.strip_prefix(METHOD) else { return agree(bytes, METHOD) };
    let authority = SCHEMES.iter().find_map(|scheme| target.strip_prefix(*scheme));
    let path = match authority {
        Some(authority) => memchr::memchr(b'/', authority).map_or(&[][..], |at| &authority[at..]),
        None if SCHEMES.iter().any(|scheme| agree(target, scheme)) => &[],
        None => target,
    };
    agree(path, PATH.as_bytes())
}

/// Returns true if one of the texts begins with the other.
fn agree(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
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

    /// Returns the marked text of these reads.
    fn marked(reads: &[&str]) -> String {
        let mut bytes = [0; 64 << 10];
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
            (vec!["P", &head[1..9], &head[9..40], &head[40..], "#^|#"], "#^|#"),
            (vec![&head[..20], &*format!("{}#^|#GET /#", &head[20..])], "#^|#GET /^"),
            (vec![&head[..head.len() - 1], "\n#^", "|#"], "#^|#"),
        ] {
            assert_eq!(marked(&reads), format!("{marked_head}{rest}"), "{reads:?}");
        }
    }

    #[test]
    fn a_delivery_may_have_a_large_head_and_any_beginning() {
        let fields = "Content-Length: 4\r\n\r\n";
        let large = format!("X-A: {}\r\nX-B: {}", "a".repeat(10_000), "b".repeat(20_000));
        for head in [
            format!("POST /webhooks/github HTTP/1.1\r\n{large}\r\n{fields}"),
            format!("\r\n\r\nPOST /webhooks/github HTTP/1.1\r\n{fields}"),
            format!("\nPOST /webhooks/github HTTP/1.1\r\n{fields}"),
            format!("POST http://svm/webhooks/github HTTP/1.1\r\n{fields}"),
            format!("POST https://svm:8443/webhooks/github HTTP/1.1\r\n{fields}"),
        ] {
            for at in [1, 2, 8, 16, 30, head.len() - 1, head.len()] {
                let reads = [&head[..at], &*format!("{}#^|#", &head[at..]), "#"];
                assert_eq!(marked(&reads), format!("{head}#^|#^"), "{at}: {}", &head[..20]);
            }
        }
    }

    #[test]
    fn no_other_body_stays_as_it_is() {
        for head in [
            "POST /version HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "PUT /webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            " POST /webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "POST http://svm/version HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "POST ftp://svm/webhooks/github HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
            "\r\nPOST /version HTTP/1.1\r\nContent-Length: 1\r\n\r\n",
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
