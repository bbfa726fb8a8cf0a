//! The client's conditional request: `If-None-Match` (RFC 9110, 13.1.2).

use http::HeaderMap;
use http::header::IF_NONE_MATCH;

use crate::entry::{Coding, EntityTag};

/// Returns the coding of a body of which the client sent the entity tag: `sent`, the coding to be
/// sent, or else the other one. The weak comparison allows both. A client may have the tag of the
/// other coding because the gzip form was not made yet, or because GitHub has one tag for all
/// codings.
pub(super) fn known(headers: &HeaderMap, tag: EntityTag, sent: Coding) -> Option<Coding> {
    let mut other = None;
    for line in headers.get_all(IF_NONE_MATCH) {
        // An entity tag of svm is hexadecimal digits with an optional word, in quotes. So it never
        // contains a comma.
        for named in line.as_bytes().split(|byte| *byte == b',') {
            match coding_of(named.trim_ascii(), tag, sent) {
                Some(coding) if coding == sent => return Some(sent),
                coding => other = other.or(coding),
            }
        }
    }
    other
}

/// Returns the coding that a member of the list names, by the weak comparison.
fn coding_of(named: &[u8], tag: EntityTag, sent: Coding) -> Option<Coding> {
    match named {
        b"*" => Some(sent),
        _ => tag.coding_of(named.strip_prefix(b"W/").unwrap_or(named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "44136fa355b3678a1146ad16f7e8649e";

    fn check(lines: &[&str], want: Option<Coding>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = line.replace("abc", DIGITS).replace("ABC", &DIGITS.to_uppercase());
            headers.append(IF_NONE_MATCH, line.parse().unwrap());
        }
        assert_eq!(known(&headers, EntityTag::of(b"{}"), Coding::Gzip), want, "{lines:?}");
    }

    #[test]
    fn every_form_of_the_header_is_read() {
        let [plain, gzip] = [Some(Coding::Identity), Some(Coding::Gzip)];
        check(&[], None);
        check(&["\"abc\""], plain);
        check(&["W/\"abc\""], plain);
        check(&["\"abc-gzip\""], gzip);
        check(&["W/\"abc-gzip\""], gzip);
        check(&["*"], gzip);
        check(&["\"x\", W/\"y\" ,\"abc\""], plain);
        check(&["\"abc\",\"abc-gzip\""], gzip);
        check(&["\"abc\"", "\"x\", \"abc-gzip\""], gzip);
        check(&["\"x\"", "\"abc\""], plain);
        check(&["\"x,*,y\""], gzip);
        check(&["abc"], None);
        check(&["\"ABC\""], None);
        check(&["w/\"abc\""], None);
        check(&["\"abcd\""], None);
        check(&["\"abc-br\""], None);
        check(&["\"44136fa3\""], None);
        check(&["\"", "\"\"", ""], None);
    }
}
