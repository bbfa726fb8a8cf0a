//! Texts without the credentials in them: of each, only the first four characters are shown.
//!
//! Operators paste tokens into the wrong variable, so no value that is repeated to them is trusted to be harmless. A
//! credential is known by its prefix, by the word before it, by its place in a URL, or because it looks random. The
//! subtle thing is how much is hidden: [`redacted`] hides a credential up to the end of its word, for sentences; a
//! value is cut at its first credential by [`cut`], since a blank or a comma in a token ends a word and not the token.

use std::borrow::Cow;
use std::path::Path;

/// How GitHub's tokens begin, and those of services that stand beside it. Beginnings that are also parts of names, as
/// `npm_` is, are left out: such tokens are known by their looks.
const PREFIXES: [&str; 13] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "dckr_pat_",
    "hvs.",
    "xoxb-",
    "xoxp-",
];
/// How a JSON web token begins: `{"` in base64.
const JSON: &str = "eyJ";
/// A word that names what follows it.
const NAMES: [&str; 10] = [
    "bearer ",
    "basic ",
    "bearer:",
    "basic:",
    "token=",
    "token:",
    "password=",
    "passwd=",
    "secret=",
    "api_key=",
];

/// The characters of a credential that are shown.
const SHOWN: usize = 4;
/// A shorter word is no credential by its looks alone.
const SHORTEST: usize = 20;
/// The same for a word with punctuation in it, as a path has.
const SHORTEST_WITH_PUNCTUATION: usize = 24;
const SHORTEST_JSON: usize = 10;

/// A credential in a text.
#[derive(Clone, Copy)]
struct Credential {
    /// Where it begins.
    start: usize,
    /// The end of what may be shown of it.
    shown: usize,
    /// The end of what is hidden.
    end: usize,
}

/// The text with each credential in it cut short.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(Credential { shown, end, .. }) = first(rest) {
        hidden.push_str(&rest[..shown]);
        hidden.push_str("...");
        rest = &rest[end..];
    }
    if hidden.is_empty() { text.into() } else { (hidden + rest).into() }
}

/// The path as text, up to the first characters of a credential in it.
pub fn redacted_path(path: &Path) -> String {
    let path = path.to_string_lossy();
    cut(&path).unwrap_or_else(|| path.into_owned())
}

/// The value up to and with the first characters of a credential in it, and nothing behind; `None` if it has none.
pub fn cut(value: &str) -> Option<String> {
    let in_url = login(value, 0..value.len());
    let credential = first(value).into_iter().chain(in_url).min_by_key(|found| found.start)?;
    Some(format!("{}...", &value[..credential.shown]))
}

fn first(text: &str) -> Option<Credential> {
    let found = [by_prefix(text), by_name(text), by_login(text), by_looks(text)];
    // Of those that begin together, the one that shows the least.
    found.into_iter().flatten().min_by_key(|found| (found.start, found.shown))
}

fn by_prefix(text: &str) -> Option<Credential> {
    let known = PREFIXES.iter().flat_map(|prefix| places(text, prefix));
    let json = text.match_indices(JSON).map(|(at, _)| at).filter(|at| {
        let rest = &text.as_bytes()[*at..];
        rest.iter().take_while(|byte| is_token(**byte)).count() >= SHORTEST_JSON
    });
    let start = known.chain(json).min()?;
    Some(Credential { start, shown: after(text, start, SHOWN), end: end_of_word(text, start) })
}

/// The word behind a name is hidden as a whole: a password may be short.
fn by_name(text: &str) -> Option<Credential> {
    let after_name = |name: &&str| {
        let name = *name;
        let mut at = places(text, name).filter(|at| starts_word(text, *at));
        at.find_map(|at| {
            let start = at + name.len();
            let start = start + (text[start..].len() - text[start..].trim_start().len());
            let end = end_of_word(text, start);
            // What was cut short before stays as it is.
            (end > start && text[start..end] != *"...").then_some(Credential {
                start,
                shown: start,
                end,
            })
        })
    };
    NAMES.iter().filter_map(after_name).min_by_key(|found| found.start)
}

/// A login in the words of a sentence.
fn by_login(text: &str) -> Option<Credential> {
    let mut at = 0;
    while at < text.len() {
        let end = end_of_words(text, at);
        if let Some(found) = login(text, at..end) {
            return Some(found);
        }
        at = end + text[end..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// The `user:password` of `scheme://user:password@host`, also where there is no scheme.
fn login(text: &str, range: std::ops::Range<usize>) -> Option<Credential> {
    let part = &text[range.clone()];
    let end = part.rfind('@')?;
    let start = match part[..end].find("://") {
        Some(scheme) => scheme + "://".len(),
        None => part[..end].contains(':').then_some(0)?,
    };
    let (start, end) = (range.start + start, range.start + end);
    (text[start..end] != *"...").then_some(Credential { start, shown: start, end })
}

/// A long word that nobody would make up.
fn by_looks(text: &str) -> Option<Credential> {
    let alphanumeric = runs(text, |byte| byte.is_ascii_alphanumeric())
        .find(|(start, end)| is_random(&text.as_bytes()[*start..*end]));
    let punctuated = runs(text, |byte| is_token(byte) || matches!(byte, b'+' | b'/'))
        .find(|(start, end)| is_random_with_punctuation(&text.as_bytes()[*start..*end]));
    let start = [alphanumeric, punctuated].into_iter().flatten().map(|(start, _)| start).min()?;
    Some(Credential { start, shown: after(text, start, SHOWN), end: end_of_word(text, start) })
}

fn is_random(word: &[u8]) -> bool {
    let Looks { upper, lower, digits, changes, letter_changes } = looks(word);
    let all_kinds = upper && lower && digits;
    // A number at the end of a name is one change, and one within it two.
    let mixed = digits && changes > 2;
    // A name in several words changes the case twice for each.
    let mixed_case = upper && lower && letter_changes * 5 > word.len() * 2;
    word.len() >= SHORTEST && (all_kinds || mixed || mixed_case)
}

fn is_random_with_punctuation(word: &[u8]) -> bool {
    let Looks { upper, lower, digits, changes, .. } = looks(word);
    word.len() >= SHORTEST_WITH_PUNCTUATION && upper && lower && digits && changes > 3
}

/// Which kinds of characters a word has, and how often they change.
struct Looks {
    upper: bool,
    lower: bool,
    digits: bool,
    /// From a letter to a digit or back.
    changes: usize,
    /// From one case to the other.
    letter_changes: usize,
}

fn looks(word: &[u8]) -> Looks {
    let changes = |differ: fn(u8, u8) -> bool| {
        word.windows(2).filter(|pair| differ(pair[0], pair[1]) || differ(pair[1], pair[0])).count()
    };
    Looks {
        upper: word.iter().any(u8::is_ascii_uppercase),
        lower: word.iter().any(u8::is_ascii_lowercase),
        digits: word.iter().any(u8::is_ascii_digit),
        changes: changes(|one, other| one.is_ascii_alphabetic() && other.is_ascii_digit()),
        letter_changes: changes(|one, other| {
            one.is_ascii_uppercase() && other.is_ascii_lowercase()
        }),
    }
}

/// Where a needle in ASCII begins, in whatever case.
fn places(text: &str, needle: &str) -> impl Iterator<Item = usize> {
    let windows = text.as_bytes().windows(needle.len()).enumerate();
    windows.filter(move |(_, it)| it.eq_ignore_ascii_case(needle.as_bytes())).map(|(at, _)| at)
}

/// The longest runs of such bytes.
fn runs(text: &str, is_part: fn(u8) -> bool) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let is_start = move |at: &usize| is_part(bytes[*at]) && (*at == 0 || !is_part(bytes[*at - 1]));
    let end = move |start: usize| {
        bytes[start..].iter().position(|byte| !is_part(*byte)).map_or(bytes.len(), |it| start + it)
    };
    (0..bytes.len()).filter(is_start).map(move |start| (start, end(start)))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn starts_word(text: &str, at: usize) -> bool {
    at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric()
}

/// The end of the word that goes on at `start`.
fn end_of_word(text: &str, start: usize) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '`');
    text[start..].find(ends).map_or(text.len(), |length| start + length)
}

/// The same where a comma is a part of the word.
fn end_of_words(text: &str, start: usize) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`');
    text[start..].find(ends).map_or(text.len(), |length| start + length)
}

/// The end of so many characters.
fn after(text: &str, start: usize, characters: usize) -> usize {
    let length = text[start..].char_indices().nth(characters).map(|(at, _)| at);
    length.map_or(text.len(), |length| start + length)
}

#[cfg(test)]
mod tests;
