//! The command beside the simulation: its start, its signals, its end.
//!
//! The subtle part: Ctrl-C in a terminal reaches a whole process group, and a second SIGINT would
//! end the service at once. So the command has a group of its own, and receives only the signals
//! that are passed on.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::environment::Variable;

/// Runs a command to its end, with `environment` added to that of this process.
pub(crate) async fn run(
    program: &OsString,
    arguments: &[OsString],
    environment: &[Variable],
) -> io::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // SIGHUP means that the terminal is gone. The command, in its own group, does not receive it.
    let mut hangup = signal(SignalKind::hangup())?;
    let variables = environment.iter().map(|(name, value)| (name, value));
    let mut command = Command::new(program);
    command.args(arguments).envs(variables).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let id = child.id();
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status?)),
            _ = interrupt.recv() => pass_on("INT", id).await?,
            _ = terminate.recv() => pass_on("TERM", id).await?,
            _ = hangup.recv() => pass_on("TERM", id).await?,
        }
    }
}

/// Waits for SIGINT, SIGTERM or SIGHUP.
pub(crate) async fn interrupted() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

/// Sends a signal through a shell: a system call of our own would be unsafe code, and not every
/// system has a `kill` other than that of its shell.
async fn pass_on(name: &str, id: Option<u32>) -> io::Result<()> {
    let Some(id) = id else { return Ok(()) };
    let kill = ["-c", r#"kill -s "$0" "$1""#, name, &id.to_string()];
    Command::new("sh").args(kill).status().await?;
    Ok(())
}

/// Returns the code of the command, or the shell's code for the signal that ended it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
