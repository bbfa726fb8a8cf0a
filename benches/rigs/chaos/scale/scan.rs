//! Documents in use beside a scan that the store has no room for: how many of them it has after a
//! restart.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::sleep;

use crate::say;
use crate::service::Service;
use crate::verdict::Verdict;

use super::crowd::{Asked, Crowd, Draw};
use super::lane::Lane;
use super::series::Series;
use super::stage::{Running, Stage};

const L1_MIB: usize = 1_024;
/// The smallest store, in GiB: the records of some 10,000 documents.
const STORE_GIB: &str = "0.0625";
const BODY_BYTES: usize = 5_000;
/// Connections of the scan.
const CONNECTIONS: usize = 8;
/// Between two requests for documents in use.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (hot, scanned) = (stage.plan.hot, stage.plan.scan);
    let series = Series::of_bytes(BODY_BYTES);
    let running = stage
        .start_with(L1_MIB, |setup| {
            setup.set("CACHE_L2_MAX_GB", STORE_GIB).set("REVALIDATE_INTERVAL", "30d")
        })
        .await;
    running.fill(&series, 0, hot, verdict).await;
    let mut crowd = Crowd::open(running.service.address, CONNECTIONS, &series).await;
    let is_over = Cell::new(false);
    let scan = async {
        let asked = crowd.ask(Draw::each(&series, hot, scanned)).await;
        is_over.set(true);
        asked
    };
    let (asked, uses) = tokio::join!(scan, in_use(&running.service, &series, hot, &is_over));
    let took = asked.took.as_secs_f64();
    say(&format!("  {scanned} documents scanned in {took:.1} s, beside {uses} uses of {hot}"));
    verdict.exactly("  answered with their documents", asked.answered() as f64, scanned as f64);
    running.quiet().await;
    let Running { service, setup } = running;
    service.stop().await;

    let service = Service::start_on(stage.service_cores(), &setup).await;
    let kept = kept(&service, &series, 0, hot).await;
    verdict.exactly("  documents in use in the store", kept.hits as f64, hot as f64);
    service.stop().await;
}

/// Asks for documents in use in turn, at a steady pace, until the scan is over; returns how often.
async fn in_use(service: &Service, series: &Series, hot: usize, is_over: &Cell<bool>) -> usize {
    let lane = Lane::open(service.address).await;
    let mut lane = lane.expect("a service that accepts");
    let mut uses = 0;
    while !is_over.get() {
        lane.ask(series, uses % hot).await.expect("an answer");
        uses += 1;
        sleep(PAUSE).await;
    }
    uses
}

/// Asks for documents after a restart.
async fn kept(service: &Service, series: &Series, first: usize, count: usize) -> Asked {
    let mut lanes = Crowd::open(service.address, 1, series).await;
    lanes.ask(Draw::each(series, first, count)).await
}
