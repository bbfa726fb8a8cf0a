//! The command beside the simulation: started, signalled, waited for.
//!
//! The subtle part: Ctrl-C in a terminal reaches a whole process group, and a second SIGINT would
//! end the service at once. So the command has a group of its own, and hears of a signal only what
//! is passed on.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::environment::Variable;

/// Runs a command to its end, with `environment` added to ours.
pub(crate) async fn run(
    program: &OsString,
    arguments: &[OsString],
    environment: &[Variable],
) -> io::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal is gone. The command, in its group, does not hear of that.
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

/// Signals a process by way of a shell, since a system call of our own would be unsafe code and not
/// every system has a `kill` beside the one that is built into its shell.
async fn pass_on(name: &str, id: Option<u32>) -> io::Result<()> {
    let Some(id) = id else { return Ok(()) };
    let kill = ["-c", r#"kill -s "$0" "$1""#, name, &id.to_string()];
    Command::new("sh").args(kill).status().await?;
    Ok(())
}

/// The code of the command itself, or what a shell makes of the signal that ended it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
