//! A server as a process on the servers' core, with all that it starts; and what the system says of
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use svm::clock::Stopwatch;

/// Longer than a start or an end takes.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Of the times in `/proc`, whatever the kernel's own: `getconf CLK_TCK`.
const TICKS_A_SECOND: f64 = 100.0;

/// Processes that run; they end when this is dropped.
pub(crate) struct Pinned(Child);

impl Pinned {
    /// Starts it. Its standard input ends with this program, however that one ends.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().expect("a program that is installed"))
    }

    /// Waits until it has a socket there.
    pub(crate) fn listens(mut self, address: SocketAddr) -> Self {
        let waited = Stopwatch::start();
        while TcpStream::connect(address).is_err() {
            let ended = self.0.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "a server that stays, and not {ended:?}");
            assert!(waited.elapsed() < PATIENCE, "a server at {address}");
            thread::sleep(POLL_INTERVAL);
        }
        self
    }

    /// The time that all of it has spent on a core, its own and the kernel's.
    pub(crate) fn cpu(&self) -> Duration {
        let ticks = self.family().into_iter().filter_map(ticks).sum::<u64>();
        Duration::from_secs_f64(ticks as f64 / TICKS_A_SECOND)
    }

    /// Returns its resident memory in bytes. Memory that several of its processes share counts for
    /// each.
    pub(crate) fn resident(&self) -> u64 {
        self.family().into_iter().filter_map(resident).sum()
    }

    /// Its process, with all that it has started, and what they have.
    fn family(&self) -> BTreeSet<u32> {
        let others: Vec<(u32, u32)> =
            processes().filter_map(|id| Some((id, parent(id)?))).collect();
        let mut family = BTreeSet::from([self.0.id()]);
        loop {
            let known = family.len();
            let is_child = |(_, parent): &&(u32, u32)| family.contains(parent);
            let children: Vec<u32> = others.iter().filter(is_child).map(|(id, _)| *id).collect();
            family.extend(children);
            if family.len() == known {
                return family;
            }
        }
    }
}

impl Drop for Pinned {
    /// In order first: a server that is killed leaves its children behind.
    fn drop(&mut self) {
        let family = self.family();
        let waited = Stopwatch::start();
        let mut sent = signal("TERM", &BTreeSet::from([self.0.id()]));
        while sent && waited.elapsed() < PATIENCE {
            sent = matches!(self.0.try_wait(), Ok(None));
            thread::sleep(POLL_INTERVAL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
        let left: BTreeSet<u32> = family.into_iter().filter(|id| parent(*id).is_some()).collect();
        signal("KILL", &left);
    }
}

/// A port of loopback that nobody has at the moment.
pub(crate) fn free_address() -> SocketAddr {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    bound.expect("a free port")
}

/// By the shell's own command: not every system has another.
fn signal(name: &str, processes: &BTreeSet<u32>) -> bool {
    let ids = processes.iter().map(u32::to_string);
    let script = r#"[ $# = 0 ] || kill -s "$0" "$@" 2>/dev/null"#;
    let sent = Command::new("sh").args(["-c", script, name]).args(ids).status();
    sent.is_ok_and(|status| status.success())
}

fn processes() -> impl Iterator<Item = u32> {
    let folders = fs::read_dir("/proc").expect("a Linux system").flatten();
    folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok())
}

fn parent(id: u32) -> Option<u32> {
    stat(id).ok()?.get(1)?.parse().ok()
}

fn ticks(id: u32) -> Option<u64> {
    let stat = stat(id).ok()?;
    let number = |at: usize| stat.get(at)?.parse::<u64>().ok();
    Some(number(11)? + number(12)?)
}

/// The time that programs which this one has waited for have spent on a core.
pub(crate) fn cpu_of_ended() -> Duration {
    let stat = stat(std::process::id()).expect("a Linux system");
    let ticks = stat[13..=14].iter().map(|text| text.parse::<u64>().expect("a number"));
    Duration::from_secs_f64(ticks.sum::<u64>() as f64 / TICKS_A_SECOND)
}

/// Returns the fields of proc(5) for a process, from its state on: before that is its name, in
/// which there may be spaces.
fn stat(id: u32) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, rest) = text.rsplit_once(") ").ok_or(io::ErrorKind::InvalidData)?;
    Ok(rest.split(' ').map(|word| word.trim().to_owned()).collect())
}

fn resident(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}
