//! Replicas with documents that clients keep using, observed interval by interval.

use std::time::Duration;

use svm::clock::Stopwatch;
use tokio::time::sleep;

use crate::documents::Family;
use crate::harness::process::Setup;
use crate::harness::redis_server::RedisServer;
use crate::load::Request;
use crate::service::{self, Service};
use crate::simulation::{Simulation, Told};

/// An interval is observed in so many parts.
pub(crate) const PARTS: usize = 10;
/// In each part clients ask so many times.
const STEPS_A_PART: usize = 10;
/// The number of requests for each document in an interval.
const USES_AN_INTERVAL: usize = 2;
const BYTES: usize = 2 * 1024;

/// The interval that the rates of the background are made for.
const USUAL_INTERVAL: Duration = Duration::from_secs(60);

/// The number of documents, and the interval of their revalidation.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Documents in use.
    pub(crate) keys: usize,
    /// `REVALIDATE_INTERVAL`.
    pub(crate) interval: Duration,
}

/// The services, their store, and the simulated GitHub.
pub(crate) struct Fleet {
    plan: Plan,
    simulation: Simulation,
    setups: Vec<Setup>,
    services: Vec<Service>,
    _redis: Option<RedisServer>,
}

/// The beginning of an observation.
pub(crate) struct Beginning {
    began: Stopwatch,
    told: Told,
}

/// The counts of one interval.
pub(crate) struct Interval {
    /// The counts of the requests to GitHub.
    pub(crate) told: Told,
    /// The number of requests in each part of the interval.
    pub(crate) parts: Vec<u64>,
    /// The answers to clients that were wrong.
    pub(crate) faults: Vec<String>,
}

impl Fleet {
    /// One process with a file of its own.
    pub(crate) async fn embedded(plan: Plan) -> Self {
        Self::start(plan, None, 1).await
    }

    /// Processes that share a new Redis; nothing where there is none.
    pub(crate) async fn redis(plan: Plan, replicas: usize) -> Option<Self> {
        let redis = RedisServer::start()?;
        Some(Self::start(plan, Some(redis), replicas).await)
    }

    async fn start(plan: Plan, redis: Option<RedisServer>, replicas: usize) -> Self {
        let simulation = Simulation::start(&[plan.family()]);
        let setup = |_| {
            let setup = plan.paced(service::setup(&simulation.0));
            match &redis {
                Some(redis) => setup.set("REDIS_HOST", &redis.address().to_string()),
                None => setup,
            }
        };
        let setups = (0..replicas).map(setup).collect();
        let mut fleet = Self { plan, simulation, setups, services: Vec::new(), _redis: redis };
        fleet.start_all().await;
        fleet
    }

    /// Starts all processes.
    pub(crate) async fn start_all(&mut self) {
        for setup in &self.setups {
            self.services.push(Service::start(setup).await);
        }
    }

    /// Ends all processes in order, one after the other.
    pub(crate) async fn stop_all(&mut self) {
        for service in self.services.drain(..) {
            service.stop().await;
        }
    }

    /// Has every document asked for once, and waits until sweeps have spread their checks: the
    /// first one found none of them, the second found them all.
    pub(crate) async fn warm_up(&mut self) -> Vec<String> {
        let mut faults: Vec<_> = (0..self.plan.keys).filter_map(|key| self.ask(key)).collect();
        for _ in 0..2 {
            let beginning = self.begin();
            faults.extend(self.observe(beginning).await.faults);
        }
        faults
    }

    /// Begins an observation.
    pub(crate) fn begin(&mut self) -> Beginning {
        Beginning { told: self.simulation.told(), began: Stopwatch::start() }
    }

    /// Goes on until an interval has passed since its beginning; clients ask meanwhile.
    pub(crate) async fn observe(&mut self, beginning: Beginning) -> Interval {
        let Beginning { began, told: first } = beginning;
        let (mut parts, mut faults, mut last) = (Vec::new(), Vec::new(), first.total());
        for part in 1..=PARTS {
            faults.extend(self.part(began, part).await);
            let total = self.simulation.told().total();
            parts.push(total - last);
            last = total;
        }
        Interval { told: self.simulation.told().since(&first), parts, faults }
    }

    /// A metric of each replica.
    pub(crate) fn metrics(&self, name: &str) -> Vec<f64> {
        self.services.iter().map(|service| service.metric(name)).collect()
    }

    /// One part of an interval, to its end.
    async fn part(&self, began: Stopwatch, part: usize) -> Vec<String> {
        let mut faults = Vec::new();
        let asks = self.plan.keys * USES_AN_INTERVAL / (PARTS * STEPS_A_PART);
        for step in 1..=STEPS_A_PART {
            let keys = (0..asks.max(1)).map(|_| fastrand::usize(..self.plan.keys));
            faults.extend(keys.filter_map(|key| self.ask(key)));
            let steps = (part - 1) * STEPS_A_PART + step;
            let end = self.plan.interval.mul_f64(steps as f64 / (PARTS * STEPS_A_PART) as f64);
            sleep(end.saturating_sub(began.elapsed())).await;
        }
        faults
    }

    /// A client asks any replica for a document; returns what was wrong with the answer.
    fn ask(&self, key: usize) -> Option<String> {
        let service = &self.services[fastrand::usize(..self.services.len())];
        Request::from(&self.plan.family().document(key)).fault(&mut None, service.address)
    }
}

impl Plan {
    fn family(&self) -> Family<'static> {
        Family { name: "key", count: self.keys, bytes: BYTES }
    }

    /// With a shorter interval all goes faster, in proportion.
    fn paced(&self, setup: Setup) -> Setup {
        let faster = (USUAL_INTERVAL.as_secs_f64() / self.interval.as_secs_f64()).max(1.0);
        setup
            .set("REVALIDATE_INTERVAL", &format!("{}ms", self.interval.as_millis()))
            .set("REVALIDATE_PER_WORKER_RPS", &faster.to_string())
            .set("REVALIDATE_MAX_RPS", &(10.0 * faster).to_string())
    }
}
