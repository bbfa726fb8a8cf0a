//! The packages of the workspace: the crate has only the files of the service, and the rigs are a
//! package that only its own commands build.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::ROOT;

/// The folders of the crate.
const FOLDERS: [&str; 3] = ["src/", "docs/", "deploy/"];

/// The files of the crate outside these folders; cargo adds the last two.
const FILES: [&str; 10] = [
    "build.rs",
    ".env.example",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    ".cargo_vcs_info.json",
    "Cargo.toml.orig",
];

#[test]
fn the_crate_has_the_files_of_the_service_alone() {
    let listed = cargo(&["package", "--list", "--allow-dirty"]);
    let is_known =
        |path: &&str| FOLDERS.iter().any(|folder| path.starts_with(folder)) || FILES.contains(path);
    let others: Vec<_> = listed.lines().filter(|path| !is_known(path)).collect();
    assert!(others.is_empty(), "{others:?}");
    for path in ["src/main.rs", "src/lib.rs", "README.md", "LICENSE"] {
        assert!(listed.lines().any(|line| line == path), "no {path}");
    }
}

#[test]
fn commands_are_about_the_service_by_default() {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&text).expect("a document in JSON");
    let names = |members: &str| {
        let members = metadata[members].as_array().expect("a list").clone();
        let packages = metadata["packages"].as_array().expect("a list").iter();
        let chosen = packages.filter(|package| members.contains(&package["id"]));
        chosen.map(|package| package["name"].as_str().expect("a name")).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("workspace_default_members"), ["svm-cache"].into());
    assert_eq!(names("workspace_members"), ["simulated-github", "svm-cache", "svm-rigs"].into());
}

/// Returns the output of a cargo command, which asks no registry.
fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(arguments).arg("--offline").current_dir(ROOT).output();
    let output = output.expect("cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).expect("a text in UTF-8")
}
