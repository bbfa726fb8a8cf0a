//! A load of hits and misses while Redis is frozen, against the same load just before.
//!
//! Rounds of two halves each, so that whatever else the machine does falls on both: a healthy one,
//! and one in which the server is stopped by a signal: its system still accepts connections and
//! takes bytes, and nobody answers. Then the server goes on, and the service has to notice.

mod half;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::time::sleep;

use crate::documents::Family;
use crate::harness::process::Setup;
use crate::harness::redis_server::RedisServer;
use crate::load::{self, Sample, Stream};
use crate::say;
use crate::service::{self, Service};
use crate::simulation::Simulation;
use crate::statistics::median;
use crate::verdict::Verdict;

use self::half::{Half, Times};

/// The longest time of a hit in a frozen half, in relation to that in the healthy one: the median,
/// and one in a hundred.
const HIT_MEDIAN_RATIO: f64 = 1.05;
const HIT_P99_RATIO: f64 = 1.25;
/// The time that the budget of a read adds to the slowest miss until the breaker opens, in
/// milliseconds. Not to each: once a probe has found that the server does not answer, the store has
/// no connection, and a read ends at once.
const MISS_BEFORE_OPEN_MS: f64 = 25.0;
/// The time that a timer adds to that: it counts whole milliseconds, and never ends early.
const TIMER_MS: f64 = 2.0;
/// The time that an open breaker may add to a miss.
const MISS_AFTER_OPEN_MS: f64 = 1.0;
/// The longest time from the thaw to the recovery, in seconds.
const RECOVERY_SECS: f64 = 5.0;

const HITS: Family<'_> = Family { name: "hit", count: 64, bytes: 7 * 1024 };
const MISS_BYTES: usize = 2 * 1024;
const HIT_RATE: u32 = 2_000;
const HIT_CONNECTIONS: usize = 8;
const MISS_RATE: u32 = 20;
const MISS_CONNECTIONS: usize = 4;

/// Pools, connections and the first look-ups of everything; not measured.
const WARM_UP: Duration = Duration::from_secs(2);
/// From one look of the service at its store to the next; a freeze may come at any time between
/// two.
const LOOKS: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Longer than a recovery may take.
const PATIENCE: Duration = Duration::from_secs(30);

const UP: &str = "svm_l2_up";
const OPEN: &str = "svm_l2_breaker_open";

/// The length of the measurement.
pub(crate) struct Plan {
    /// A healthy and a frozen half each.
    pub(crate) rounds: usize,
    /// The length of a half.
    pub(crate) half: Duration,
}

/// The results of a round.
pub(crate) struct Round {
    healthy: Half,
    frozen: Half,
    before_open: Times,
    after_open: Times,
    /// The time at which the breaker opened, from the beginning of the frozen half.
    opened: Option<Duration>,
    /// The time from the thaw to the recovery.
    recovered: Option<Duration>,
}

/// The processes, and the number of the next document that nobody has asked for.
struct Stage {
    redis: RedisServer,
    service: Service,
    misses: Family<'static>,
    asked: usize,
    _setup: Setup,
    _simulation: Simulation,
}

/// Measures, prints, and judges.
pub(crate) async fn run(plan: &Plan) -> Verdict {
    let Some(mut stage) = Stage::start(plan).await else {
        return Verdict::impossible("freeze needs redis-server, which is not installed");
    };
    say(&format!(
        "rounds: {}, each {HIT_RATE} hits and {MISS_RATE} misses a second for {:?}, and the same while Redis is frozen",
        plan.rounds, plan.half
    ));
    table::head();
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        let round = stage.round(plan.half).await;
        table::round(number, &round);
        rounds.push(round);
    }
    judge(&rounds)
}

impl Stage {
    /// Nothing where there is no Redis.
    async fn start(plan: &Plan) -> Option<Self> {
        let redis = RedisServer::start()?;
        let rounds = u32::try_from(2 * plan.rounds).expect("a few rounds");
        let seconds = (plan.half * rounds + WARM_UP).as_secs() as usize;
        let count = MISS_RATE as usize * (seconds + 1 + 2 * plan.rounds);
        let misses = Family { name: "miss", count, bytes: MISS_BYTES };
        let simulation = Simulation::start(&[HITS, misses]);
        let setup = service::setup(&simulation.0).set("REDIS_HOST", &redis.address().to_string());
        let service = Service::start(&setup).await;
        let well = service.reaches(&[(UP, 1.0), (OPEN, 0.0)], PATIENCE).await;
        well.expect("a service that finds its store");
        let mut stage =
            Self { redis, service, misses, asked: 0, _setup: setup, _simulation: simulation };
        stage.load(WARM_UP).await;
        Some(stage)
    }

    async fn round(&mut self, length: Duration) -> Round {
        // The recovery of the round before ended with a look, and all that follows takes whole
        // seconds.
        sleep(LOOKS.mul_f64(fastrand::f64())).await;
        let [hits, misses] = self.load(length).await;
        let healthy = Half::of(&hits, &misses);

        self.redis.pause();
        let opening = opening(self.service.address, length);
        let ([hits, misses], opened) = tokio::join!(self.load(length), opening);
        self.redis.resume();
        let recovered = self.service.reaches(&[(UP, 1.0), (OPEN, 0.0)], PATIENCE).await;

        let (before, after): (Vec<&Sample>, Vec<&Sample>) =
            misses.iter().partition(|miss| opened.is_none_or(|opened| miss.due < opened));
        Round {
            healthy,
            frozen: Half::of(&hits, &misses),
            before_open: Times::of(before),
            after_open: Times::of(after),
            opened,
            recovered,
        }
    }

    /// Hits and misses for that long, on threads of their own.
    async fn load(&mut self, length: Duration) -> [Vec<Sample>; 2] {
        let (address, misses, asked) = (self.service.address, self.misses, self.asked);
        let load = svm::tasks::blocking(move || {
            let hit = |number| (&HITS.document(number % HITS.count)).into();
            let miss = |number| (&misses.document(asked + number)).into();
            let hits = Stream { connections: HIT_CONNECTIONS, rate: HIT_RATE, request: &hit };
            let misses = Stream { connections: MISS_CONNECTIONS, rate: MISS_RATE, request: &miss };
            load::run(address, [hits, misses], length)
        });
        let samples = load.await.expect("a load that ends");
        self.asked += samples[1].len();
        samples
    }
}

/// Waits until the breaker opens, at most that long; returns how long that took.
async fn opening(service: SocketAddr, limit: Duration) -> Option<Duration> {
    let waited = Stopwatch::start();
    while waited.elapsed() < limit {
        if service::metric(service, OPEN) == 1.0 {
            return Some(waited.elapsed());
        }
        sleep(POLL_INTERVAL).await;
    }
    None
}

/// By the median of the rounds, since a round may be disturbed.
fn judge(rounds: &[Round]) -> Verdict {
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
    let failed: usize = rounds.iter().map(Round::failed).sum();
    let unrecovered = rounds.iter().filter(|round| round.recovered.is_none()).count();
    let recovered = rounds.iter().filter_map(|round| round.recovered);
    let slowest = recovered.max().unwrap_or_default().as_secs_f64();

    say("\nBy the median of the rounds, but for what must never be:");
    let mut verdict = Verdict::new();
    verdict.at_most("failed requests", failed as f64, 0.0, "");
    verdict.at_most("hits, median, frozen / healthy", of(Round::hit_median), HIT_MEDIAN_RATIO, "");
    verdict.at_most("hits, p99, frozen / healthy", of(Round::hit_p99), HIT_P99_RATIO, "");
    let allowed = MISS_BEFORE_OPEN_MS + TIMER_MS;
    verdict.at_most(
        "slowest miss until the breaker opens, more",
        of(Round::more_before),
        allowed,
        " ms",
    );
    let allowed = MISS_AFTER_OPEN_MS;
    verdict.at_most("misses after that, median, more", of(Round::more_after), allowed, " ms");
    verdict.at_most("thaws without a recovery", unrecovered as f64, 0.0, "");
    verdict.at_most("slowest recovery", slowest, RECOVERY_SECS, " s");
    verdict
}

impl Round {
    fn failed(&self) -> usize {
        self.healthy.faults.len() + self.frozen.faults.len()
    }

    fn hit_median(&self) -> f64 {
        self.frozen.hits.median / self.healthy.hits.median
    }

    fn hit_p99(&self) -> f64 {
        self.frozen.hits.p99 / self.healthy.hits.p99
    }

    fn more_before(&self) -> f64 {
        self.before_open.max - self.healthy.misses.median
    }

    fn more_after(&self) -> f64 {
        self.after_open.median - self.healthy.misses.median
    }
}
