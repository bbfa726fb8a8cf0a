//! Texts without the credentials in them: of each, only the first four characters are shown.
//!
//! Operators paste tokens into the wrong variable, so no value that is repeated to them is trusted
//! to be harmless. A credential is known by its prefix, by the word before it, by its place in a
//! URL, or because it looks random. The subtle thing is how much is hidden: [`redacted`] hides a
//! credential up to the end of its word, for sentences; a value is cut at its first credential by
//! [`cut`], since a blank or a comma in a token ends a word and not the token.

mod looks;

use std::borrow::Cow;
use std::path::Path;

/// How GitHub's tokens begin, and those of services that stand beside it. Beginnings that are also
/// parts of names, as `npm_` is, are in [`looks`].
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
/// The same where a blank follows, which in a sentence means nothing.
const NAMES_IN_VALUES: [&str; 6] =
    ["password ", "passwd ", "token ", "secret ", "api-key ", "api_key "];

/// The characters of a credential that are shown.
const SHOWN: usize = 4;
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

/// The value up to and with the first characters of a credential in it, and nothing behind; `None`
/// if it has none.
pub fn cut(value: &str) -> Option<String> {
    let in_url = login(value, 0..value.len());
    let named = by_name(value, &NAMES_IN_VALUES);
    let found = [first(value), in_url, named].into_iter().flatten();
    let credential = found.min_by_key(|found| found.start)?;
    Some(format!("{}...", &value[..credential.shown]))
}

fn first(text: &str) -> Option<Credential> {
    let found = [by_prefix(text), by_name(text, &NAMES), by_login(text), by_looks(text)];
    // Of those that begin together, the one that shows the least.
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

/// The word behind a name is hidden as a whole: a password may be short.
fn by_name(text: &str, names: &[&str]) -> Option<Credential> {
    let after_name = |name: &&str| {
        let name = *name;
        let mut at = places(text, name).filter(|at| starts_word(text, *at));
        at.find_map(|at| {
            let start = at + name.len();
            let start = start + (text[start..].len() - text[start..].trim_start().len());
            let end = end_of_word(text, start);
            // A text that was cut short before stays as it is.
            (end > start && text[start..end] != *"...").then_some(Credential {
                start,
                shown: start,
                end,
            })
        })
    };
    names.iter().filter_map(after_name).min_by_key(|found| found.start)
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

fn by_looks(text: &str) -> Option<Credential> {
    let start = looks::first(text)?;
    Some(Credential { start, shown: after(text, start, SHOWN), end: end_of_word(text, start) })
}

/// Where a needle in ASCII begins, in whatever case.
fn places(text: &str, needle: &str) -> impl Iterator<Item = usize> {
    let windows = text.as_bytes().windows(needle.len()).enumerate();
    windows.filter(move |(_, it)| it.eq_ignore_ascii_case(needle.as_bytes())).map(|(at, _)| at)
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
