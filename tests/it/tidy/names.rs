//! The names of types: each has one meaning, so one file declares it.

use std::collections::BTreeMap;

use super::assert_none;
use super::sources::{code, is_test, sources, test_modules};

/// Names with one meaning that several files declare.
const SHARED: [&str; 3] = [
    // The error of a module, always written with the name of the module.
    "Error",
    // Objects of GitHub's API. Each of their readers declares only those fields that it needs.
    "Asset", "Release",
];

#[test]
fn a_type_name_has_one_meaning() {
    let files = sources();
    let tests = test_modules(&files);
    let production = files.iter().filter(|file| !is_test(&file.path, &tests));
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in production {
        // A section of the configuration has the name of the component that it configures.
        let is_section = file.path.starts_with("src/config");
        for (_, line) in code(&file.text) {
            if let Some(name) = declared(line).filter(|_| !is_section) {
                places.entry(name).or_default().push(&file.path);
            }
        }
    }
    places.retain(|name, _| !SHARED.contains(name));
    let repeated = places.into_iter().filter(|(_, files)| files.iter().any(|it| *it != files[0]));
    assert_none(repeated.map(|(name, files)| format!("{name}: {}", files.join(", "))));
}

/// Returns the name of the type that a line declares, unless it is an associated type.
fn declared(line: &str) -> Option<&str> {
    let text = line.trim_start();
    let text = match text.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ")?.1,
        None => text.strip_prefix("pub ").unwrap_or(text),
    };
    let (kind, rest) = text.split_once(' ')?;
    let is_type = ["struct", "enum", "trait"].contains(&kind);
    let is_alias = kind == "type" && !line.starts_with(' ');
    rest.split(['<', '(', '{', ';', ':', ' ']).next().filter(|_| is_type || is_alias)
}

#[test]
fn declarations_are_found() {
    assert_eq!(declared("pub struct Choice {"), Some("Choice"));
    assert_eq!(declared("pub(super) enum Lookup<T> {"), Some("Lookup"));
    assert_eq!(declared("    pub enum Word {"), Some("Word"));
    assert_eq!(declared("pub(in crate::http) type Values = BytesMut;"), Some("Values"));
    assert_eq!(declared("struct Id(u64);"), Some("Id"));
    assert_eq!(declared("    type Value = bool;"), None);
    assert_eq!(declared("let structure = enumerate();"), None);
}
