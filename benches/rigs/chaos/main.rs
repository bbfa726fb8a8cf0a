//! Real processes when something breaks (a store that freezes, replicas that share one, a restart,
//! a flood) and when there is much of everything.
//!
//! Each run is the real binary, an upstream, and a real `redis-server` where there is one, all
//! processes of their own, so that none takes part in the runtime of the client. It prints what it
//! measured beside what is allowed, and fails where that is exceeded. docs/benchmarks.md says how
//! to read it. All processes are killed when a run ends, also by a panic, by Ctrl-C or by SIGTERM.

mod arguments;
mod client;
mod documents;
mod fleet;
mod flood;
mod freeze;
mod load;
mod process;
mod replicas;
mod restart;
mod scale;
mod service;
mod simulation;
mod statistics;
mod system;
mod upstream;
mod verdict;

#[path = "../support/ending.rs"]
mod ending;
#[path = "../../support/notes.rs"]
mod notes;
#[path = "../support/options.rs"]
mod options;

#[path = "../../../tests/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the harness offers tests more than a bench needs"
)]
mod harness;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::{HELP, Run};
use verdict::Verdict;

/// A wrong use of the command line (`sysexits.h`).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(families) = simulation::role(&words) {
        simulation::serve(&families);
        return ExitCode::SUCCESS;
    }
    if upstream::is_asked_for(&words) {
        upstream::serve();
        return ExitCode::SUCCESS;
    }
    match arguments::parse(&words) {
        Ok(Some(run)) => ending::complete(measure(&run)),
        Ok(None) => {
            say(HELP);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("chaos: {error}\n\n{HELP}"));
            ExitCode::from(USAGE)
        }
    }
}

async fn measure(run: &Run) -> Verdict {
    match run {
        Run::Freeze(plan) => freeze::run(plan).await,
        Run::Replicas(plan) => replicas::run(plan).await,
        Run::Flood(plan) => flood::run(plan).await,
        Run::Scale(plan) => scale::run(plan).await,
        Run::Restart(plan) => restart::run(plan).await,
    }
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
