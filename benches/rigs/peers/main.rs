//! svm beside what else could stand in its place, nginx, Varnish, Squid and Apache Traffic Server,
//! and the floors, a bare handler of salvo and a bare hyper.
//!
//! All of them are processes on one core and have the same documents in their caches; wrk asks from
//! the other core, one server at a time, in turns, so that whatever else the machine does falls on
//! all. docs/benchmarks.md says what is on and off in each, and how to read the tables. Whatever
//! was started ends when the run does, also by a panic, by Ctrl-C or by SIGTERM.

mod arguments;
mod check;
mod cores;
mod document;
mod figures;
mod fleet;
mod floors;
mod pinned;
mod requests;
mod run;
mod scenario;
mod server;
mod servers;
mod table;
mod turn;
mod upstream;
mod wrk;

#[path = "../chaos/client.rs"]
#[expect(dead_code, reason = "there, more of an answer is looked at")]
mod client;
#[path = "../support/ending.rs"]
mod ending;
#[path = "../support/options.rs"]
mod options;
#[path = "../chaos/flood/pour.rs"]
mod pour;
#[path = "../chaos/process.rs"]
mod process;
#[path = "../chaos/statistics.rs"]
#[expect(dead_code, reason = "there, times are in milliseconds")]
mod statistics;
#[path = "../chaos/verdict.rs"]
#[expect(dead_code, reason = "there, some things may be too much")]
mod verdict;

/// Inline and with a folder, so that the files below need no paths of their own.
#[path = "../../support"]
#[expect(dead_code, reason = "the other benches share their process with the floor")]
mod support {
    pub(crate) mod client;
    pub(crate) mod floor;
    pub(crate) mod notes;

    pub(crate) use super::harness;
}

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

use arguments::HELP;

/// For the floors, so that allocations cost what they cost svm.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A wrong use of the command line (`sysexits.h`).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if upstream::is_asked_for(&words) {
        upstream::serve();
        return ExitCode::SUCCESS;
    }
    if let Some(floor) = floors::Role::read(&words) {
        floor.serve();
        return ExitCode::SUCCESS;
    }
    match arguments::parse(&words) {
        Ok(plan) => ending::complete(run::run(&plan)),
        Err(error) => {
            say(&format!("peers: {error}\n\n{HELP}"));
            ExitCode::from(USAGE)
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
