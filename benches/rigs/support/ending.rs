//! The end of a run of whole processes: its verdict, or a signal.

use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::verdict::Verdict;

/// The exit code of a program that Ctrl-C has ended, as shells report it.
const INTERRUPTED: u8 = 130;

/// The run, until it ends or somebody ends it; what it has started ends with its future.
pub(crate) fn complete(run: impl Future<Output = Verdict>) -> ExitCode {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let verdict = runtime.block_on(async {
        tokio::select! {
            verdict = run => Some(verdict),
            () = interrupted() => None,
        }
    });
    // A load that runs when somebody ends the program has nobody left to tell.
    runtime.shutdown_background();
    match verdict {
        Some(verdict) if verdict.holds() => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::from(INTERRUPTED),
    }
}

async fn interrupted() {
    let mut interrupt = signal(SignalKind::interrupt()).expect("a signal handler");
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
