//! The size of L1 within the memory limit of the process.

use super::settings::Shown;
use super::vars::Vars;
use super::{Config, parse};

const NAME: &str = "CACHE_L1_MAX_GB";
const MIB: u64 = 1 << 20;
/// The memory that the process needs beside L1 under a flood of requests: see docs/operations.md,
/// "Memory".
const BESIDE_L1: u64 = 150 * MIB;
/// The measured memory beside L1 at a usual rate of requests, for small containers.
const BESIDE_SMALL_L1: u64 = 80 * MIB;
/// The smallest default size of L1, if that is within its share.
const LEAST: u64 = 4 * MIB;

impl Config {
    /// Makes L1 fit a memory limit, in bytes. By default L1 takes at most two fifths: the rest is
    /// for requests, the queue of the store, the allocator's reserve, and the pages of files. A
    /// size that the operator set stays. Returns a warning if L1 does not fit, or if no size would.
    pub fn fit_into(&mut self, limit: Option<u64>, vars: &Vars) -> Option<String> {
        let limit = limit?;
        let share = share(limit);
        let l1 = &mut self.cache.l1_max_bytes;
        let is_large_enough = limit >= BESIDE_SMALL_L1 + LEAST;
        let fits = if vars.is_set(NAME) {
            (*l1 <= share && is_large_enough) || l1.saturating_add(BESIDE_L1) <= limit
        } else {
            if share < *l1 {
                *l1 = share;
                let settings = self.settings.iter_mut();
                settings.filter(|it| it.name == NAME).for_each(|it| it.value = gibibytes(share));
            }
            is_large_enough
        };
        let warning = format!(
            "{NAME} is {} MiB and the memory is limited to {} MiB: svm may be killed without a message; it takes up to {} MiB beside it",
            *l1 / MIB,
            limit / MIB,
            BESIDE_L1 / MIB
        );
        (!fits).then_some(warning)
    }
}

/// Returns the shortest decimal number of GiB that is read as this number of bytes. The tenth
/// decimal is less than a byte.
fn gibibytes(bytes: u64) -> Shown {
    let is_exact = |text: &String| parse::gibibytes(text) == Ok(bytes);
    let texts = (0..=10).map(|decimals| {
        let scale = 10_u128.pow(decimals);
        let number = (u128::from(bytes) * scale).div_ceil(1 << 30);
        let width = decimals as usize;
        let text = format!("{}.{:0width$}", number / scale, number % scale);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    Shown::Value(texts.into_iter().find(is_exact).unwrap_or_else(|| bytes.to_string()))
}

fn share(limit: u64) -> u64 {
    let two_fifths = limit / 5 * 2 + limit % 5 * 2 / 5;
    let left = limit.saturating_sub(BESIDE_SMALL_L1).max(LEAST);
    two_fifths.min(left).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 2] = [("GITHUB_PATS", "ghp_one"), ("API_USAGE_THRESHOLD", "1")];
    const GIB: u64 = 1 << 30;

    /// Returns the size of L1 with this value of the variable and this limit, and true if there is
    /// a warning.
    fn fitted(value: &str, limit: Option<u64>) -> (u64, bool) {
        let vars = Vars::from_iter(REQUIRED.into_iter().chain([(NAME, value)]));
        let mut config = Config::from_vars(&vars).unwrap();
        let warning = config.fit_into(limit, &vars);
        (config.cache.l1_max_bytes, warning.is_some())
    }

    #[test]
    fn an_unset_size_takes_two_fifths_at_most() {
        for (limit, l1) in [
            (None, GIB),
            (Some(96 * MIB), 16 * MIB),
            (Some(256 * MIB), 107_374_182),
            (Some(GIB), 429_496_729),
            (Some(2 * GIB), 858_993_459),
            (Some(128 * MIB), 48 * MIB),
            (Some(64 * MIB), 4 * MIB),
            (Some(4 * GIB), GIB),
            (Some(u64::MAX), GIB),
            (Some(0), 1),
        ] {
            let (bytes, warns) = fitted("", limit);
            let is_small = limit.is_some_and(|limit| limit < 84 * MIB);
            assert_eq!((bytes, warns), (l1, is_small), "{limit:?}");
        }
    }

    #[test]
    fn a_size_that_does_not_fit_stays_and_is_a_warning() {
        for (value, limit, warns) in [
            ("1", Some(256 * MIB), true),
            ("0.25", Some(256 * MIB), true),
            ("0.11", Some(256 * MIB), true),
            ("0.1", Some(256 * MIB), false),
            ("0.003", Some(64 * MIB), true),
            ("0.01", Some(96 * MIB), false),
            ("0.03", Some(96 * MIB), true),
            ("0.5", Some(GIB), false),
            ("0.9", Some(GIB), true),
            ("17179869183", Some(GIB), true),
            ("1", None, false),
        ] {
            let (bytes, warned) = fitted(value, limit);
            assert_eq!(warned, warns, "{value} in {limit:?}");
            assert_eq!(bytes, fitted(value, None).0, "it stays");
        }
    }
}
