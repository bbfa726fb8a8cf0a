//! The client's conditional request: `If-None-Match` (RFC 9110, 13.1.2).

use http::HeaderMap;
use http::header::IF_NONE_MATCH;

use crate::entry::{Coding, EntityTag};

/// Returns the first of these forms of a body whose entity tag the client sent.
pub(super) fn known(
    headers: &HeaderMap,
    tag: EntityTag,
    forms: impl IntoIterator<Item = Coding>,
) -> Option<Coding> {
    forms.into_iter().find(|form| matches(headers, &tag.to_text(*form)))
}

/// Returns true if a line of the header names the tag, by the weak comparison.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|line| lists(line.as_bytes(), tag.as_bytes()))
}

fn lists(line: &[u8], etag: &[u8]) -> bool {
    // An entity tag of svm is hexadecimal digits with an optional word, in quotes. So it never
    // contains a comma.
    line.split(|byte| *byte == b',').any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], want: bool) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_NONE_MATCH, line.parse().unwrap());
        }
        assert_eq!(matches(&headers, "\"abc\""), want, "{lines:?}");
    }

    #[test]
    fn every_form_of_the_header_is_read() {
        check(&[], false);
        check(&["\"abc\""], true);
        check(&["W/\"abc\""], true);
        check(&["*"], true);
        check(&["\"x\", W/\"y\" ,\"abc\""], true);
        check(&["\"x\"", "\"abc\""], true);
        check(&["\"x,*,y\""], true);
        check(&["abc"], false);
        check(&["\"ABC\""], false);
        check(&["w/\"abc\""], false);
        check(&["\"abcd\""], false);
        check(&[""], false);
    }
}
