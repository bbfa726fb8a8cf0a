//! The redaction of tokens in paths, for each line of the access log.
//!
//! A path has words of any kind, so only the prefix and the length of a token tell it here. Names
//! such as `ghp_tools` stay.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::memchr3;

use super::looks::is_token;

/// Prefixes of the tokens of GitHub and of services that are often used with it. Prefixes that are
/// also parts of names, such as `npm_`, are in `looks`.
pub(super) const PREFIXES: [&str; 13] = [
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
/// The number of characters of a credential that are shown.
pub(super) const SHOWN: usize = 4;
/// The number of characters after its prefix from which a word is a token. GitHub's have 36.
const SHORTEST: usize = 16;

static SEARCH: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let builder = AhoCorasick::builder().ascii_case_insensitive(true).build(PREFIXES);
    builder.expect("a few short texts")
});

/// Returns the path with each token cut short.
pub fn without_tokens(path: &str) -> Cow<'_, str> {
    // A shorter text, such as a method, holds no token. Each prefix has one of these characters,
    // and most paths have none.
    let is_long = path.len() > SHORTEST;
    match is_long && memchr3(b'_', b'-', b'.', path.as_bytes()).is_some() {
        false => path.into(),
        true => cut_tokens(path),
    }
}

fn cut_tokens(path: &str) -> Cow<'_, str> {
    let (mut hidden, mut at) = (String::new(), 0);
    for prefix in SEARCH.find_iter(path).filter(|prefix| is_whole(path, prefix.end())) {
        if prefix.start() >= at {
            hidden.push_str(&path[at..prefix.start() + SHOWN]);
            hidden.push_str("...");
            at = prefix.end() + length(path, prefix.end());
        }
    }
    if hidden.is_empty() { path.into() } else { (hidden + &path[at..]).into() }
}

fn is_whole(path: &str, start: usize) -> bool {
    length(path, start) >= SHORTEST
}

/// Returns the number of characters of a token from `start` on.
fn length(path: &str, start: usize) -> usize {
    path.as_bytes()[start..].iter().take_while(|byte| is_token(**byte)).count()
}
