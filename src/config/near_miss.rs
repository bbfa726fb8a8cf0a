//! Names that nothing reads and that look like the name of a variable.

use super::VARIABLES;
use super::nearest::distance;

/// What people put before the names of a program's variables.
const PREFIX: &str = "SVM_";
/// So many characters of a name may hide one mistake.
const PER_MISTAKE: usize = 4;
const MOST_MISTAKES: usize = 2;

/// The variable that a name was probably meant to be; `None` for the name of a variable.
pub(super) fn near_miss(name: &str) -> Option<&'static str> {
    let names = || VARIABLES.iter().map(|variable| variable.name);
    if names().any(|known| known == name) {
        return None;
    }
    let upper = name.to_ascii_uppercase();
    let bare = bare(upper.strip_prefix(PREFIX).unwrap_or(&upper));
    let mistakes = names().map(|known| (known, distance(&bare, &self::bare(known))));
    let (known, mistakes) = mistakes.min_by_key(|(_, mistakes)| *mistakes)?;
    (mistakes <= (known.len() / PER_MISTAKE).min(MOST_MISTAKES)).then_some(known)
}

/// The letters and digits.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_told() {
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
        ] {
            assert_eq!(near_miss(name), Some(meant), "{name}");
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        let others = ["PATH", "HOME", "TZ", "NODE_ENV", "RUST_BACKTRACE", "DATABASE_URL", "A", ""];
        let known = VARIABLES.iter().map(|variable| variable.name);
        for name in known.chain(others) {
            assert_eq!(near_miss(name), None, "{name}");
        }
    }
}
