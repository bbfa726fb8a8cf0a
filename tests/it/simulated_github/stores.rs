//! The stores of `just run`: one for each run, and nothing left behind.

use std::fs;
use std::path::Path;

#[path = "../../support/simulated-github/store.rs"]
mod store;

use store::FreshStore;

fn runs(parent: &Path) -> usize {
    let entries = fs::read_dir(parent).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_dir()).count()
}

#[test]
fn a_second_run_leaves_the_first_ones_store_alone() {
    let parent = tempfile::tempdir().unwrap();
    let parent = parent.path().join("simulated-data");
    let first = FreshStore::new(&parent).unwrap();
    fs::write(first.folder().join("svm.redb"), "of the first").unwrap();
    let second = FreshStore::new(&parent).unwrap();
    assert_ne!(first.folder(), second.folder());
    assert_eq!(fs::read_dir(second.folder()).unwrap().count(), 1, "its lock alone");
    drop(second);
    assert_eq!(fs::read(first.folder().join("svm.redb")).unwrap(), b"of the first");
    drop(first);
    assert_eq!(runs(&parent), 0);
}

#[test]
fn the_store_of_a_run_that_was_killed_is_removed_by_the_next() {
    let parent = tempfile::tempdir().unwrap();
    let left = parent.path().join("run-1-0");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(left.join("svm.redb"), "left behind").unwrap();
    // This folder is not the store of a run, so it stays.
    fs::create_dir(parent.path().join("other")).unwrap();
    let run = FreshStore::new(parent.path()).unwrap();
    assert!(!left.exists() && run.folder().exists());
    assert_eq!(runs(parent.path()), 2);
}

#[test]
fn just_run_builds_the_same_with_and_without_a_token() {
    let justfile = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/justfile")).unwrap();
    let (_, recipe) = justfile.split_once("\nrun *arguments:\n").expect("the recipe");
    let recipe = recipe.split("\n# ").next().unwrap();
    let builds = recipe.lines().filter(|line| line.contains("cargo build")).collect::<Vec<_>>();
    assert_eq!(builds, ["    cargo build --release --bin svm --example simulated-github"]);
    assert!(!recipe.contains("rm -rf"), "the store of another run may be in use");
}
