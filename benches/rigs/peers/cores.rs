//! The core of the servers, and the core of the client.

use std::fs;
use std::process::Command;

/// Two cores that this process may use.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    /// For servers.
    pub(crate) server: Core,
    /// For clients.
    pub(crate) client: Core,
}

/// A core, by its number.
#[derive(Clone, Copy)]
pub(crate) struct Core(usize);

impl Cores {
    /// The first two; nothing where there is one alone.
    pub(crate) fn find() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let mut cores = list.trim().split(',').filter_map(range).flatten().map(Core);
        Some(Self { server: cores.next()?, client: cores.next()? })
    }
}

impl Core {
    /// Returns a command that runs a program on this core, with all its threads and children. The
    /// system ends the program with the thread that started it, also if this program is killed:
    /// nobody else would end a server that holds gigabytes.
    pub(crate) fn command(self, program: &str) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", &self.0.to_string(), "setpriv", "--pdeathsig", "TERM", program]);
        command
    }
}

/// `3`, or `0-7`.
fn range(text: &str) -> Option<impl Iterator<Item = usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}
