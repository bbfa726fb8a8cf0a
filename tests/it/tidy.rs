//! Rules of the repository itself: the documents agree with the code, and the code keeps to its own
//! rules.
//!
//! The rules are about text, so they are coarse: they find oversights, not intent.

mod completions;
mod deploy;
mod documents;
mod imports;
mod installed;
mod language;
mod layers;
mod names;
mod origin;
mod package;
mod pins;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A file of the repository.
struct File {
    /// Its path from the root, with slashes.
    path: String,
    text: String,
}

/// Reads a file by its path from the root.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the text files below a folder of the repository, in the order of their paths, without
/// built, stored and private files.
fn files(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    collect(&Path::new(ROOT).join(folder), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry of a folder").path();
        let name = relative(&path);
        if matches!(name.as_str(), "target" | "data" | ".git") || path.ends_with(".env") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push(File { path: name, text });
        }
    }
}

fn relative(path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(ROOT).expect("a path below the root").into();
    path.to_string_lossy().replace('\\', "/")
}

/// Fails with all faults at once.
#[track_caller]
fn assert_none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<_> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
