//! A storm of misses on an upstream that takes its time: how long until the last, and what hits
//! notice of it.

use std::cell::Cell;
use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::time::sleep;

use crate::say;
use crate::service::Service;
use crate::statistics::{median, millis, quantile};
use crate::upstream::{SLOW, SLOWNESS};
use crate::verdict::Verdict;

use super::crowd::{Crowd, Draw};
use super::lane::{Answer, Lane};
use super::series::Series;
use super::stage::Stage;

const L1_MIB: usize = 1_024;
const BODY_BYTES: usize = 7_000;
/// Between two hits.
const PAUSE: Duration = Duration::from_millis(1);
/// Exchanges at once, the default of `UPSTREAM_MAX_CONCURRENCY`, and those of one host.
const SLOTS: usize = 64;
const SHARE: usize = 48;
/// The longest time of the storm, as a multiple of the time that the slots of a host allow.
const TIME_RATIO: f64 = 1.25;
/// The longest median time of hits during the storm, in relation to the time before.
const HIT_RATIO: f64 = 1.5;

pub(super) async fn run(stage: &mut Stage<'_>, verdict: &mut Verdict) {
    let (count, hot) = (stage.plan.storm, Series::of_bytes(BODY_BYTES));
    let running = stage.start(L1_MIB).await;
    let service = &running.service;
    let window = service.metric("svm_upstream_window");
    let least = SLOWNESS * u32::try_from(count.div_ceil(SHARE)).expect("a number of turns");
    let mut crowd = Crowd::open(service.address, count, &hot).await;

    let calm = Cell::new(false);
    let rest = async {
        sleep(least).await;
        calm.set(true);
    };
    let (before, ()) = tokio::join!(hits(service, &hot, &calm), rest);
    let over = Cell::new(false);
    let storm = async {
        let asked = crowd.ask(Draw::each(&Series::behind_tokens(SLOW), 0, count)).await;
        over.set(true);
        asked
    };
    let (asked, during) = tokio::join!(storm, hits(service, &hot, &over));

    let told = stage.upstream.told();
    let number = |name: &str| told[name].as_f64().expect("a number");
    let times = |all: &[f64]| {
        let quantile = |part| quantile(all.iter().copied(), part);
        format!("median {:.3} ms, p99 {:.3} ms", quantile(0.5), quantile(0.99))
    };
    say(&format!("  a hit: {}; before: {}", times(&during), times(&before)));
    say(&format!("  first answer {:.0} ms", quantile(asked.millis.iter().copied(), 0.0)));
    verdict.exactly("  answered with their documents", asked.answered() as f64, count as f64);
    verdict.exactly("  calls of the upstream", number("slow"), count as f64);
    verdict.at_most("  at once", number("slow_at_once"), SHARE as f64, "");
    verdict.exactly("  window of those with a token", window, SLOTS as f64);
    let allowed = millis(least) * TIME_RATIO;
    verdict.at_most("  until the last answer", millis(asked.took), allowed, " ms");
    let ratio = median(during.iter().copied()) / median(before.iter().copied());
    verdict.at_most("  median of hits, in that before", ratio, HIT_RATIO, "");
    running.stop().await;
}

/// Hits at a steady pace, until it is over; how long each took, in milliseconds.
async fn hits(service: &Service, series: &Series, is_over: &Cell<bool>) -> Vec<f64> {
    let lane = Lane::open(service.address).await;
    let mut lane = lane.expect("a service that accepts");
    let mut times = Vec::new();
    while !is_over.get() {
        let began = Stopwatch::start();
        let answer = lane.ask(series, 0).await.expect("an answer");
        times.push(millis(began.elapsed()));
        assert_eq!(answer, Answer::Hit, "a document in use");
        sleep(PAUSE).await;
    }
    times
}
