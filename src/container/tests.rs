//! Trees of files as kernels, container engines and systemd lay them out.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::memory_limit;

const MIB: u64 = 1 << 20;
const UNLIMITED: &str = "9223372036854771712\n";
const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                  35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n";

/// A root folder with these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[track_caller]
fn check(groups: &str, mounts: &str, files: &[(&str, &str)], limit: Option<u64>) {
    let process = [("proc/self/cgroup", groups), ("proc/self/mountinfo", mounts)];
    let root = tree(&[&process, files].concat());
    assert_eq!(memory_limit(root.path()), limit);
}

#[test]
fn the_limit_of_version_2() {
    let service = "0::/system.slice/svm.service\n";
    let own = "sys/fs/cgroup/system.slice/svm.service/memory.max";
    check(service, V2, &[(own, "268435456\n")], Some(256 * MIB));
    check(service, V2, &[(own, "max\n")], None);
    check(service, V2, &[], None);
    // A container sees its own group at the root.
    check("0::/\n", V2, &[("sys/fs/cgroup/memory.max", "67108864\n")], Some(64 * MIB));
    // So does a container that was moved out of its visible part.
    check("0::/../other\n", V2, &[("sys/fs/cgroup/memory.max", "67108864\n")], Some(64 * MIB));
}

#[test]
fn the_smallest_limit_on_the_way_up_holds() {
    let own = "sys/fs/cgroup/a/b/memory.max";
    let parent = "sys/fs/cgroup/a/memory.max";
    let top = "sys/fs/cgroup/memory.max";
    let beside = ("sys/fs/cgroup/a/c/memory.max", "1\n");
    for (values, limit) in [
        (["3000000", "2000000", "max"], Some(2_000_000)),
        (["1000000", "2000000", "max"], Some(1_000_000)),
        (["max", "max", "4000000"], Some(4_000_000)),
        (["max", "max", "max"], None),
    ] {
        let files = [(own, values[0]), (parent, values[1]), (top, values[2]), beside];
        check("0::/a/b\n", V2, &files, limit);
    }
    let high = "sys/fs/cgroup/a/memory.high";
    check("0::/a/b\n", V2, &[(own, "3000000"), (high, "1000000")], Some(1_000_000));
}

#[test]
fn the_limit_of_version_1() {
    let groups = "5:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/abc\n1:name=systemd:/y\n0::/z\n";
    let own = "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes";
    check(groups, V1, &[(own, "268435456\n")], Some(256 * MIB));
    check(groups, V1, &[(own, UNLIMITED)], None);
    let parent = "sys/fs/cgroup/memory/docker/memory.limit_in_bytes";
    check(groups, V1, &[(own, UNLIMITED), (parent, "1048576\n")], Some(MIB));
    // A container that sees only its own group, under the name that the group has outside.
    let mounts = V1.replace("0:32 / ", "0:32 /docker/abc ");
    let top = "sys/fs/cgroup/memory/memory.limit_in_bytes";
    check(groups, &mounts, &[(top, "268435456\n")], Some(256 * MIB));
    let below = "sys/fs/cgroup/memory/child/memory.limit_in_bytes";
    let deeper = groups.replace("/docker/abc", "/docker/abc/child");
    check(&deeper, &mounts, &[(top, "268435456"), (below, "1048576")], Some(MIB));
}

#[test]
fn both_versions_hold_at_once() {
    let groups = "4:memory:/one\n0::/two\n";
    let mounts = format!("{V1}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    let one = "sys/fs/cgroup/memory/one/memory.limit_in_bytes";
    let two = "sys/fs/cgroup/unified/two/memory.max";
    check(groups, &mounts, &[(one, "2000000"), (two, "3000000")], Some(2_000_000));
    check(groups, &mounts, &[(one, "2000000"), (two, "1000000")], Some(1_000_000));
}

#[test]
fn nonsense_is_no_limit() {
    check("", "", &[], None);
    check("0::/a\n", V2, &[("sys/fs/cgroup/a/memory.max", "many")], None);
    check("0:/a\n\n:\n", " - cgroup2\nx\n", &[], None);
    let odd = "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n";
    check("0::/a\n", odd, &[("my groups/a/memory.max", "1048576")], Some(MIB));
    assert_eq!(memory_limit(Path::new("/nowhere")), None);
    // The limit of the test machine is unknown; the call must only return.
    let _ = memory_limit(Path::new("/"));
}
