//! `RUST_LOG`: levels and targets, without the words that the library takes for targets that nothing has.
//!
//! For the library every unknown word is a target, and an empty directive a level: with `inof` or `info,` it would
//! log nothing, or errors alone. Here a word has to be a level or the name of something that logs. The subtle thing is
//! a filter of directives that are right one by one, and that leaves svm itself without a line: it is refused unless
//! `off` says so.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::nearest::{distance, nearest};
use super::parse::Result;
use super::redacted::cut;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
const SVM: &str = "svm";
/// The crates that may log, svm first.
const CRATES: [&str; 12] = [
    SVM,
    "hyper",
    "hyper_util",
    "mio",
    "redb",
    "redis",
    "reqwest",
    "rustls",
    "rustls_platform_verifier",
    "salvo",
    "salvo_core",
    "tower",
];
/// The most typing mistakes in a name that is taken for that of a crate.
const MISTAKES: usize = 2;

/// A level, or a comma-separated list of levels and of targets with or without a level.
pub(super) fn log_filter(text: &str) -> Result<Targets> {
    let mut filter = Targets::new();
    let mut off_is_meant = false;
    for directive in text.split(',').map(str::trim) {
        let (target, level) = read(directive).map_err(|why| match cut(text) {
            None => format!("is not a log filter: {why}"),
            // A part of a token looks harmless.
            Some(_) => "is not a log filter".to_owned(),
        })?;
        off_is_meant |= level == LevelFilter::OFF && target.is_none_or(|target| target == SVM);
        filter = match target {
            Some(target) => filter.with_target(target, level),
            None => filter.with_default(level),
        };
    }
    if logs_nothing_of_svm(&filter) && !off_is_meant {
        return Err(format!("logs nothing of svm; did you mean {:?}?", format!("info,{filter}")));
    }
    Ok(filter)
}

fn logs_nothing_of_svm(filter: &Targets) -> bool {
    let mut targets = filter.iter();
    let part_logs =
        targets.any(|(target, level)| crate_of(target) == SVM && level != LevelFilter::OFF);
    !part_logs && !filter.would_enable(SVM, &Level::ERROR)
}

/// `level`, `target` or `target=level`.
fn read(directive: &str) -> Result<(Option<&str>, LevelFilter)> {
    let Some((target, name)) = directive.split_once('=') else {
        return match level(directive) {
            Some(level) => Ok((None, level)),
            None if directive.is_empty() => {
                Err("there is nothing before or after a comma".to_owned())
            }
            // All that it says, as the library reads it.
            None => Ok((Some(known(directive)?), LevelFilter::TRACE)),
        };
    };
    let (target, name) = (target.trim(), name.trim());
    if target.is_empty() {
        return Err("there is no target before the =".to_owned());
    }
    let level = level(name).ok_or_else(|| meant("level", name, &LEVELS))?;
    Ok((Some(target_of(target)?), level))
}

fn level(name: &str) -> Option<LevelFilter> {
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name));
    let is_number = matches!(name.as_bytes(), [b'0'..=b'5']);
    (is_level || is_number).then(|| name.parse().ok()).flatten()
}

/// A target that stands alone, without a level that would show that it is meant as one.
fn known(target: &str) -> Result<&str> {
    if CRATES.contains(&crate_of(target)) || target.contains("::") {
        return target_of(target);
    }
    Err(meant("level or target", target, &[&LEVELS[..], &CRATES[..]].concat()))
}

/// A target by its grammar. The name of no crate may be that of one which this program does not have, but not that of
/// one which it has, mistyped.
fn target_of(target: &str) -> Result<&str> {
    let is_name = |part: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        part.chars().all(is_part) && part.starts_with(|c: char| !c.is_ascii_digit())
    };
    let name = crate_of(target);
    let mistyped = !CRATES.contains(&name)
        && CRATES.iter().any(|known| distance(name, known) <= MISTAKES.min(known.len() / 3));
    if mistyped || !target.split("::").all(is_name) {
        return Err(meant("target", target, &CRATES));
    }
    Ok(target)
}

fn crate_of(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

fn meant(what: &str, word: &str, candidates: &[&'static str]) -> String {
    let lower = word.to_ascii_lowercase();
    let (nearest, _) = nearest(&lower, candidates.iter().copied()).unwrap_or_default();
    format!("there is no {what} {word:?}; did you mean {nearest:?}?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_of_the_program_are_taken() {
        for (text, taken) in [
            ("info", "info"),
            ("WARN", "warn"),
            ("Trace", "trace"),
            ("3", "info"),
            ("off", "off"),
            ("0", "off"),
            ("svm", "svm=trace"),
            ("svm=debug", "svm=debug"),
            ("svm::access=info", "svm::access=info"),
            ("svm::access", "svm::access=trace"),
            ("svm=off", "svm=off"),
            ("info, svm::access = off", "svm::access=off,info"),
            ("off,hyper=debug", "hyper=debug,off"),
            ("hyper,info", "hyper=trace,info"),
            ("hyper_util::client::legacy=debug,info", "hyper_util::client::legacy=debug,info"),
            ("info,tower_http=warn", "tower_http=warn,info"),
            ("elsewhere::part,info", "elsewhere::part=trace,info"),
            ("info,debug", "debug"),
        ] {
            let filter = log_filter(text).unwrap_or_else(|problem| panic!("{text:?} {problem}"));
            assert_eq!(filter.to_string(), taken, "{text:?}");
            assert_eq!(log_filter(taken), Ok(filter), "{taken:?} is read again");
        }
    }

    #[test]
    fn the_crates_are_in_the_program() {
        let lock = include_str!("../../Cargo.lock");
        for name in CRATES {
            let spelled = [name.to_owned(), name.replace('_', "-")];
            let is_there = spelled.iter().any(|it| lock.contains(&format!("\nname = \"{it}\"\n")));
            assert!(is_there, "{name}");
        }
    }

    #[test]
    fn other_words_are_refused_with_the_nearest() {
        for (text, said) in [
            ("warning", r#"no level or target "warning"; did you mean "warn"?"#),
            ("inof", r#"no level or target "inof"; did you mean "info"?"#),
            ("INOF", r#"no level or target "INOF"; did you mean "info"?"#),
            ("err", r#"did you mean "error"?"#),
            ("smv", r#"did you mean "svm"?"#),
            ("6", r#"no level or target "6""#),
            ("+3", r#"no level or target "+3""#),
            ("info svm=debug", r#"no target "info svm""#),
            ("info;debug", r#"no level or target "info;debug"; did you mean "info"?"#),
            ("svm=inof", r#"no level "inof"; did you mean "info"?"#),
            ("svm=", r#"no level """#),
            ("svm=debug=x", r#"no level "debug=x"; did you mean "debug"?"#),
            ("=info", "no target before the ="),
            ("info,", "nothing before or after a comma"),
            (",info", "nothing before or after a comma"),
            ("info,,debug", "nothing before or after a comma"),
            ("info, ,debug", "nothing before or after a comma"),
            ("info,smv=debug", r#"no target "smv"; did you mean "svm"?"#),
            ("svm:access=off,info", r#"no target "svm:access"; did you mean "svm"?"#),
            ("svm[span]=debug", r#"no target "svm[span]"; did you mean "svm"?"#),
            ("svm[{url}]=debug", r#"no target "svm[{url}]""#),
            ("svm::=debug", r#"no target "svm::""#),
            ("svm-access=debug,info", r#"no target "svm-access""#),
            ("hyper=debug", r#"logs nothing of svm; did you mean "info,hyper=debug"?"#),
            ("svm::access=off", r#"did you mean "info,svm::access=off"?"#),
            ("elsewhere=debug", r#"did you mean "info,elsewhere=debug"?"#),
        ] {
            let problem = log_filter(text).expect_err(text);
            assert!(problem.contains(said), "{text:?} {problem}");
        }
        for text in ["ghp_secret", "svm=ghp_secret", "info,http://user:se,cret@host"] {
            assert_eq!(log_filter(text).expect_err(text), "is not a log filter");
        }
    }
}
