//! The binary as an operator has it: started, asked, signalled, killed.

mod check;
mod commands;
mod container;
mod crash;
mod descriptors;
mod dotenv;
mod environment;
mod explain;
mod log;
mod memory;
mod real_input;
mod secrets;
mod serving;
mod shutdown;
mod signals;
mod store;
mod store_file;
mod sweeps;
mod unwritten;

use crate::support::github::{Failure, GitHub};

/// Has GitHub fail, so that a document comes from the store or not at all.
fn fail(github: &GitHub) {
    let _ = github.fail_all(Failure::ServerError502);
}
