//! The upstream's notices about the end of an endpoint or of its version: `Deprecation` (RFC 9745)
//! and `Sunset` (RFC 8594).
//!
//! They are for people, and are passed on unchanged if they are short and plain: the upstream is
//! not trusted with more space than a date needs.

/// The bytes of the longest notice that is kept; a date has fewer than 30.
const LONGEST: usize = 64;

/// The notices that came with a document. Hardly any document has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// The time of the deprecation, in the past or the future.
    pub deprecation: Option<Box<str>>,
    /// The time from which on the endpoint will no longer answer.
    pub sunset: Option<Box<str>>,
}

impl Notices {
    /// Parses the values of the two headers.
    pub fn parse(deprecation: Option<&[u8]>, sunset: Option<&[u8]>) -> Self {
        Self { deprecation: deprecation.and_then(kept), sunset: sunset.and_then(kept) }
    }

    /// Returns true if there is no notice.
    pub fn is_empty(&self) -> bool {
        self.deprecation.is_none() && self.sunset.is_none()
    }
}

fn kept(value: &[u8]) -> Option<Box<str>> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let is_kept = !value.is_empty() && value.len() <= LONGEST && value.iter().all(is_plain);
    str::from_utf8(value).ok().filter(|_| is_kept).map(Box::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_short_and_plain() {
        for (value, is_kept) in [
            (&b"Fri, 10 Mar 2028 00:00:00 GMT"[..], true),
            (b"@1688169599", true),
            (b"true", true),
            (&[b'x'; LONGEST], true),
            (&[b'x'; LONGEST + 1], false),
            (b"", false),
            (b"a\tb", false),
            (b"a\r\nset-cookie: x", false),
            (b"caf\xc3\xa9", false),
            (b"\xff", false),
        ] {
            let notices = Notices::parse(Some(value), None);
            assert_eq!(notices.deprecation.is_some(), is_kept, "{value:?}");
            assert_eq!(notices.is_empty(), !is_kept);
            assert_eq!(Notices::parse(None, Some(value)).sunset, notices.deprecation);
        }
    }
}
