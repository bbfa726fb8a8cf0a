//! Facts from Linux about processes, and the cores on which they run.

use std::fs;
use std::process::{Command as Blocking, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// The unit of times in `/proc`, `USER_HZ`, is the same on every architecture that svm is built
/// for.
const TICK: Duration = Duration::from_millis(10);

/// Returns the value of this name in a process's `status`, in bytes.
pub(crate) fn memory(process: u32, name: &str) -> f64 {
    let status = read(process, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map_or_else(|| panic!("no {name} in {status}"), |kilobytes: f64| kilobytes * 1024.0)
}

/// The CPU time that a process has taken so far, its own and the system's on its behalf.
pub(crate) fn cpu_time(process: u32) -> Duration {
    let stat = read(process, "stat");
    // The name before may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// The bytes that a process, and those of its children that have ended, had the system write to
/// disks.
pub(crate) fn written(process: u32) -> f64 {
    let io = read(process, "io");
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("no bytes in {io}"))
}

/// Returns the most files that this process, and those that it starts, may have open.
pub(crate) fn most_open_files() -> usize {
    let limits = read(std::process::id(), "limits");
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = limit.and_then(|line| line.split_whitespace().next());
    limit.and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX)
}

/// The cores that this process may use.
pub(crate) fn cores() -> Vec<usize> {
    let status = read(std::process::id(), "status");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let ranges = list.expect("a Linux system").trim().split(',');
    let range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    ranges.filter_map(range).flatten().collect()
}

/// Keeps this process, and those that it starts from now on, to these cores.
pub(crate) fn keep_to(cores: &[usize]) {
    let process = std::process::id().to_string();
    let taskset = Blocking::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &listed(cores), &process])
        .stdout(Stdio::null())
        .status();
    assert!(taskset.expect("taskset, of util-linux").success(), "cores {cores:?}");
}

/// Has a process wait where others want its core.
pub(crate) fn give_way(process: &str) {
    let renice = Blocking::new("renice").args(["-n", "15", "-p", process]).output();
    assert!(renice.expect("renice, of util-linux").status.success(), "process {process}");
}

/// The same command on these cores.
pub(crate) fn on_cores(cores: &[usize], command: &Command) -> Command {
    let plain = command.as_std();
    let mut pinned = Command::new("taskset");
    pinned
        .args(["--cpu-list", &listed(cores)])
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(plain.get_current_dir().expect("a folder of its own"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    pinned
}

fn listed(cores: &[usize]) -> String {
    cores.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

fn read(process: u32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{process}/{file}")).expect("a Linux system")
}
