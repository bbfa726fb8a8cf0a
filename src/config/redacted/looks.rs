//! A recognizer of words that look like a credential: long and random, or with a prefix that may
//! also begin a name.
//!
//! Paths, host names and names of certificates must pass. Each rule requires more changes between
//! kinds of characters than these have.

/// The length below which a word's looks never make it a credential.
const SHORTEST: usize = 16;
/// The minimum length for a word with letters in one case only, or with one number.
const SHORTEST_UNIFORM: usize = 20;
/// The minimum length for a word with punctuation, as a path has.
const SHORTEST_PUNCTUATED: usize = 24;
/// The length of an AWS secret key, in base64.
const AWS_SECRET: usize = 40;
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// Prefixes that may also begin a name, each with the number of letters or digits after it that
/// make it a credential. Those of an AWS key are in upper case.
const BEGINNINGS: [(&str, usize); 13] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("gta_", 16),
    ("hf_", 16),
    ("npm_", 20),
    ("pk_live_", 8),
    ("pk_test_", 8),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("whsec_", 16),
    ("xapp-1-", 4),
];

/// Returns the start of the first such word.
pub(super) fn first(text: &str) -> Option<usize> {
    let whole = |is_part, is_credential: fn(&str) -> bool| {
        let mut runs = runs(text, is_part);
        runs.find(|(start, end)| is_credential(&text[*start..*end])).map(|(start, _)| start)
    };
    let found = [
        whole(|byte| byte.is_ascii_alphanumeric(), is_random),
        whole(|byte| is_token(byte) || matches!(byte, b'+' | b'/'), is_random_with_punctuation),
        whole(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'), is_aws_secret),
        // A UUID that is a segment of a path names a volume.
        whole(|byte| is_token(byte) || byte == b'/', is_uuid),
        whole(is_token, begins_so),
    ];
    found.into_iter().flatten().min()
}

fn begins_so(word: &str) -> bool {
    BEGINNINGS.iter().any(|(beginning, least)| {
        let Some(rest) = word.strip_prefix(beginning) else { return false };
        let is_part = |byte: &u8| match beginning.as_bytes().last() {
            Some(b'A') => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            _ => byte.is_ascii_alphanumeric(),
        };
        rest.bytes().take_while(is_part).count() >= *least
    })
}

fn is_uuid(word: &str) -> bool {
    let parts = word.split('-');
    word.split('-').map(str::len).eq(UUID)
        && parts.flat_map(str::bytes).all(|byte| byte.is_ascii_hexdigit())
}

fn is_random(word: &str) -> bool {
    let Looks { upper, lower, digits, changes, letter_changes } = Looks::of(word);
    let all_kinds = upper && lower && digits;
    // A number at the end of a name is one change, and a number inside it two.
    let mixed = digits && changes > 2;
    // A name of several words changes the case twice per word.
    let mixed_case = upper && lower && letter_changes * 5 > word.len() * 2;
    match word.len() {
        ..SHORTEST => false,
        SHORTEST..SHORTEST_UNIFORM => all_kinds && (mixed || mixed_case),
        _ => all_kinds || mixed || mixed_case,
    }
}

fn is_random_with_punctuation(word: &str) -> bool {
    let Looks { upper, lower, digits, changes, .. } = Looks::of(word);
    word.len() >= SHORTEST_PUNCTUATED && upper && lower && digits && changes > 3
}

/// Returns true for an AWS secret key. A path of that length begins with a slash, or changes the
/// case once or twice per segment.
fn is_aws_secret(word: &str) -> bool {
    let Looks { upper, lower, letter_changes, .. } = Looks::of(word);
    word.len() == AWS_SECRET && !word.starts_with('/') && upper && lower && letter_changes > 7
}

/// The kinds of characters in a word, and the number of changes between them.
struct Looks {
    upper: bool,
    lower: bool,
    digits: bool,
    /// Changes from a letter to a digit or back.
    changes: usize,
    /// Changes from one case to the other.
    letter_changes: usize,
}

impl Looks {
    fn of(word: &str) -> Self {
        let word = word.as_bytes();
        let changes = |differ: fn(u8, u8) -> bool| {
            let pairs = word.windows(2);
            pairs.filter(|pair| differ(pair[0], pair[1]) || differ(pair[1], pair[0])).count()
        };
        Self {
            upper: word.iter().any(u8::is_ascii_uppercase),
            lower: word.iter().any(u8::is_ascii_lowercase),
            digits: word.iter().any(u8::is_ascii_digit),
            changes: changes(|one, other| one.is_ascii_alphabetic() && other.is_ascii_digit()),
            letter_changes: changes(|one, other| {
                one.is_ascii_uppercase() && other.is_ascii_lowercase()
            }),
        }
    }
}

/// Returns the longest runs of such bytes.
fn runs(text: &str, is_part: fn(u8) -> bool) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let is_start = move |at: &usize| is_part(bytes[*at]) && (*at == 0 || !is_part(bytes[*at - 1]));
    let end = move |start: usize| {
        bytes[start..].iter().position(|byte| !is_part(*byte)).map_or(bytes.len(), |it| start + it)
    };
    (0..bytes.len()).filter(is_start).map(move |start| (start, end(start)))
}

pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
