//! The origin of a build, for `svm --version` and the metrics: the commit, and its day.
//!
//! Both follow from the sources or from the caller alone, so that two builds of one commit are the
//! same to the byte. The commit is that of `SVM_COMMIT`, else that of `.cargo_vcs_info.json`, which
//! cargo writes into a package, else that of the git checkout. The day is that of
//! `SOURCE_DATE_EPOCH`, else that of the checkout's commit. An origin that nobody tells is empty.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

const COMMIT: &str = "SVM_COMMIT";
/// <https://reproducible-builds.org/specs/source-date-epoch/>
const EPOCH: &str = "SOURCE_DATE_EPOCH";
const PACKAGE_INFO: &str = ".cargo_vcs_info.json";

/// The digits of a commit that are shown.
const SHOWN_DIGITS: usize = 12;

/// The commit and its time in seconds since the epoch, as far as they are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) commit: Option<String>,
    pub(crate) seconds: Option<u64>,
}

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    tell("rerun-if-changed=build.rs");
    for name in [COMMIT, EPOCH] {
        tell(&format!("rerun-if-env-changed={name}"));
    }
    let from_sources = packaged(&root).or_else(|| {
        files_of_git(&root).iter().for_each(|file| tell(&format!("rerun-if-changed={file}")));
        checked_out(&root)
    });
    let origin = chosen(variable(COMMIT), variable(EPOCH), from_sources.unwrap_or_default());
    let commit = origin.commit.map(|commit| commit[..SHOWN_DIGITS.min(commit.len())].to_owned());
    tell(&format!("rustc-env=SVM_BUILD_COMMIT={}", commit.unwrap_or_default()));
    tell(&format!("rustc-env=SVM_BUILD_DAY={}", origin.seconds.map(day).unwrap_or_default()));
}

/// Returns the origin that the caller gives, completed by that of the sources.
pub(crate) fn chosen(commit: Option<String>, epoch: Option<String>, sources: Origin) -> Origin {
    let given = commit.filter(|commit| is_commit(commit));
    let epoch = epoch.and_then(|seconds| seconds.trim().parse().ok());
    // The time of the sources belongs to their own commit.
    let seconds = epoch.or(if given.is_none() { sources.seconds } else { None });
    Origin { commit: given.or(sources.commit), seconds }
}

/// Returns the origin of a crate's package.
pub(crate) fn packaged(root: &Path) -> Option<Origin> {
    let info = fs::read_to_string(root.join(PACKAGE_INFO)).ok()?;
    let (_, rest) = info.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1).filter(|commit| is_commit(commit))?;
    Some(Origin { commit: Some(commit.to_owned()), seconds: None })
}

/// Returns the origin of a git checkout. A copy of the sources within another repository is none:
/// that repository's commits are not those of svm.
pub(crate) fn checked_out(root: &Path) -> Option<Origin> {
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top.trim_end()).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    let head = git(root, &["log", "-1", "--format=%H %ct"])?;
    let (commit, seconds) = head.trim_end().split_once(' ')?;
    let commit = Some(commit.to_owned()).filter(|commit| is_commit(commit));
    Some(Origin { commit, seconds: seconds.parse().ok() })
}

/// Returns the files of git that change with the checked-out commit: without the log of `HEAD`, the
/// references themselves. Cargo would run this program each time for a file that does not exist.
pub(crate) fn files_of_git(root: &Path) -> Vec<String> {
    let head = git(root, &["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default();
    let names = ["HEAD", "logs/HEAD", "packed-refs", head.trim_end()];
    let names = names.into_iter().filter(|name| !name.is_empty());
    let paths = names.filter_map(|name| git(root, &["rev-parse", "--git-path", name]));
    let paths = paths.map(|path| path.trim_end().to_owned());
    paths.filter(|path| root.join(path).is_file()).collect()
}

/// Returns the day of a time in the form of RFC 3339, in UTC; nothing for one beyond the year 9999.
pub(crate) fn day(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799;
    let text =
        |seconds| humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds));
    let shown = (seconds <= LAST).then(|| text(seconds).to_string());
    shown.and_then(|text| Some(text.split_once('T')?.0.to_owned())).unwrap_or_default()
}

/// Returns true for a name of a commit. Nothing else may get into a line for cargo.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the output of a command of git, which may be missing.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // A hook of git sets these, for another command than ours.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    let output = command.arg("-C").arg(root).args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

#[expect(clippy::disallowed_methods, reason = "a build has no configuration of the service")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn tell(line: &str) {
    println!("cargo:{line}");
}
