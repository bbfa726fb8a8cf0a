//! The program that finds the origin of a build, `build.rs`.

#[path = "../../../build.rs"]
#[expect(dead_code, clippy::print_stdout, reason = "its other half speaks to cargo")]
mod build;

use std::fs;
use std::path::Path;
use std::process::Command;

use build::{Origin, checked_out, chosen, day, files_of_git, packaged};
use tempfile::TempDir;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// 2026-06-01 12:00 UTC.
const SECONDS: u64 = 1_780_315_200;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let identity = ["-c", "user.name=svm", "-c", "user.email=svm@localhost"];
    let output = command
        .env("GIT_COMMITTER_DATE", format!("@{SECONDS} +1400"))
        .arg("-C")
        .arg(folder)
        .args(identity)
        .args(arguments)
        .output()
        .expect("git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_checkout_tells_its_commit() {
    let folder = folder();
    assert_eq!(checked_out(folder.path()), None);
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(folder.path(), &["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let first = checked_out(folder.path()).expect("an origin");
    assert_eq!(first.seconds, Some(SECONDS));
    assert_eq!(first.commit.map(|commit| commit.len()), Some(40));

    let inner = folder.path().join("vendor/svm");
    fs::create_dir_all(&inner).unwrap();
    assert_eq!(checked_out(&inner), None, "another repository is around it");
}

#[test]
fn the_files_of_git_that_are_watched_exist() {
    let folder = folder();
    git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]);
    git(folder.path(), &["commit", "--quiet", "--allow-empty", "--message", "first"]);
    let files = files_of_git(folder.path());
    assert_eq!(files, [".git/HEAD", ".git/logs/HEAD", ".git/refs/heads/main"]);
    git(folder.path(), &["pack-refs", "--all"]);
    assert_eq!(files_of_git(folder.path()), [".git/HEAD", ".git/logs/HEAD", ".git/packed-refs"]);
}

#[test]
fn a_package_tells_its_commit() {
    let folder = folder();
    assert_eq!(packaged(folder.path()), None);
    for (text, commit) in [
        (format!(r#"{{"git": {{"sha1": "{COMMIT}"}}, "path_in_vcs": ""}}"#), Some(COMMIT)),
        (r#"{"git":{"sha1":"0\nrustc-env=X=1"}}"#.to_owned(), None),
        ("{}".to_owned(), None),
    ] {
        fs::write(folder.path().join(".cargo_vcs_info.json"), &text).unwrap();
        let origin = packaged(folder.path());
        assert_eq!(origin.and_then(|origin| origin.commit).as_deref(), commit, "{text}");
    }
}

#[test]
fn the_caller_of_a_build_has_the_last_word() {
    let sources = || Origin { commit: Some(COMMIT.to_owned()), seconds: Some(7) };
    let given = |commit: Option<&str>, epoch: Option<&str>| {
        let origin = chosen(commit.map(str::to_owned), epoch.map(str::to_owned), sources());
        (origin.commit.unwrap_or_default(), origin.seconds)
    };
    assert_eq!(given(None, None), (COMMIT.to_owned(), Some(7)));
    assert_eq!(given(None, Some("9")), (COMMIT.to_owned(), Some(9)));
    assert_eq!(given(Some("abcdef0"), None), ("abcdef0".to_owned(), None));
    assert_eq!(given(Some("abcdef0"), Some("9")), ("abcdef0".to_owned(), Some(9)));
    assert_eq!(given(Some("no commit"), Some("soon")), (COMMIT.to_owned(), Some(7)));
}

#[test]
fn days_are_those_of_the_calendar() {
    for (seconds, want) in [
        (0, "1970-01-01"),
        (951_782_399, "2000-02-28"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (SECONDS, "2026-06-01"),
        (1_798_761_599, "2026-12-31"),
        (4_107_542_400, "2100-03-01"),
        (u64::MAX, ""),
    ] {
        assert_eq!(day(seconds), want, "{seconds}");
    }
}
