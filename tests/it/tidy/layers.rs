//! The layers of the sources: a folder uses only folders below it.

use std::collections::{BTreeMap, BTreeSet};

use super::assert_none;
use super::sources::{code, is_test, sources, test_modules};

/// The layers from the top to the bottom. The folders of one layer do not use each other, except in
/// the lowest layer, whose modules are small and independent of svm's subject.
const LAYERS: [&[&str]; 11] = [
    &["main", "fuzzing"],
    &["app", "commands"],
    &["http", "revalidate"],
    &["cache"],
    &["activity"],
    &["store", "upstream"],
    &["telemetry", "descriptors", "dotenv_file", "tls"],
    &["config"],
    &["entry"],
    &["target"],
    &[
        "backoff",
        "build_info",
        "clock",
        "container",
        "gzip",
        "hex",
        "json",
        "lib",
        "look_ups",
        "metrics",
        "panics",
        "secret",
        "signals",
        "small_file",
        "tasks",
        "words",
    ],
];

/// Returns the layer of a folder of `src`, or of a file in it; the lowest layer is the last.
fn layer(folder: &str) -> usize {
    let layer = LAYERS.iter().position(|folders| folders.contains(&folder));
    layer.unwrap_or_else(|| panic!("{folder} has no layer"))
}

/// Returns the folders that each folder uses.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let files = sources();
    let tests = test_modules(&files);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| !is_test(&file.path, &tests)) {
        let path = file.path.strip_prefix("src/").expect("a source");
        let folder = path.split(['/', '.']).next().expect("a name");
        let text: Vec<_> = code(&file.text).into_iter().map(|(_, line)| line).collect();
        let used = names_of_crate(&text.join("\n"));
        let used = used.into_iter().filter(|name| name != folder);
        graph.entry(folder.to_owned()).or_default().extend(used);
    }
    graph
}

/// Returns the first names after `crate::`, also of a list in braces.
fn names_of_crate(text: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '_').collect()
    };
    let names = text.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        None => vec![name(rest)],
        Some(list) => {
            let list = list.split("};").next().unwrap_or_default();
            list.split(',').map(|item| name(item.trim_start())).collect()
        }
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn no_folder_uses_one_beside_or_above_it() {
    let graph = graph();
    let lowest = LAYERS.len() - 1;
    let mut faults = Vec::new();
    for (folder, used) in &graph {
        println!("{folder} -> {}", used.iter().cloned().collect::<Vec<_>>().join(" "));
        let is_upward = |used: &&String| {
            let (from, to) = (layer(folder), layer(used));
            to < from || to == from && from != lowest
        };
        faults.extend(used.iter().filter(is_upward).map(|used| format!("{folder} uses {used}")));
    }
    assert_none(faults);
}

#[test]
fn names_behind_crate_are_found() {
    let text =
        "use crate::clock::Clock;\nuse crate::{hex, target::Key};\nlet x = crate::json::read();";
    let found: Vec<_> = names_of_crate(text).into_iter().collect();
    assert_eq!(found, ["clock", "hex", "json", "target"]);
}
