//! The page `/metrics`: the counters, and the gauges that svm reads on each request.

mod client_tokens;
mod connections;
mod gauges;
mod requests;
mod responses;
mod tls;
mod webhooks;

use std::sync::Arc;

use parking_lot::Mutex;
use salvo::{Request, Response};

use crate::activity::Activity;
use crate::cache::Cache;
use crate::cache::write_behind::WriteBehind;
use crate::clock::Clock;
use crate::metrics::Registry;
use crate::telemetry::Lines;
use crate::upstream::{Reachability, TokenPool};

pub(super) use client_tokens::client_tokens;
pub use connections::ConnectionCounters;
pub(super) use connections::Shed;
pub(super) use requests::RequestMetrics;
pub(super) use responses::{Responses, RouteResponses};
pub use tls::TlsCounters;
pub(super) use tls::TlsOutcome;
pub(super) use webhooks::webhook_counters;

use gauges::Gauges;

use super::page::{Arrival, LogFields, Page};
use super::render;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The components whose values the page reads on each request.
#[derive(Clone)]
pub struct MetricsSources {
    /// L1 and the flights.
    pub cache: Cache,
    /// The documents in use.
    pub activity: Arc<Activity>,
    /// The queue in front of L2.
    pub write_behind: Arc<WriteBehind>,
    /// The tokens.
    pub tokens: Arc<TokenPool>,
    /// The upstream hosts.
    pub reachability: Arc<Reachability>,
    /// The log.
    pub lines: Lines,
    /// The clock.
    pub clock: Clock,
}

pub(super) struct MetricsPage {
    registry: Registry,
    sources: MetricsSources,
    gauges: Mutex<Gauges>,
}

impl MetricsPage {
    /// Creates a page that reads these sources on each request.
    pub(super) fn new(registry: Registry, sources: MetricsSources) -> Self {
        let gauges = Mutex::new(Gauges::new(&registry));
        Self { registry, sources, gauges }
    }

    /// Renders all metrics. Sets and reads the gauges under one lock, so that an answer holds the
    /// values of one moment.
    fn render(&self) -> String {
        let mut gauges = self.gauges.lock();
        gauges.set(&self.sources);
        self.registry.render()
    }
}

impl Page for MetricsPage {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let body = self.render();
        render::text(req, res, TEXT_FORMAT, body);
        LogFields::default()
    }
}
