//! The query string of `/version`: the requested URL, the `refresh` flag, and the part that the
//! client wants.
//!
//! The parser decodes `url` exactly once and does not check it: [`Target`](crate::target::Target)
//! does. Clients may send the URL raw (`?url=https://host/path?sha=x`). So the parser splits only
//! at `&`, and a name ends at its first `=`. Unknown and repeated parameters, such as the rest of a
//! raw URL after an `&`, are errors.

use std::borrow::Cow;

use crate::config::duration;
use crate::target::percent;

use super::selection::{JsonPointer, Selection};

/// The number of characters of an unknown parameter's name that the error message shows.
const MAX_NAME: usize = 40;

/// The parameters of `/version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionQuery<'a> {
    /// The value of `url`, decoded once; borrowed if it holds no percent sign.
    pub url: Cow<'a, str>,
    /// True if the client wants a call to the upstream even though a fresh copy exists.
    pub refresh: bool,
    /// The part of the document that the client wants.
    pub selection: Selection,
}

impl<'a> VersionQuery<'a> {
    /// Parses the raw query string, without its question mark.
    pub fn parse(raw: Option<&'a str>) -> Result<Self, Error> {
        let (mut url, mut refresh, mut min_age, mut pointer) = (None, None, None, None);
        let parameters = raw.unwrap_or_default().split('&').filter(|piece| !piece.is_empty());
        for parameter in parameters {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let (name, slot) = match name {
                "url" => ("url", &mut url),
                "refresh" => ("refresh", &mut refresh),
                "min_age" => ("min_age", &mut min_age),
                "pointer" => ("pointer", &mut pointer),
                other => {
                    return Err(Error::Unknown { name: other.chars().take(MAX_NAME).collect() });
                }
            };
            let value = decode(value).ok_or(Error::Unreadable { name })?;
            if slot.replace(value).is_some() {
                return Err(Error::Repeated { name });
            }
        }
        let url = url.filter(|url| !url.is_empty()).ok_or(Error::Missing)?;
        let refresh = refresh.map_or(Ok(false), |value| truth(&value))?;
        let selection = Selection {
            // An empty value is an error too: an unset variable in a script must not turn the
            // protection off.
            min_age: min_age
                .map(|text| duration::parse(&text))
                .transpose()
                .or(Err(Error::MinAge))?,
            pointer: pointer
                .map(|text| JsonPointer::parse(&text).ok_or(Error::Pointer))
                .transpose()?,
        };
        Ok(Self { url, refresh, selection })
    }
}

/// The reason why a query is refused. The client gets the message as the `detail` of a 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `url` is missing or empty.
    #[error("url parameter is required")]
    Missing,
    /// A parameter occurs twice.
    #[error("{name} parameter is repeated; percent-encode the value of url if this belongs to it")]
    Repeated {
        /// The parameter's name.
        name: &'static str,
    },
    /// An unknown parameter: most often a part of a URL that was not percent-encoded.
    #[error("unknown parameter `{name}`; percent-encode the value of url if this belongs to it")]
    Unknown {
        /// The parameter's name, truncated if it is long.
        name: String,
    },
    /// A value has malformed percent-encoding, or is not UTF-8.
    #[error("{name} parameter is not well-formed percent-encoded UTF-8")]
    Unreadable {
        /// The parameter's name.
        name: &'static str,
    },
    /// The value of `refresh` is not a boolean.
    #[error("refresh parameter must be true, 1, false or 0")]
    Refresh,
    /// The value of `min_age` is not a duration.
    #[error("min_age parameter must be a duration such as 7d or 36h")]
    MinAge,
    /// The value of `pointer` is not a JSON Pointer of RFC 6901, or is too long.
    #[error(
        "pointer parameter must be a JSON Pointer (RFC 6901), such as /tag_name or /assets/0/name, of 256 bytes and 32 steps at most"
    )]
    Pointer,
}

fn truth(value: &str) -> Result<bool, Error> {
    let is = |word| value.eq_ignore_ascii_case(word);
    match value {
        "1" => Ok(true),
        "" | "0" => Ok(false),
        _ if is("true") => Ok(true),
        _ if is("false") => Ok(false),
        _ => Err(Error::Refresh),
    }
}

/// Decodes percent-encoding once. A plus sign stays a plus sign.
fn decode(value: &str) -> Option<Cow<'_, str>> {
    if !value.contains('%') {
        return Some(Cow::Borrowed(value));
    }
    let decoded = percent::decode(value)?;
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Error, Selection, VersionQuery};
    use crate::target::{Policy, Target};

    #[track_caller]
    fn check(raw: &str, expected: Result<(&str, bool), &str>) {
        let query = VersionQuery::parse(Some(raw));
        let actual = query.map(|query| (query.url.into_owned(), query.refresh));
        let actual = actual.as_ref().map(|(url, refresh)| (url.as_str(), *refresh));
        assert_eq!(actual.map_err(ToString::to_string), expected.map_err(str::to_owned), "{raw}");
    }

    #[test]
    fn urls() {
        for (raw, url) in [
            ("url=https://h/p", "https://h/p"),
            ("url=https://h/p?sha=master", "https://h/p?sha=master"),
            ("url=https://h/p?a==b?c", "https://h/p?a==b?c"),
            ("url=https%3A%2F%2Fh%2Fp%3Fa%3D1%26b%3D2", "https://h/p?a=1&b=2"),
            ("url=a%2523%2B+%25", "a%23++%"),
            ("url=%F0%9F%A6%80", "\u{1f980}"),
            ("&url=x&", "x"),
            ("url=%00", "\0"),
        ] {
            check(raw, Ok((url, false)));
        }
    }

    #[test]
    fn refresh() {
        for yes in ["true", "TRUE", "True", "1", "%31", "tru%65"] {
            check(&format!("url=x&refresh={yes}"), Ok(("x", true)));
            check(&format!("refresh={yes}&url=x"), Ok(("x", true)));
        }
        for no in ["=false", "=False", "=0", "=", ""] {
            check(&format!("url=x&refresh{no}"), Ok(("x", false)));
        }
        for unclear in ["yes", "2", "01", "truee", "+1", "=1", "null"] {
            let refused = Err("refresh parameter must be true, 1, false or 0");
            check(&format!("url=x&refresh={unclear}"), refused);
        }
    }

    #[test]
    fn parts_of_documents() {
        let selection = |raw: &str| -> Result<_, String> {
            let query = VersionQuery::parse(Some(raw)).map_err(|error| error.to_string())?;
            Ok((query.selection.min_age, query.selection.pointer.map(|it| it.to_string())))
        };
        let week = Some(Duration::from_secs(7 * 24 * 60 * 60));
        let pointer = |text: &str| Some(text.to_owned());
        for (raw, expected) in [
            ("url=x", (None, None)),
            ("url=x&pointer=", (None, pointer(""))),
            ("url=x&min_age=7d&pointer=/tag_name", (week, pointer("/tag_name"))),
            ("pointer=%2Fa~1b%2F0&url=x", (None, pointer("/a~1b/0"))),
            ("url=x&min_age=0s", (Some(Duration::ZERO), None)),
        ] {
            assert_eq!(selection(raw), Ok(expected), "{raw}");
        }
        for raw in
            ["min_age=", "min_age", "min_age=7", "min_age=-1d", "min_age=week", "min_age=1d1"]
        {
            let refused = Err("min_age parameter must be a duration such as 7d or 36h");
            check(&format!("url=x&{raw}"), refused);
        }
        for raw in ["pointer=tag_name", "pointer=/~2", "pointer=%23/a"] {
            let refused = selection(&format!("url=x&{raw}")).unwrap_err();
            assert!(refused.starts_with("pointer parameter must be a JSON Pointer"), "{refused}");
        }
        check(
            "url=x&pointer=/a&pointer=/a",
            Err(
                "pointer parameter is repeated; percent-encode the value of url if this belongs to it",
            ),
        );
    }

    #[test]
    fn refusals() {
        let advice = "percent-encode the value of url if this belongs to it";
        for missing in ["", "&", "url", "url=", "refresh=true"] {
            check(missing, Err("url parameter is required"));
        }
        assert_eq!(VersionQuery::parse(None), Err(Error::Missing));
        for (raw, name) in [
            ("url=https://h/p?a=1&page=2", "page"),
            ("URL=x", "URL"),
            ("%75rl=x", "%75rl"),
            ("=x", ""),
            ("url=x&per_page", "per_page"),
            ("url=x&amp;refresh=1", "amp;refresh"),
        ] {
            check(raw, Err(&format!("unknown parameter `{name}`; {advice}")));
        }
        let (long, cut) = ("x".repeat(1_000), "x".repeat(40));
        check(&long, Err(&format!("unknown parameter `{cut}`; {advice}")));
        check("url=x&url=x", Err(&format!("url parameter is repeated; {advice}")));
        check("url=&url=x", Err(&format!("url parameter is repeated; {advice}")));
        check("url=x&refresh=&refresh=1", Err(&format!("refresh parameter is repeated; {advice}")));
        for unreadable in ["%", "%2", "%zz", "a%ff", "%C3", "%C0%AE", "%ED%A0%80"] {
            let refused = Err("url parameter is not well-formed percent-encoded UTF-8");
            check(&format!("url={unreadable}"), refused);
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_encoding(url in "\\PC{1,40}", choices in any::<[bool; 7]>()) {
            let raw = format!("url={}&refresh=1", encode(&url, &choices));
            let query = VersionQuery::parse(Some(&raw)).unwrap();
            let selection = Selection::default();
            prop_assert_eq!(query, VersionQuery { url: url.into(), refresh: true, selection });
        }

        #[test]
        fn arbitrary_queries_never_panic(raw in "\\PC*|(url|refresh|[&=%1a]){0,20}") {
            let _verdict = VersionQuery::parse(Some(&raw));
        }

        #[test]
        fn raw_and_encoded_urls_are_one_key(
            path in "[a-zA-Z0-9._~+-]{1,9}x", query in "(sha=[a-z0-9/+.]{0,9})?", choices in any::<[bool; 7]>()
        ) {
            let url = format!("https://api.github.com/repos/o/{path}?{query}");
            let key = |value: &str| {
                let raw = format!("url={value}");
                let query = VersionQuery::parse(Some(&raw)).unwrap();
                Target::parse(&query.url, &Policy::default()).unwrap().key()
            };
            prop_assert_eq!(key(&url), key(&encode(&url, &choices)));
        }
    }

    /// Encodes the characters that must be encoded. Each of the others is encoded if the next of
    /// `choices` says so.
    fn encode(text: &str, choices: &[bool]) -> String {
        let mut choices = choices.iter().cycle();
        let mut encode = |character: char| {
            if *choices.next().unwrap() || "%&".contains(character) {
                let bytes = character.to_string().into_bytes();
                return bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            }
            character.to_string()
        };
        text.chars().map(&mut encode).collect()
    }
}
