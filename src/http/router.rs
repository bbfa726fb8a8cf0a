//! The table of paths.
//!
//! `/version` comes first and costs one comparison. Paths must match exactly: the library's own
//! path filters would accept `//ping/`.

use std::sync::Arc;
use std::time::Duration;

use salvo::routing::PathState;
use salvo::{Handler, Request, Router, Service};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::metrics::Registry;
use crate::secret::Secret;
use crate::target::Policy;

use super::access_log::AccessLog;
use super::client_ip::Proxies;
use super::client_rate::ClientRate;
use super::documents::Documents;
use super::explain::Explain;
use super::health::{Health, Healthz, Readyz};
use super::metrics::{MetricsPage, MetricsSources, RequestMetrics, Responses};
use super::mirror::{ClientTokens, Mirror, MirrorConfig, is_mirrored};
use super::openapi::OpenApi;
use super::page::Page;
use super::query_cache::QueryCache;
use super::render::HeadCache;
use super::request_ids::RequestIds;
use super::route::{Common, Livez, Missing, Ping, Route};
use super::selection::Selections;
use super::status::{StatusJson, StatusPage, StatusParts, StatusSources, Visibility, wants_html};
use super::version::Version;
use super::webhook::{self, Webhook};

/// The parts of the routes.
pub struct Parts {
    /// The source of the answers to `/version`.
    pub cache: Cache,
    /// The settings of the mirror.
    pub mirror: MirrorConfig,
    /// The rules for allowed targets.
    pub policy: Arc<Policy>,
    /// The secrets of deliveries; without one there is no page for them.
    pub webhook_secrets: Vec<Secret>,
    /// The time for which clients and intermediate caches may reuse a fresh answer, counted from
    /// when it is served.
    pub client_lifetime: Duration,
    /// The number of misses per second and client; `None` is no limit.
    pub client_miss_rate: Option<f64>,
    /// The time after its last use for which a document is in use.
    pub lookback: Duration,
    /// The proxies that are trusted to name the client.
    pub proxies: Proxies,
    /// The clock.
    pub clock: Clock,
    /// The registry of all metrics.
    pub registry: Registry,
    /// The values that `/metrics` reads beside the counters.
    pub sources: MetricsSources,
    /// The health of the service and its dependencies.
    pub health: Health,
    /// The destination of access lines.
    pub access_log: AccessLog,
    /// The status page, unless nobody may see it.
    pub status: Option<StatusParts>,
}

/// Returns the service that answers every request.
pub fn service(parts: Parts) -> Service {
    let Parts { sources, health, access_log, registry, clock, .. } = parts;
    let client_tokens = ClientTokens::new(&registry);
    let request_ids = Arc::new(RequestIds::new(parts.proxies.clone()));
    let responses = Arc::new(Responses::new(&registry));
    let documents = Arc::new(Documents {
        cache: parts.cache.clone(),
        heads: HeadCache::with_lifetime(parts.client_lifetime),
        client_rate: ClientRate::new(parts.client_miss_rate),
        proxies: parts.proxies.clone(),
        clock: clock.clone(),
        metrics: RequestMetrics::new(&registry),
    });
    let version = Version {
        documents: Arc::clone(&documents),
        queries: QueryCache::with_policy(Arc::clone(&parts.policy)),
        selections: Arc::new(Selections::new()),
    };
    let explain = Explain {
        documents: Arc::clone(&documents),
        sources: sources.clone(),
        policy: Arc::clone(&parts.policy),
        root: parts.mirror.root.clone(),
        lookback: parts.lookback,
    };
    let status = parts.status.map(|StatusParts { mode, calls, records, is_shared }| {
        let (observed, health) = (sources.clone(), health.clone());
        let visibility = Visibility { mode, proxies: parts.proxies };
        let sources = StatusSources { observed, calls, health, records, is_shared };
        (visibility, sources, explain.clone())
    });
    let webhook = Webhook::new(parts.cache.clone(), parts.webhook_secrets.clone(), &registry);
    let mirror = Mirror::new(documents, parts.mirror, parts.policy, client_tokens);
    let metrics = MetricsPage::new(registry, sources);
    let (healthz, readyz) = (Healthz(health.clone()), Readyz(health.clone()));
    let common =
        Common { clock, latest: Arc::default(), request_ids, responses, health, access_log };
    let routes = Router::new()
        .push(exactly("/version", version, &common))
        .push(exactly("/explain", explain, &common))
        .push(exactly("/openapi.json", OpenApi::new(), &common))
        .push(exactly("/ping", Ping, &common))
        .push(exactly("/healthz", healthz, &common))
        .push(exactly("/livez", Livez, &common))
        .push(exactly("/readyz", readyz, &common))
        .push(exactly("/metrics", metrics, &common));
    let routes = match parts.webhook_secrets.is_empty() {
        true => routes,
        false => routes.push(exactly(webhook::PATH, webhook, &common)),
    };
    let mirror = mirrored(Route::of_many("mirror", mirror, &common));
    let routes = match status {
        None => routes.push(mirror),
        Some((visibility, sources, explain)) => {
            let json = StatusJson(sources.clone());
            let (is_browser, is_visible) = (visibility.clone(), visibility);
            // At this path the mirror has the root of the API, for clients other than browsers.
            let is_browser = move |req: &Request| {
                req.uri().host().is_none() && wants_html(req.headers()) && is_browser.admits(req)
            };
            let is_visible = move |req: &Request| is_visible.admits(req);
            let page = StatusPage::new(sources, explain);
            routes.push(shown_to(is_browser, "/", page, &common)).push(mirror).push(shown_to(
                is_visible,
                "/status.json",
                json,
                &common,
            ))
        }
    };
    Service::new(routes.push(anything(Route::of_many("other", Missing, &common))))
}

fn exactly(path: &'static str, page: impl Page, common: &Common) -> Router {
    Router::with_filter_fn(move |req, state| req.uri().path() == path && consume(req, state))
        .goal(Route::at(path, page, common))
}

/// A page of some clients; the others find what is at its path without it.
fn shown_to(
    is_shown: impl Fn(&Request) -> bool + Send + Sync + 'static,
    path: &'static str,
    page: impl Page,
    common: &Common,
) -> Router {
    let is_own = move |req: &Request| req.uri().path() == path && is_shown(req);
    let route = Route::at(path, page, common);
    Router::with_filter_fn(move |req, state| is_own(req) && consume(req, state)).goal(route)
}

/// A request that names a host in its first line wants a proxy, which svm is not.
fn mirrored(route: impl Handler) -> Router {
    let is_own = |req: &Request| req.uri().host().is_none() && is_mirrored(req.uri().path());
    Router::with_filter_fn(move |req, state| is_own(req) && consume(req, state)).goal(route)
}

fn anything(route: impl Handler) -> Router {
    Router::with_filter_fn(consume).goal(route)
}

/// Tells the router that no part of the path is left to match.
fn consume(req: &mut Request, state: &mut PathState<'_>) -> bool {
    state.forward(req.uri().path().len());
    true
}
