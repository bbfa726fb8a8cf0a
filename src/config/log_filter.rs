//! The parser of `RUST_LOG`: levels and targets. It refuses words that the library would take for
//! targets that do not exist.
//!
//! The library takes every unknown word for a target, and an empty directive for a level: `inof`
//! would log nothing, and `info,` only errors. Here a word must be a level or the name of a module
//! that logs. A filter of valid directives that silences svm itself is refused, unless it contains
//! `off`.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::nearest::{distance, nearest};
use super::parse::Result;
use super::reader::shown;
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
/// The modules of svm that a target may name, and the target of access lines.
const MODULES: [&str; 31] = [
    "access",
    "activity",
    "app",
    "backoff",
    "build_info",
    "cache",
    "clock",
    "commands",
    "config",
    "container",
    "descriptors",
    "dotenv_file",
    "entry",
    "gzip",
    "hex",
    "http",
    "json",
    "look_ups",
    "metrics",
    "panics",
    "revalidate",
    "secret",
    "signals",
    "small_file",
    "store",
    "target",
    "tasks",
    "telemetry",
    "tls",
    "upstream",
    "words",
];
/// Names of levels in other programs.
const OTHER_NAMES: [(&str, &str); 10] = [
    ("all", "trace"),
    ("critical", "error"),
    ("emergency", "error"),
    ("fatal", "error"),
    ("none", "off"),
    ("notice", "info"),
    ("panic", "error"),
    ("quiet", "off"),
    ("silent", "off"),
    ("verbose", "debug"),
];
/// The number of typing mistakes up to which a name is taken for a mistyped crate.
const MISTAKES: usize = 2;

/// Parses a level, or a comma-separated list of levels and of targets with or without a level.
pub(super) fn log_filter(text: &str) -> Result<Targets> {
    let mut filter = Targets::new();
    let mut off_is_meant = false;
    for directive in text.split(',').map(str::trim) {
        let (target, level) = read(directive).map_err(|why| match (cut(text), directive) {
            // A part of a token may look harmless.
            (Some(_), _) => "is not a log filter".to_owned(),
            (None, "") => {
                format!("has a comma with nothing beside it; did you mean {}?", shown(&whole(text)))
            }
            (None, _) => format!("is not a log filter: {why}"),
        })?;
        off_is_meant |= level == LevelFilter::OFF && target.is_none_or(|target| target == SVM);
        filter = match target {
            Some(target) => filter.with_target(target, level),
            None => filter.with_default(level),
        };
    }
    if logs_nothing_of_svm(&filter) && !off_is_meant {
        let meant = shown(&format!("info,{filter}"));
        return Err(format!("logs nothing of svm; did you mean {meant}?"));
    }
    Ok(filter)
}

/// Returns the directives that are not empty.
fn whole(text: &str) -> String {
    let directives = text.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    match directives.collect::<Vec<_>>().join(",") {
        directives if directives.is_empty() => "info".to_owned(),
        directives => directives,
    }
}

fn logs_nothing_of_svm(filter: &Targets) -> bool {
    let mut targets = filter.iter();
    let part_logs =
        targets.any(|(target, level)| crate_of(target) == SVM && level != LevelFilter::OFF);
    !part_logs && !filter.would_enable(SVM, &Level::ERROR)
}

/// Parses `level`, `target` or `target=level`.
fn read(directive: &str) -> Result<(Option<&str>, LevelFilter)> {
    let Some((target, name)) = directive.split_once('=') else {
        return match level(directive) {
            Some(level) => Ok((None, level)),
            // The library reads a target alone as all of its levels.
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

/// Checks a target without a level, which may be a mistyped level.
fn known(target: &str) -> Result<&str> {
    if CRATES.contains(&crate_of(target)) || target.contains("::") {
        return target_of(target);
    }
    Err(meant("level or target", target, &[&LEVELS[..], &CRATES[..]].concat()))
}

/// Checks a target by its grammar. It may name a crate that is not part of this program, but not
/// mistype one that is. A target in svm must be a module.
fn target_of(target: &str) -> Result<&str> {
    let is_name = |part: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        part.chars().all(is_part) && part.starts_with(|c: char| !c.is_ascii_digit())
    };
    let (name, rest) = target.split_once("::").unwrap_or((target, ""));
    let lower = name.to_ascii_lowercase();
    let mistyped = !CRATES.contains(&name)
        && CRATES.iter().any(|known| distance(&lower, known) <= MISTAKES.min(known.len() / 3));
    if mistyped || !target.split("::").all(is_name) {
        return Err(meant("target", target, &CRATES));
    }
    let module = rest.split("::").next().unwrap_or_default();
    // Access lines have no submodules.
    let is_module = MODULES.contains(&module) && (module != "access" || rest == module);
    if name == SVM && target != SVM && !is_module {
        return Err(meant(
            "module of svm",
            if module == "access" { rest } else { module },
            &MODULES,
        ));
    }
    Ok(target)
}

fn crate_of(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

fn meant(what: &str, word: &str, candidates: &[&'static str]) -> String {
    let lower = word.to_ascii_lowercase();
    let other_name =
        OTHER_NAMES.iter().find(|(other, level)| *other == lower && candidates.contains(level));
    let (nearest, _) = match other_name {
        Some((_, level)) => (*level, 0),
        None => nearest(&lower, candidates.iter().copied()).unwrap_or_default(),
    };
    format!("there is no {what} {}; did you mean {nearest:?}?", shown(word))
}

#[cfg(test)]
mod tests;
