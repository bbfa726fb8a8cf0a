//! The memory limit of the process: that of its control group and of the groups above it.
//!
//! A container and a systemd unit set it. The kernel kills a process that exceeds it, without a
//! message. Both versions of control groups are read, since systemd may use them side by side. A
//! container sees only a part of the tree, with its group at the root of that part.

use std::fs;
use std::path::{Path, PathBuf};

/// The value from which on a limit of version 1 is no limit; that version always states a number.
const NO_LIMIT: u64 = 1 << 60;

/// Returns the smallest limit of this process, in bytes. Paths begin at `root`, which is `/` except
/// in tests.
pub fn memory_limit(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
    let trees = mounts.lines().filter_map(Tree::of_mount);
    let limits = trees.flat_map(|tree| {
        let group = groups.lines().find_map(|line| tree.group(line));
        group.map(|group| tree.limits(root, group)).unwrap_or_default()
    });
    limits.min()
}

/// A mounted tree of control groups.
struct Tree {
    version: CgroupVersion,
    /// The mounted group.
    top: PathBuf,
    /// The mount point.
    folder: PathBuf,
}

#[derive(Clone, Copy)]
enum CgroupVersion {
    One,
    Two,
}

impl CgroupVersion {
    /// Returns the files of a group that hold a limit. Above `memory.high` a process is not killed,
    /// but slows down severely.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::One => &["memory.limit_in_bytes"],
            Self::Two => &["memory.max", "memory.high"],
        }
    }
}

impl Tree {
    /// Parses a line of `mountinfo`, if it is about groups that limit memory; see
    /// `proc_pid_mountinfo(5)`.
    fn of_mount(line: &str) -> Option<Self> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match (kind.next()?, kind.nth(1)?) {
            ("cgroup2", _) => CgroupVersion::Two,
            ("cgroup", options) if options.split(',').any(|it| it == "memory") => {
                CgroupVersion::One
            }
            _ => return None,
        };
        let mut mount = mount.split(' ').skip(3).map(|path| PathBuf::from(unescaped(path)));
        Some(Self { version, top: mount.next()?, folder: mount.next()? })
    }

    /// Returns the group that a line of `/proc/self/cgroup` names, if the line is about this tree;
    /// see `cgroups(7)`.
    fn group<'a>(&self, line: &'a str) -> Option<&'a Path> {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let is_ours = match self.version {
            CgroupVersion::One => controllers.split(',').any(|it| it == "memory"),
            CgroupVersion::Two => controllers.is_empty(),
        };
        is_ours.then_some(Path::new(group))
    }

    /// Returns the limits of the group and of the visible groups above it.
    fn limits(&self, root: &Path, group: &Path) -> Vec<u64> {
        // A group outside the mounted part belongs to a container whose own part is mounted.
        let below = group.strip_prefix(&self.top).unwrap_or(Path::new(""));
        let groups = below.ancestors().map(|group| self.folder.join(group));
        let files =
            groups.flat_map(|group| self.version.files().iter().map(move |it| group.join(it)));
        files.filter_map(|file| limit(&below_root(root, &file))).collect()
    }
}

fn below_root(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Reads the number in a file. Returns `None` for no limit: `max`, or a number that stands for it.
fn limit(file: &Path) -> Option<u64> {
    let bytes = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    (bytes < NO_LIMIT).then_some(bytes)
}

/// Decodes a path of `mountinfo`, in which blanks and backslashes are octal numbers.
fn unescaped(path: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(path.to_owned(), |path, (escaped, plain)| path.replace(escaped, plain))
}

#[cfg(test)]
mod tests;
