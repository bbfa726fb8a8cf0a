//! The closest candidate to a mistyped word.

/// The number of characters of a name per permitted mistake.
const PER_MISTAKE: usize = 4;
const MOST_MISTAKES: usize = 2;

/// Returns the candidate with the fewest typing mistakes: characters too many, missing, wrong, or
/// two exchanged. Of several, the first. A candidate that is a prefix of the word, or has it as a
/// prefix, is one mistake away.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<(&'a str, usize)> {
    let mistakes = |candidate: &str| match is_beginning(word, candidate) {
        true => distance(word, candidate).min(1),
        false => distance(word, candidate),
    };
    let counted = candidates.into_iter().map(|candidate| (candidate, mistakes(candidate)));
    counted.min_by_key(|(_, mistakes)| *mistakes)
}

/// Returns the candidate that a word probably meant: the nearest by letters and digits, in any
/// case, if it is near enough.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<_> = candidates.into_iter().map(|it| (it, bare(it))).collect();
    let (found, mistakes) = nearest(&bare(word), candidates.iter().map(|(_, bare)| bare.as_str()))?;
    let (candidate, _) = candidates.iter().find(|(_, bare)| bare == found)?;
    is_near(mistakes, candidate).then_some(*candidate)
}

/// Returns true if a word with so few mistakes probably means the candidate.
pub(super) fn is_near(mistakes: usize, candidate: &str) -> bool {
    mistakes <= (candidate.len() / PER_MISTAKE).min(MOST_MISTAKES)
}

/// Returns the letters and digits, in lower case.
pub(super) fn bare(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect()
}

/// Recognizes `DIR` in `DIRECTORY`. Three letters are required, so that no single letter matches a
/// word.
pub(super) fn is_beginning(word: &str, candidate: &str) -> bool {
    word.len().min(candidate.len()) > 2
        && (word.starts_with(candidate) || candidate.starts_with(word))
}

/// Returns the Damerau-Levenshtein distance in which no part changes twice (optimal string
/// alignment).
pub(super) fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                cost = cost.min(before_last[j - 1] + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted() {
        for (one, other, count) in [
            ("info", "info", 0),
            ("inof", "info", 1),
            ("inf", "info", 1),
            ("infoo", "info", 1),
            ("imfo", "info", 1),
            ("", "info", 4),
            ("debug", "info", 5),
            ("ab", "ba", 1),
        ] {
            assert_eq!(distance(one, other), count, "{one} {other}");
            assert_eq!(distance(other, one), count, "{other} {one}");
        }
    }

    #[test]
    fn a_word_is_taken_for_a_near_one_alone() {
        let words = ["check", "healthcheck", "--help", "--version"];
        for (word, meant) in [
            ("chekc", Some("check")),
            ("--check", Some("check")),
            ("health", Some("healthcheck")),
            ("HELP", Some("--help")),
            ("-versoin", Some("--version")),
            ("serve", None),
            ("", None),
        ] {
            assert_eq!(closest(word, words), meant, "{word}");
        }
    }

    #[test]
    fn a_beginning_is_nearer_than_its_length_says() {
        assert_eq!(nearest("warning", ["error", "warn", "trace"]), Some(("warn", 1)));
        assert_eq!(nearest("err", ["warn", "error"]), Some(("error", 1)));
        assert_eq!(nearest("x", []), None);
    }
}
