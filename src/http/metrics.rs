//! The page `/metrics`: the counters, and the gauges that svm reads on each request.

mod connections;
mod gauges;
mod requests;
mod responses;
mod tls;

use std::sync::Arc;

use prometheus::IntCounter;
use salvo::{Request, Response};
use tokio::sync::Mutex;

use crate::activity::Activity;
use crate::cache::write_behind::WriteBehind;
use crate::cache::{Cache, Delivery};
use crate::clock::Clock;
use crate::metrics::Registry;
use crate::telemetry::Lines;
use crate::upstream::{Reachability, TokenPool};

pub use connections::ConnectionCounters;
pub(super) use connections::Shed;
pub(super) use requests::RequestMetrics;
pub(super) use responses::{Responses, RouteResponses};
pub use tls::TlsCounters;
pub(super) use tls::TlsOutcome;

use gauges::Gauges;

use super::page::{Arrival, LogFields, Page};
use super::render;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The components that answer requests, and whose values the pages show.
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
    /// values of one moment. Those who wait for it hold no worker: the system takes milliseconds to
    /// count the descriptors of many connections.
    async fn render(&self) -> String {
        let mut gauges = self.gauges.lock().await;
        gauges.set(&self.sources);
        self.registry.render()
    }
}

impl Page for MetricsPage {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let body = self.render().await;
        render::text(req, res, TEXT_FORMAT, body);
        LogFields::default()
    }
}

/// Registers the counter of real tokens in requests to the mirror.
pub(super) fn client_tokens(registry: &Registry) -> IntCounter {
    registry.counter(
        "svm_client_tokens_total",
        "Requests to the mirror with what looks like a token of GitHub, which svm ignores",
    )
}

/// Registers the counters of webhook deliveries, one for each result.
pub(super) fn webhook_counters(registry: &Registry) -> [IntCounter; Delivery::ALL.len()] {
    registry.counters(
        "svm_webhooks_total",
        "Deliveries of GitHub's events, by result",
        "result",
        Delivery::ALL.map(Delivery::as_str),
    )
}
