//! Bytes that go to the disk for a record: for records that are written one by one, and in a storm.
//!
//! They cover the process from its start to its orderly end. Work that it puts off is part of them
//! if there are enough records: the database takes in 28,672 at a time.

use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::time::sleep;

use crate::say;
use crate::service::Service;
use crate::system;
use crate::verdict::Verdict;

use super::lane::{Answer, Lane};
use super::series::Series;
use super::stage::{Running, Stage};

const L1_MIB: usize = 2_048;
/// Its record has some 1.5 KB.
const BODY_BYTES: usize = 9_000;
/// Records that are further apart than this are batches of one; it stands for a second.
const ALONE_FLUSH: &str = "2ms";
const ALONE_PAUSE: Duration = Duration::from_millis(5);
/// The time between two records of a storm.
const STORM_PAUSE: Duration = Duration::from_millis(5);
const ALONE_KB: f64 = 20.0;
const STORM_KB: f64 = 3.0;

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (documents, written) = (stage.plan.bytes_stored, stage.plan.written);
    let series = Series::of_bytes(BODY_BYTES);
    let running = stage
        .start_with(L1_MIB, |setup| {
            setup
                .set("REVALIDATE_INTERVAL", "30d")
                .set("RUST_LOG", "warn,svm=info,svm::access=off,svm::upstream=off")
        })
        .await;
    running.fill(&series, 0, documents, verdict).await;
    running.quiet().await;
    let Running { service, setup } = running;
    service.stop().await;

    let setup = setup.set("WRITE_BEHIND_FLUSH_INTERVAL", ALONE_FLUSH);
    let service = Service::start_on(stage.service_cores(), &setup).await;
    let alone = per_record(service, &series, documents, written, ALONE_PAUSE).await;
    let setup = setup.set("WRITE_BEHIND_FLUSH_INTERVAL", "1s");
    let service = Service::start_on(stage.service_cores(), &setup).await;
    let storm = per_record(service, &series, documents + written, written, STORM_PAUSE).await;
    say(&format!("  {written} records each, beside {documents} in the store"));
    verdict.at_most("  a record alone", alone, ALONE_KB, " KB");
    verdict.at_most("  a record of 200 a second", storm, STORM_KB, " KB");
}

/// Asks for documents that nobody has asked for, at a steady pace; ends the process, and returns
/// what it has written to the disk for each, in KB.
async fn per_record(
    service: Service,
    series: &Series,
    first: usize,
    count: usize,
    pause: Duration,
) -> f64 {
    let before = system::written(std::process::id());
    let lane = Lane::open(service.address).await;
    let mut lane = lane.expect("a service that accepts");
    let began = Stopwatch::start();
    for number in 0..count {
        let answer = lane.ask(series, first + number).await.expect("an answer");
        assert_eq!(answer, Answer::Miss, "a document that nobody has asked for");
        let due = pause * u32::try_from(number + 1).expect("a number of records");
        sleep(due.saturating_sub(began.elapsed())).await;
    }
    say(&format!("  {count} records in {:.1} s", began.elapsed().as_secs_f64()));
    drop(lane);
    service.stop().await;
    (system::written(std::process::id()) - before) / 1e3 / count as f64
}
