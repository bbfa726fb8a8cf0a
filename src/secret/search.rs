//! A search for our tokens in the bytes that an upstream sends.
//!
//! Pure. The search finds a token itself and its base64 form, alone or after other text
//! (`user:token`). Both may be written with up to three layers of percent signs or JSON escapes. It
//! ignores tokens of fewer than eight characters, which it would find by chance.

use std::fmt;

use aho_corasick::{AhoCorasick, packed};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memchr2;

use super::Secret;
use crate::hex;

/// The shortest token that is searched for. Shorter texts are in many documents.
const SHORTEST: usize = 8;
/// The number of layers of escapes that are decoded: a percent sign may be percent-encoded itself.
const MOST_LAYERS: usize = 3;

/// The most texts of one search. The vectorised search for several texts refuses more.
const MOST_AT_ONCE: usize = 64;

/// The tokens to search for.
pub struct TokenSearch(Vec<Searcher>);

/// A search for several texts in one pass.
enum Searcher {
    /// Vector instructions; ten times as fast as the other search.
    Packed(packed::Searcher),
    /// An automaton, for processors without them.
    Automaton(AhoCorasick),
}

impl TokenSearch {
    /// Creates a search for these secrets in all forms in which an answer may repeat them.
    pub fn new(secrets: &[Secret]) -> Self {
        let texts = secrets.iter().map(|secret| &*secret.0);
        let long_enough = texts.filter(|text| text.len() >= SHORTEST);
        let mut spellings: Vec<Vec<u8>> = long_enough.flat_map(spellings).collect();
        spellings.sort_unstable();
        spellings.dedup();
        Self(spellings.chunks(MOST_AT_ONCE).map(Searcher::new).collect())
    }

    /// Returns true if a token is in these bytes.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let is_spelled_in = |text: &[u8]| self.0.iter().any(|searcher| searcher.is_in(text));
        if is_spelled_in(bytes) {
            return true;
        }
        if !has_escapes(bytes) {
            return false;
        }
        let mut text = bytes.to_vec();
        (0..MOST_LAYERS).any(|_| unescape(&mut text) && is_spelled_in(&text))
    }
}

impl fmt::Debug for TokenSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSearch({} passes)", self.0.len())
    }
}

impl Searcher {
    fn new(texts: &[Vec<u8>]) -> Self {
        let packed = packed::Config::new().builder().extend(texts).build();
        packed.map_or_else(|| Self::automaton(texts), Self::Packed)
    }

    fn automaton(texts: &[Vec<u8>]) -> Self {
        let automaton = AhoCorasick::new(texts);
        Self::Automaton(automaton.expect("tokens fit into an environment, so far below 2 GiB"))
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Packed(searcher) => searcher.find(bytes).is_some(),
            Self::Automaton(automaton) => automaton.is_match(bytes),
        }
    }
}

/// Returns the token itself, and those of its base64 digits that do not depend on the bytes around
/// it. It may begin at each of the three bytes of a base64 group.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let mut spellings = vec![text.as_bytes().to_vec()];
    for shift in 0..3 {
        let shifted = [&[0; 2][..shift], text.as_bytes()].concat();
        let own = (shift * 8).div_ceil(6)..shifted.len() * 8 / 6;
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            spellings.push(alphabet.encode(&shifted).as_bytes()[own.clone()].to_vec());
        }
    }
    spellings
}

fn has_escapes(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = memchr2(b'\\', b'%', rest) {
        if escape(&rest[at..]).is_some() {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Decodes one layer of escapes in place. Returns false if there is none.
fn unescape(text: &mut Vec<u8>) -> bool {
    let (mut read, mut written, mut has_changed) = (0, 0, false);
    while let Some(length) = memchr2(b'\\', b'%', &text[read..]) {
        let at = read + length;
        text.copy_within(read..at, written);
        written += length;
        let escape = escape(&text[at..]);
        has_changed |= escape.is_some();
        let (byte, length) = escape.unwrap_or((text[at], 1));
        text[written] = byte;
        written += 1;
        read = at + length;
    }
    text.copy_within(read.., written);
    text.truncate(written + text.len() - read);
    has_changed
}

/// Returns the byte that an escape at the beginning stands for, and the length of the escape:
/// `%5F`, or `\u005f` in JSON. A token is ASCII, so other escapes do not matter.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let (digits, length) = match text {
        [b'%', high, low, ..] => ([*high, *low], 3),
        [b'\\', b'u', b'0', b'0', high, low, ..] => ([*high, *low], 6),
        // JSON escapes these characters with a backslash (RFC 8259, 7), and a token may hold them.
        [b'\\', byte @ (b'/' | b'"' | b'\\'), ..] => return Some((*byte, 2)),
        _ => return None,
    };
    let [byte] = hex::decode(&digits)?;
    Some((byte, length))
}

#[cfg(test)]
mod tests;
