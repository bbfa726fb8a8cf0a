//! The upstream, and the cores of all processes.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::process::Setup;
use crate::process::Process;
use crate::say;
use crate::service::{self, Service};
use crate::system;
use crate::upstream;
use crate::verdict::Verdict;

use super::Plan;
use super::crowd::{Crowd, Draw};
use super::series::Series;

/// Connections of the service beside those that are counted.
const OTHER_CONNECTIONS: usize = 1_000;
/// Connections over which a cache is filled.
const FILLING: usize = 64;
/// Between two looks at a process that has to become quiet; longer than its allocator takes to give
/// pages back.
const LOOKS: Duration = Duration::from_millis(1_500);
/// By so many bytes the memory of a quiet process may still move.
const STILL: f64 = 262_144.0;
/// Less than the time after which the service closes an idle connection.
const PATIENCE: usize = 10;

pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) upstream: Process,
    cores: Vec<usize>,
}

/// A process that serves, and its folder.
pub(super) struct Running {
    pub(super) service: Service,
    pub(super) setup: Setup,
}

impl<'a> Stage<'a> {
    /// Keeps this program to its core, and starts the upstream there.
    pub(super) fn new(plan: &'a Plan) -> Result<Self, String> {
        let cores = system::cores();
        if cores.len() < 2 {
            return Err("scale needs two cores, one for the service and one for its client".into());
        }
        system::keep_to(&cores[cores.len() - 1..]);
        let upstream = Process::start(&[upstream::ROLE.to_owned()]);
        Ok(Self { plan, upstream, cores })
    }

    /// A process with its defaults, but for this size of L1, on a core of its own.
    pub(super) async fn start(&self, l1_mib: usize) -> Running {
        self.start_on(1, l1_mib).await
    }

    /// The same with more settings.
    pub(super) async fn start_with(
        &self,
        l1_mib: usize,
        with: impl FnOnce(Setup) -> Setup,
    ) -> Running {
        let setup = with(self.setup(l1_mib));
        let service = Service::start_on(self.service_cores(), &setup).await;
        Running { service, setup }
    }

    /// The core of the service.
    pub(super) fn service_cores(&self) -> &[usize] {
        &self.cores[..1]
    }

    /// Returns the number of cores.
    pub(super) fn all_cores(&self) -> usize {
        self.cores.len()
    }

    /// The same on so many cores; where there are no more, the client's is one of them.
    pub(super) async fn start_on(&self, cores: usize, l1_mib: usize) -> Running {
        let setup = self.setup(l1_mib);
        let service = Service::start_on(&self.cores[..cores], &setup).await;
        Running { service, setup }
    }

    fn setup(&self, l1_mib: usize) -> Setup {
        let most = self.plan.most_connections() + OTHER_CONNECTIONS;
        service::setup(&self.upstream)
            .set("CACHE_L1_MAX_GB", &(l1_mib as f64 / 1024.0).to_string())
            .set("MAX_CONNECTIONS", &most.to_string())
    }
}

impl Running {
    /// Has it fetch so many documents from that number on, as fast as it goes; the first one of all
    /// as well.
    pub(super) async fn fill(
        &self,
        series: &Series,
        first: usize,
        count: usize,
        verdict: &mut Verdict,
    ) -> Duration {
        let mut crowd = Crowd::open(self.service.address, FILLING, series).await;
        let asked = crowd.ask(Draw::each(series, first, count)).await;
        let answered = asked.answered() as f64;
        verdict.exactly("  documents that it was filled with", answered, count as f64);
        asked.took
    }

    /// Waits until it has compressed and written what it has to, and its memory stays as it is;
    /// returns that.
    pub(super) async fn quiet(&self) -> f64 {
        let mut before = f64::INFINITY;
        for _ in 0..PATIENCE {
            let memory = self.service.memory("VmRSS");
            let waiting = ["svm_gzip_waiting", "svm_write_behind_depth", "svm_write_behind_owed"];
            let is_done = waiting.iter().all(|name| self.service.metric(name) == 0.0);
            if is_done && (before - memory).abs() < STILL {
                return memory;
            }
            before = memory;
            sleep(LOOKS).await;
        }
        say("  it did not become quiet: its memory is that of a busy process");
        before
    }

    /// Ends it in order.
    pub(super) async fn stop(self) {
        self.service.stop().await;
    }
}
