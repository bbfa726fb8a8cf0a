//! The links of a page to the other pages of its list (`Link`, RFC 8288).
//!
//! The upstream's header is hostile input. Only URLs of the document's own host are kept, without
//! characters that could end a header or a link, and at most one per relation.

use crate::words::words;

/// The most bytes of all URLs of a page together. Of longer ones, the less important are dropped.
const MOST_BYTES: usize = 2_048;
/// The most bytes of a header that are read.
const LONGEST_HEADER: usize = 8 * 1_024;

words! {
    /// The relation of another page to a page, under the word of the header. In GitHub's order.
    pub enum Relation {
        /// The previous page.
        Prev = "prev",
        /// The next page.
        Next = "next",
        /// The last page.
        Last = "last",
        /// The first page.
        First = "first",
    }
}

impl Relation {
    /// Every relation, the one first that a client needs least: pagination goes by the next page.
    const LEAST_FIRST: [Self; 4] = [Self::First, Self::Prev, Self::Last, Self::Next];
}

/// The URLs of the other pages, as the upstream gave them. Few documents have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links(Option<Box<Urls>>);

type Urls = [Option<Box<str>>; Relation::ALL.len()];

impl Links {
    /// Parses the lines of a `Link` header of a document of `authority`.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>, authority: &str) -> Self {
        let mut urls = Urls::default();
        for line in lines {
            let line = &line[..line.len().min(LONGEST_HEADER)];
            read(line, authority, &mut urls);
        }
        for relation in Relation::LEAST_FIRST {
            let bytes: usize = urls.iter().flatten().map(|url| url.len()).sum();
            if bytes <= MOST_BYTES {
                break;
            }
            urls[relation as usize] = None;
        }
        Self::from_urls(urls)
    }

    /// Creates links from URLs in the order of [`Relation::ALL`].
    pub fn from_urls(urls: [Option<Box<str>>; Relation::ALL.len()]) -> Self {
        Self(urls.iter().any(Option::is_some).then(|| Box::new(urls)))
    }

    /// Returns the URL of another page.
    pub fn url(&self, relation: Relation) -> Option<&str> {
        self.0.as_ref()?[relation as usize].as_deref()
    }

    /// Returns true if the page has no links.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

/// Parses one line, up to the first malformed link.
fn read(line: &[u8], authority: &str, urls: &mut Urls) {
    let Ok(mut rest) = str::from_utf8(line) else { return };
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((url, behind)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        else {
            return;
        };
        let end = find_unquoted(behind, ',').unwrap_or(behind.len());
        let (parameters, behind) = behind.split_at(end);
        for relation in Relation::ALL {
            let slot = &mut urls[relation as usize];
            if slot.is_none() && has(parameters, relation) && is_kept(url, authority) {
                *slot = Some(url.into());
            }
        }
        rest = behind;
    }
}

/// Returns the position of the first such character outside of quotes.
fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut is_quoted = false;
    text.find(|character: char| {
        is_quoted ^= character == '"';
        character == wanted && !is_quoted
    })
}

/// Returns true if parameters name a relation: `; rel="prev next"` or `; rel=next`.
fn has(parameters: &str, relation: Relation) -> bool {
    let mut rest = parameters;
    while let Some(start) = find_unquoted(rest, ';') {
        rest = &rest[start + 1..];
        let parameter = &rest[..find_unquoted(rest, ';').unwrap_or(rest.len())];
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("rel") {
            // The first one counts (RFC 8288, 3.3).
            let mut words = value.trim().trim_matches('"').split_ascii_whitespace();
            return words.any(|word| word.eq_ignore_ascii_case(relation.as_str()));
        }
    }
    false
}

fn is_kept(url: &str, authority: &str) -> bool {
    let rest = url.strip_prefix("https://").and_then(|rest| rest.strip_prefix(authority));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte);
    rest.is_some_and(|path| path.starts_with('/')) && url.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "api.github.com";

    fn links(line: &str) -> String {
        let links = Links::parse([line.as_bytes()], HOST);
        let url = |relation: &Relation| Some((relation.as_str(), links.url(*relation)?.to_owned()));
        let shown: Vec<_> = Relation::ALL.iter().filter_map(url).collect();
        shown.iter().map(|(relation, url)| format!("{relation} {url};")).collect()
    }

    #[test]
    fn the_links_of_a_page_are_read() {
        let url = |page: u8| format!("https://api.github.com/repositories/17/releases?page={page}");
        let [one, two, nine] = [1, 2, 9].map(url);
        for (line, want) in [
            (
                format!(r#"<{two}>; rel="next", <{nine}>; rel="last""#),
                format!("next {two};last {nine};"),
            ),
            (
                format!(r#"<{one}>;rel=prev ,, <{one}> ; REL = "FIRST";title="a, b""#),
                format!("prev {one};first {one};"),
            ),
            (format!(r#"<{one}>; rel="prev first""#), format!("prev {one};first {one};")),
            (format!(r#"<{one}>; rel="next", <{two}>; rel="next""#), format!("next {one};")),
            (
                format!(r#"<https://docs.github.com/x>; rel="deprecation", <{two}>; rel="next""#),
                format!("next {two};"),
            ),
        ] {
            assert_eq!(links(&line), want, "{line}");
        }
    }

    #[test]
    fn hostile_links_are_dropped() {
        for line in [
            "",
            "next",
            "<>; rel=next",
            "<https://api.github.com/x; rel=next",
            "<https://evil.example/x>; rel=next",
            "<https://api.github.com.evil.example/x>; rel=next",
            "<https://api.github.com@evil.example/x>; rel=next",
            "<https://api.github.com:444/x>; rel=next",
            "<http://api.github.com/x>; rel=next",
            "<//api.github.com/x>; rel=next",
            "</x>; rel=next",
            "<https://api.github.com/x\u{7f}>; rel=next",
            "<https://api.github.com/x y>; rel=next",
            "<https://api.github.com/\u{e9}>; rel=next",
            "<https://api.github.com/x>; rel=nextx",
            "<https://api.github.com/x>",
            "<https://api.github.com/x>; title=\"; rel=next",
        ] {
            assert_eq!(links(line), "", "{line}");
        }
        let long = format!("<https://api.github.com/{}>; rel=next", "x".repeat(MOST_BYTES));
        assert_eq!(links(&long), "");
        let many = "<https://evil.example/>; rel=x, ".repeat(10_000);
        assert_eq!(links(&format!("{many}<https://api.github.com/x>; rel=next")), "");
    }

    #[test]
    fn of_links_that_are_too_long_the_next_one_stays() {
        let line = |lengths: [usize; 4]| {
            let relations = Relation::ALL.map(Relation::as_str);
            let links = relations.iter().zip(lengths).filter(|(_, length)| *length > 0);
            let url = |length| format!("https://{HOST}/{}", "x".repeat(length - 9 - HOST.len()));
            links.map(|(word, length)| format!("<{}>; rel={word}, ", url(length))).collect()
        };
        let kept = |lengths| {
            let line: String = line(lengths);
            let links = Links::parse([line.as_bytes()], HOST);
            Relation::ALL.map(|relation| links.url(relation).map_or(0, str::len))
        };
        for (given, want) in [
            ([600, 600, 600, 600], [600, 600, 600, 0]),
            ([512, 512, 512, 512], [512, 512, 512, 512]),
            ([512, 512, 512, 513], [512, 512, 512, 0]),
            ([900, 900, 900, 900], [0, 900, 900, 0]),
            ([100, 2_000, 100, 100], [0, 2_000, 0, 0]),
            ([100, 2_048, 0, 100], [0, 2_048, 0, 0]),
            ([2_048, 0, 100, 0], [0, 0, 100, 0]),
            ([100, 2_049, 100, 100], [0, 0, 0, 0]),
        ] {
            assert_eq!(kept(given), want, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn any_header_gives_bounded_links_of_the_host(line in "(<|>|;|,|\"| |rel=|next|prev|https://|api.github.com|/|x|\\PC){0,40}") {
            let links = Links::parse([line.as_bytes()], HOST);
            for relation in Relation::ALL {
                if let Some(url) = links.url(relation) {
                    prop_assert!(url.starts_with("https://api.github.com/"));
                    prop_assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
                }
            }
        }
    }
}
