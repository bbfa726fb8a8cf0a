//! Redaction of credentials in texts: only the first four characters of each are shown.
//!
//! Operators paste tokens into the wrong variable, so no value that an error repeats is trusted to
//! be harmless. A credential is recognized by its prefix, by the word before it, by its place in a
//! URL, or because it looks random. [`redacted`] is for sentences: it hides a credential up to the
//! end of its word. [`cut`] is for values: it cuts at the first credential, since a blank or a
//! comma may be part of a mistyped token.

mod looks;
mod tokens;

use std::borrow::Cow;
use std::path::Path;

pub use tokens::without_tokens;
use tokens::{PREFIXES, SHOWN};

/// The prefix of a JSON web token: `{"` in base64.
const JSON: &str = "eyJ";
/// Words that announce a credential.
const NAMES: [&str; 14] = [
    "bearer ",
    "basic ",
    "bearer:",
    "basic:",
    "token=",
    "token:",
    "password=",
    "passwd=",
    "secret=",
    "secret:",
    "password:",
    "passwd:",
    "api_key=",
    "api-key=",
];
/// Words that announce a credential in a value; in a sentence they mean nothing.
const NAMES_IN_VALUES: [&str; 6] =
    ["password ", "passwd ", "token ", "secret ", "api-key ", "api_key "];

const SHORTEST_JSON: usize = 10;

/// A credential in a text.
#[derive(Clone, Copy)]
struct Credential {
    /// The start of the credential.
    start: usize,
    /// The end of the part that is shown.
    shown: usize,
    /// The end of the part that is hidden.
    end: usize,
}

/// Returns the text with each credential cut short.
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

/// Returns the path as text, up to the first characters of a credential in it.
pub fn redacted_path(path: &Path) -> String {
    let path = path.to_string_lossy();
    cut(&path).unwrap_or_else(|| path.into_owned())
}

/// Returns the value up to the first characters of its first credential; `None` if it has none.
pub fn cut(value: &str) -> Option<String> {
    let in_url = login(value, 0..value.len());
    let named = by_name(value, &NAMES_IN_VALUES);
    let found = [first(value), in_url, named].into_iter().flatten();
    let credential = found.min_by_key(|found| found.start)?;
    Some(format!("{}...", &value[..credential.shown]))
}

fn first(text: &str) -> Option<Credential> {
    let found = [by_prefix(text), by_name(text, &NAMES), by_login(text), by_looks(text)];
    // Of several with the same start, the one that shows the least.
    found.into_iter().flatten().min_by_key(|found| (found.start, found.shown))
}

fn by_prefix(text: &str) -> Option<Credential> {
    let known = PREFIXES.iter().flat_map(|prefix| places(text, prefix));
    let json = text.match_indices(JSON).map(|(at, _)| at).filter(|at| {
        let rest = &text.as_bytes()[*at..];
        rest.iter().take_while(|byte| looks::is_token(**byte)).count() >= SHORTEST_JSON
    });
    let start = known.chain(json).min()?;
    Some(Credential { start, shown: after(text, start, SHOWN), end: end_of_word(text, start) })
}

/// Hides the whole word after a name, since a password may be short.
fn by_name(text: &str, names: &[&str]) -> Option<Credential> {
    let after_name = |name: &&str| {
        let name = *name;
        let mut at = places(text, name).filter(|at| starts_word(text, *at));
        at.find_map(|at| {
            let start = at + name.len();
            let start = start + (text[start..].len() - text[start..].trim_start().len());
            let end = end_of_word(text, start);
            // A text that was already cut short stays as it is.
            (end > start && text[start..end] != *"...").then_some(Credential {
                start,
                shown: start,
                end,
            })
        })
    };
    names.iter().filter_map(after_name).min_by_key(|found| found.start)
}

/// Finds a login in a sentence.
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

/// Finds the `user:password` of `scheme://user:password@host`, with or without the scheme.
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

fn by_looks(text: &str) -> Option<Credential> {
    let start = looks::first(text)?;
    Some(Credential { start, shown: after(text, start, SHOWN), end: end_of_word(text, start) })
}

/// Returns the positions of an ASCII needle, in any case.
fn places(text: &str, needle: &str) -> impl Iterator<Item = usize> {
    let windows = text.as_bytes().windows(needle.len()).enumerate();
    windows.filter(move |(_, it)| it.eq_ignore_ascii_case(needle.as_bytes())).map(|(at, _)| at)
}

fn starts_word(text: &str, at: usize) -> bool {
    at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric()
}

/// Returns the end of the word around `start`.
fn end_of_word(text: &str, start: usize) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '`');
    text[start..].find(ends).map_or(text.len(), |length| start + length)
}

/// Returns the end of the word around `start`, if commas belong to words.
fn end_of_words(text: &str, start: usize) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '`');
    text[start..].find(ends).map_or(text.len(), |length| start + length)
}

/// Returns the position this number of characters after `start`.
fn after(text: &str, start: usize, characters: usize) -> usize {
    let length = text[start..].char_indices().nth(characters).map(|(at, _)| at);
    length.map_or(text.len(), |length| start + length)
}

#[cfg(test)]
mod tests;
