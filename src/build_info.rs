//! The identity of the build: the version, the commit and its day, as `build.rs` has found them.

/// The version of the crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The first digits of the commit; empty if the build does not know it.
pub const COMMIT: &str = env!("SVM_BUILD_COMMIT");
/// The day of the commit in the form of RFC 3339; empty if the build does not know it.
pub const DAY: &str = env!("SVM_BUILD_DAY");

/// Returns the line of `svm --version`.
pub fn line() -> String {
    describe(COMMIT, DAY)
}

fn describe(commit: &str, day: &str) -> String {
    let known: Vec<_> = [commit, day].into_iter().filter(|part| !part.is_empty()).collect();
    match known.is_empty() {
        true => format!("svm {VERSION}"),
        false => format!("svm {VERSION} ({})", known.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_what_is_known() {
        let of = |commit, day| describe(commit, day).replace(VERSION, "1.2.3");
        assert_eq!(of("0123456789ab", "2026-06-01"), "svm 1.2.3 (0123456789ab 2026-06-01)");
        assert_eq!(of("0123456789ab", ""), "svm 1.2.3 (0123456789ab)");
        assert_eq!(of("", ""), "svm 1.2.3");
    }
}
