//! The cost of a hit, layer by layer: target → memory → recall → HTTP service → socket, and recall
//! under contention.
//!
//! Everything is built by the production constructor, filled from the simulated GitHub, and
//! asserted to be a hit before it is timed; the access log is on, as in production, and goes
//! nowhere. Beside each socket figure stands the floor: a bare handler of the same HTTP library
//! that gives the same bytes and headers. The machine is never quiet, so only ratios within one run
//! mean anything; `guard` is the program that holds one of them.
//!
//! The whole run takes about two minutes: `cargo bench --bench hit`, or with a group's name behind
//! `--` a part of it. With `compression` it does something else: it measures the gzip forms of
//! documents.

mod compression;
mod layers;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use criterion::Criterion;

/// The allocator of the program, so that allocations cost what they cost there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if let Some(paths) = compression_of() {
        return compression::print(paths);
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000)
        .configure_from_args();
    layers::target::bench(&mut criterion);
    layers::memory::bench(&mut criterion);
    layers::recall::bench(&mut criterion);
    layers::contention::bench(&mut criterion);
    layers::service::bench(&mut criterion);
    layers::socket::bench(&mut criterion);
    criterion.final_summary();
}

/// The files and folders whose documents are to be compressed, if that is asked for.
fn compression_of() -> Option<Vec<PathBuf>> {
    // Cargo adds options of its own.
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    (words.next()? == "compression").then(|| words.map(PathBuf::from).collect())
}
