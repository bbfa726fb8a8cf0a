//! What a hit costs, layer by layer: target → memory → recall → HTTP service → socket, and recall under contention.
//!
//! Everything is built by the production constructor, filled from the simulated GitHub, and asserted to be a hit before
//! it is timed; the access log is on, as in production, and goes nowhere. Beside each socket figure stands the floor:
//! a bare handler of the same HTTP library that gives the same bytes and headers. The machine is never quiet, so only
//! ratios within one run mean anything; `guard` is the program that holds one of them.
//!
//! The whole run takes about two minutes: `cargo bench --bench hit`, or with a group's name behind `--` a part of it.

mod layers;
mod support;

use std::time::Duration;

use criterion::Criterion;

/// The allocator of the program, so that allocations cost what they cost there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
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
