//! A check for unknown names that resemble the name of a variable.

use super::nearest::{bare, distance, is_beginning, is_near};
use super::variables::VARIABLES;

/// A common prefix for the names of a program's variables.
const PREFIX: &str = "SVM_";

/// Names in other programs for settings of svm.
const OTHER_NAMES: [(&str, &str); 22] = [
    ("BIND_ADDRESS", "HOST"),
    ("CACHE_FOLDER", "CACHE_DIR"),
    ("CACHE_PATH", "CACHE_DIR"),
    ("DATA_DIR", "CACHE_DIR"),
    ("GH_TOKEN", "GITHUB_PATS"),
    ("GH_TOKENS", "GITHUB_PATS"),
    ("GITHUB_API_TOKEN", "GITHUB_PATS"),
    ("GITHUB_TOKEN", "GITHUB_PATS"),
    ("GITHUB_TOKENS", "GITHUB_PATS"),
    ("LISTEN_ADDRESS", "HOST"),
    ("LOGLEVEL", "RUST_LOG"),
    ("LOG_LEVEL", "RUST_LOG"),
    ("REDIS_ADDR", "REDIS_HOST"),
    ("REDIS_ADDRESS", "REDIS_HOST"),
    ("REDIS_PASSWORD", "REDIS_HOST"),
    ("REDIS_URI", "REDIS_HOST"),
    ("REDIS_URL", "REDIS_HOST"),
    ("SHUTDOWN_GRACE_PERIOD", "SHUTDOWN_GRACE"),
    ("SHUTDOWN_TIMEOUT", "SHUTDOWN_GRACE"),
    ("TOKEN", "GITHUB_PATS"),
    ("TOKENS", "GITHUB_PATS"),
    ("TRUSTED_PROXIES", "FORWARDED_ALLOW_IPS"),
];
/// The number of words below which a name is too short to resemble another.
const FEWEST_WORDS: usize = 2;

/// Returns the variable that a name probably meant; `None` for the name of a variable.
pub fn near_miss(name: &str) -> Option<&'static str> {
    let names = || VARIABLES.iter().map(|variable| variable.name);
    if names().any(|known| known == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let upper = upper.strip_prefix(PREFIX).unwrap_or(&upper);
    if let Some((_, meant)) = OTHER_NAMES.iter().find(|(other, _)| *other == upper) {
        return Some(meant);
    }
    mistyped(upper).or_else(|| by_words(upper))
}

fn mistyped(name: &str) -> Option<&'static str> {
    let names = VARIABLES.iter().map(|variable| variable.name);
    let word = bare(name);
    let mistakes = names.map(|known| (known, distance(&word, &bare(known))));
    let (known, mistakes) = mistakes.min_by_key(|(_, mistakes)| *mistakes)?;
    is_near(mistakes, known).then_some(known)
}

/// Returns the variable that has all words of the name in their order and more, or the other way
/// round; of several, the one with the fewest other words. A word may be an abbreviation of the
/// other.
fn by_words(name: &str) -> Option<&'static str> {
    let words: Vec<_> = name.split('_').filter(|word| !word.is_empty()).collect();
    let differing = VARIABLES.iter().filter_map(|variable| {
        let known: Vec<_> = variable.name.split('_').collect();
        let (few, many) =
            if words.len() < known.len() { (&words, &known) } else { (&known, &words) };
        let is_part = few.len() >= FEWEST_WORDS && is_subsequence(few, many);
        is_part.then_some((variable.name, many.len() - few.len()))
    });
    differing.min_by_key(|(_, others)| *others).map(|(name, _)| name)
}

fn is_subsequence(few: &[&str], many: &[&str]) -> bool {
    let mut many = many.iter();
    few.iter().all(|word| many.any(|other| other == word || is_beginning(word, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        for (name, meant) in [
            ("GITHUB_PAT", "GITHUB_PATS"),
            ("CACHE_L1_MAX_MB", "CACHE_L1_MAX_GB"),
            ("LOGFORMAT", "LOG_FORMAT"),
            ("log_format", "LOG_FORMAT"),
            ("Port", "PORT"),
            ("PROT", "PORT"),
            ("HOSTS", "HOST"),
            ("SVM_PORT", "PORT"),
            ("CACHE.DIR", "CACHE_DIR"),
            ("REDIS_PORT", "REDIS_HOST"),
            ("API_USAGE_TRESHOLD", "API_USAGE_THRESHOLD"),
            ("ALLOWED_UPSTREAM_HOST", "ALLOWED_UPSTREAM_HOSTS"),
            ("GITHUB_TOKEN", "GITHUB_PATS"),
            ("github_tokens", "GITHUB_PATS"),
            ("SVM_GITHUB_TOKEN", "GITHUB_PATS"),
            ("GH_TOKEN", "GITHUB_PATS"),
            ("CACHE_L1_GB", "CACHE_L1_MAX_GB"),
            ("CACHE_DIRECTORY", "CACHE_DIR"),
            ("REDIS_URL", "REDIS_HOST"),
            ("LOG_LEVEL", "RUST_LOG"),
            ("SHUTDOWN_DELAY_SECONDS", "SHUTDOWN_DELAY"),
            ("SHUTDOWN_GRACE_SECS", "SHUTDOWN_GRACE"),
            ("SHUTDOWN_TIMEOUT", "SHUTDOWN_GRACE"),
            ("UPSTREAM_CA", "UPSTREAM_CA_FILE"),
            ("WRITE_BEHIND_QUEUE", "WRITE_BEHIND_QUEUE_SIZE"),
            ("ALLOWED_HOSTS", "ALLOWED_UPSTREAM_HOSTS"),
        ] {
            assert_eq!(near_miss(name), Some(meant), "{name}");
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        let others = [
            "DB_HOST",
            "HTTP_PORT",
            "MAX_SIZE",
            "NPM_TOKEN",
            "PATH",
            "HOME",
            "TZ",
            "NODE_ENV",
            "RUST_BACKTRACE",
            "DATABASE_URL",
            "A",
            "",
        ];
        let known = VARIABLES.iter().map(|variable| variable.name);
        for name in known.chain(others) {
            assert_eq!(near_miss(name), None, "{name}");
        }
    }
}
