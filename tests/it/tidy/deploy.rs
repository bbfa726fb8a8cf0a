//! The files of deploy/ against the code: they name only metrics and variables that the service
//! has.
//!
//! `just dashboard-check`, which needs a Prometheus, tests the results of the queries.

use std::collections::BTreeSet;

use serde_json::Value;
use svm::config::VARIABLES;

use super::documents::registered;
use super::{File, assert_none, files, read};

const DASHBOARD: &str = "deploy/grafana/dashboards/svm.json";

#[test]
fn every_metric_is_registered() {
    let registered = registered();
    let is_known = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
        parts.chain([name]).any(|name| registered.contains(name))
    };
    assert_none(files("deploy").iter().flat_map(|File { path, text }| {
        let names: BTreeSet<_> = words(text).filter(|word| word.starts_with("svm_")).collect();
        let unknown = names.into_iter().filter(|name| !is_known(name));
        unknown.map(|name| format!("{path}: there is no metric {name}")).collect::<Vec<_>>()
    }));
}

#[test]
fn every_variable_is_one_of_ours() {
    let is_known = |name: &str| VARIABLES.iter().any(|variable| variable.name == name);
    // Programs have variables of their own.
    let is_program = |path: &str| {
        let is_file = |end: &str| path.ends_with(end);
        [".sh", ".py", ".rb", "Dockerfile"].into_iter().any(is_file)
            || path.contains("completions/")
    };
    let files = files("deploy").into_iter().filter(|file| !is_program(&file.path));
    assert_none(files.flat_map(|File { path, text }| {
        let named = words(&text).filter(|word| is_name_of_variable(word));
        let interpolated = text.split("${").skip(1).filter_map(|rest| words(rest).next());
        // Grafana inserts its data source into the dashboard in the same way.
        let names: BTreeSet<_> =
            named.chain(interpolated).filter(|name| *name != "datasource").collect();
        let unknown = names.into_iter().filter(|name| !is_known(name));
        unknown.map(|name| format!("{path}: there is no variable {name}")).collect::<Vec<_>>()
    }));
}

/// A container without a bound could take the machine's memory, or fill its disk with a log.
#[test]
fn every_service_of_compose_is_bounded_and_watched() {
    let text = read("deploy/compose.yaml");
    let (_, services) = text.split_once("\nservices:\n").expect("services");
    let (services, _) = services.split_once("\nvolumes:\n").expect("volumes");
    let is_name = |line: &str| line.starts_with("  ") && line[2..].starts_with(char::is_alphabetic);
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in services.lines() {
        if is_name(line) {
            blocks.push(Vec::new());
        }
        blocks.last_mut().expect("a name first").push(line);
    }
    assert_eq!(blocks.len(), 4);
    assert_none(blocks.iter().flat_map(|block| {
        let has = |key: &str| block.iter().any(|line| line.trim_start().starts_with(key));
        let missing = ["mem_limit:", "logging: *log", "healthcheck:"].into_iter();
        let missing = missing.filter(move |key| !has(key));
        missing.map(|key| format!("{} no {key}", block[0].trim())).collect::<Vec<_>>()
    }));
}

#[test]
fn every_panel_has_an_id_of_its_own() {
    let mut seen = BTreeSet::new();
    let again = panels().into_iter().filter(|panel| !seen.insert(panel["id"].as_u64()));
    assert_none(again.map(|panel| format!("{}: the id {} is taken", panel["title"], panel["id"])));
}

#[test]
fn every_panel_says_what_it_shows() {
    let panels = panels().into_iter().filter(|panel| panel["type"] != "row");
    assert_none(panels.flat_map(|panel| {
        let sentence = panel["description"].as_str().unwrap_or_default();
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
        let faults = [
            (!sentence.ends_with('.') || sentence.contains(". ")).then_some("not one sentence"),
            unit.is_empty().then_some("no unit"),
            (panel["datasource"]["uid"] != "${datasource}").then_some("a data source of its own"),
        ];
        let title = panel["title"].clone();
        faults.into_iter().flatten().map(move |fault| format!("{title}: {fault}"))
    }));
}

/// Returns the panels of the dashboard, including rows and the panels of closed rows.
fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("a dashboard in JSON");
    let of = |value: &Value| value["panels"].as_array().cloned().unwrap_or_default();
    let panels = of(&dashboard);
    assert!(!panels.is_empty(), "no panels in {DASHBOARD}");
    panels.into_iter().flat_map(|panel| [of(&panel), vec![panel]].concat()).collect()
}

/// Returns true for a word in capitals with underscores that belongs neither to Grafana nor to the
/// kernel.
fn is_name_of_variable(word: &str) -> bool {
    word.contains('_')
        && word.starts_with(|first: char| first.is_ascii_uppercase())
        && !["GF_", "AF_", "CAP_"].iter().any(|prefix| word.starts_with(prefix))
        && word
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Returns the words that may be names: letters, digits and `_`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}
