//! The signals that end the service, and the signals that it survives.
//!
//! A file may reach its size limit before a runtime exists, and in commands that never start one,
//! so [`survive`] comes first in `main`.

use std::future::pending;
use std::io;
use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// `SIGXFSZ`; it has this number on every system that svm is built for.
const FILE_LIMIT: i32 = 25;

/// The shortest interval between log lines of an ignored signal.
const QUIET: Duration = Duration::from_secs(60);

/// Handles the signals that would end the process without need. A write past `RLIMIT_FSIZE` is then
/// an error like that of a full disk.
///
/// tokio's handlers stay for the life of the process, even after the end of their runtime.
pub(crate) fn survive() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    let file_limit = SignalKind::from_raw(FILE_LIMIT);
    for kind in [file_limit, SignalKind::user_defined1(), SignalKind::user_defined2()] {
        drop(signal(kind)?);
    }
    Ok(())
}

/// The handlers of `SIGTERM`, `SIGINT` and `SIGHUP`; `SIGUSR1` and `SIGUSR2` are only logged.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// `None` under `nohup`.
    hangup: Option<Signal>,
    user_1: Ignored,
    user_2: Ignored,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: if is_ignored(hangup) { None } else { Some(signal(hangup)?) },
            user_1: Ignored::listen("SIGUSR1", SignalKind::user_defined1())?,
            user_2: Ignored::listen("SIGUSR2", SignalKind::user_defined2())?,
        })
    }

    /// Waits for an order to end at once. `SIGHUP` is no such order: a closing terminal sends it
    /// more than once, and a supervisor may send it right after `SIGTERM`.
    pub(crate) async fn next_order(&mut self) {
        while !self.next_is_order().await {}
    }

    /// Waits for the next signal that ends the service.
    pub(crate) async fn next(&mut self) {
        self.next_is_order().await;
    }

    /// Waits for the next signal that ends the service. Returns false if it is `SIGHUP`.
    async fn next_is_order(&mut self) -> bool {
        loop {
            tokio::select! {
                // Of several signals at the same time, an order to end counts, and not `SIGHUP`.
                biased;
                _ = self.terminate.recv() => return true,
                _ = self.interrupt.recv() => return true,
                () = received(&mut self.hangup) => return false,
                _ = self.user_1.signal.recv() => self.user_1.note(),
                _ = self.user_2.signal.recv() => self.user_2.note(),
            }
        }
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => pending().await,
    }
}

/// Returns true if the process was started with this signal ignored, as `nohup` does; false if the
/// system does not report it.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// A signal that is only logged.
struct Ignored {
    name: &'static str,
    signal: Signal,
    /// The time since its last line in the log.
    logged: Option<Stopwatch>,
    /// The number of times since that line. The system may merge several signals into one.
    times: u64,
}

impl Ignored {
    fn listen(name: &'static str, kind: SignalKind) -> io::Result<Self> {
        Ok(Self { name, signal: signal(kind)?, logged: None, times: 0 })
    }

    /// Logs at most one line a minute, since another process may send the signal in a loop.
    fn note(&mut self) {
        self.times += 1;
        if self.logged.is_some_and(|logged| logged.elapsed() < QUIET) {
            return;
        }
        tracing::warn!(signal = self.name, times = self.times, "a signal is ignored");
        (self.logged, self.times) = (Some(Stopwatch::start()), 0);
    }
}
