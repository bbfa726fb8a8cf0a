//! The table of paths.
//!
//! `/version` comes first and costs one comparison. Paths must match exactly: the path filters of
//! the HTTP library would accept `//ping/`.

use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use salvo::routing::PathState;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, Service, async_trait};

use crate::metrics::Registry;
use crate::secret::Secret;
use crate::target::{Policy, PublicUrl};

use super::access_log::AccessLog;
use super::client_ip::Proxies;
use super::client_rate::ClientRate;
use super::documents::Documents;
use super::explain::Explain;
use super::health::{Health, Healthz, Readyz};
use super::metrics::{MetricsPage, MetricsSources, RequestMetrics, Responses};
use super::mirror::{ClientTokens, Mirror, MirrorConfig, is_document, is_mirrored, without_prefix};
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
    /// The settings of the mirror.
    pub mirror: MirrorConfig,
    /// The rules for allowed targets.
    pub policy: Arc<Policy>,
    /// The secrets of webhook deliveries; without a secret there is no webhook page.
    pub webhook_secrets: Vec<Secret>,
    /// The time for which clients and intermediate caches may reuse a fresh answer, from the time
    /// of the answer.
    pub client_lifetime: Duration,
    /// The number of misses per second that each client may cause; `None` sets no limit.
    pub client_miss_rate: Option<f64>,
    /// The time for which a document counts as in use after its last use.
    pub lookback: Duration,
    /// The proxies that are trusted to name the client.
    pub proxies: Proxies,
    /// The registry of all metrics.
    pub registry: Registry,
    /// The components that the routes read.
    pub sources: MetricsSources,
    /// The health of the service and its dependencies.
    pub health: Health,
    /// The destination of access lines.
    pub access_log: AccessLog,
    /// The parts of the status page; `None` if the page is off.
    pub status: Option<StatusParts>,
}

/// Returns the service that answers every request.
pub fn service(parts: Parts) -> Service {
    let documents = Arc::new(documents(&parts));
    let Parts { sources, health, access_log, registry, .. } = parts;
    let client_tokens = ClientTokens::new(&registry);
    let request_ids = Arc::new(RequestIds::new(parts.proxies.clone()));
    let responses = Arc::new(Responses::new(&registry));
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
        doubtful_below: parts.mirror.doubtful_below,
        lookback: parts.lookback,
    };
    let status = parts.status.map(|StatusParts { mode, calls, records, is_shared }| {
        let (observed, health) = (sources.clone(), health.clone());
        let visibility = Visibility { mode, proxies: parts.proxies };
        let sources = StatusSources { observed, calls, health, records, is_shared };
        (visibility, sources, explain.clone())
    });
    let own_address = OwnAddress(parts.mirror.public_url.clone());
    let webhook = Webhook::new(sources.cache.clone(), parts.webhook_secrets.clone(), &registry);
    let mirror = Mirror::new(documents, parts.mirror, parts.policy, client_tokens);
    let (healthz, readyz) = (Healthz(health.clone()), Readyz(health.clone()));
    let clock = sources.clock.clone();
    let metrics = MetricsPage::new(registry, sources);
    let common =
        Common { clock, latest: Arc::default(), request_ids, responses, health, access_log };
    let mut others = vec![
        exactly("/explain", explain, &common),
        exactly("/openapi.json", OpenApi::new(), &common),
        exactly("/ping", Ping, &common),
        exactly("/healthz", healthz, &common),
        exactly("/livez", Livez, &common),
        exactly("/readyz", readyz, &common),
        exactly("/metrics", metrics, &common),
    ];
    if !parts.webhook_secrets.is_empty() {
        others.push(exactly(webhook::PATH, webhook, &common));
    }
    if let Some((visibility, sources, explain)) = status {
        let own_address = own_address.clone();
        others.extend(status_routes(visibility, sources, explain, own_address, &common));
    }
    let mirror = Route::of_many("mirror", mirror, &common);
    let version = Route::at(VERSION, version, &common);
    let missing = Route::of_many("other", Missing, &common);
    // The library gets only one route: with several routes, it would make a future to test each of
    // them.
    Service::new(Router::with_filter_fn(consume).goal(PathTable {
        version,
        others,
        mirror,
        missing,
        own_address,
    }))
}

fn documents(parts: &Parts) -> Documents {
    Documents {
        cache: parts.sources.cache.clone(),
        heads: HeadCache::with_lifetime(parts.client_lifetime),
        client_rate: ClientRate::new(parts.client_miss_rate),
        proxies: parts.proxies.clone(),
        clock: parts.sources.clock.clone(),
        metrics: RequestMetrics::new(&parts.registry),
    }
}

/// Returns the routes of the status page and of its data, for clients that may see them.
fn status_routes(
    visibility: Visibility,
    sources: StatusSources,
    explain: Explain,
    own_address: OwnAddress,
    common: &Common,
) -> [PathRoute; 2] {
    let is_visible = visibility.clone();
    let json = Route::at("/status.json", StatusJson(sources.clone()), common);
    let page = Route::at("/", StatusPage::new(sources, explain), common);
    [
        PathRoute::of(json, move |req| {
            req.uri().path() == "/status.json" && is_visible.admits(req)
        }),
        // For clients other than browsers, the mirror has the root of the API at this path.
        PathRoute::of(page, move |req| {
            let is_browser = own_address.is_named_by(req) && wants_html(req.headers());
            req.uri().path() == "/" && is_browser && visibility.admits(req)
        }),
    ]
}

/// The path of most requests.
const VERSION: &str = "/version";

/// The routes of all paths.
struct PathTable {
    version: Route<Version>,
    /// The first of these routes that takes a request answers it.
    others: Vec<PathRoute>,
    /// The route of GitHub's paths that no other route takes.
    mirror: Route<Mirror>,
    missing: Route<Missing>,
    own_address: OwnAddress,
}

#[async_trait]
impl Handler for PathTable {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let path = req.uri().path();
        if path == VERSION {
            return self.version.respond(req, res).await;
        }
        // No other route takes the path of a document.
        let other = match is_document(without_prefix(path)) {
            true => None,
            false => self.others.iter().find(|other| (other.takes)(req)),
        };
        match other {
            Some(other) => other.route.handle(req, depot, res, ctrl).await,
            None if is_mirrored(path) && self.own_address.is_named_by(req) => {
                self.mirror.respond(req, res).await;
            }
            None => self.missing.handle(req, depot, res, ctrl).await,
        }
    }
}

/// A route, and the requests that it takes.
struct PathRoute {
    takes: Box<dyn Fn(&Request) -> bool + Send + Sync>,
    route: Box<dyn Handler>,
}

impl PathRoute {
    fn of(route: impl Handler, takes: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self { takes: Box::new(takes), route: Box::new(route) }
    }
}

fn exactly(path: &'static str, page: impl Page, common: &Common) -> PathRoute {
    PathRoute::of(Route::at(path, page, common), move |req| req.uri().path() == path)
}

/// The address of svm in the request lines that name one, for the paths that GitHub has too.
#[derive(Clone)]
struct OwnAddress(Option<PublicUrl>);

impl OwnAddress {
    /// Returns true if the request line names no host, or the one of `Host` or of `PUBLIC_URL`, as
    /// its absolute form does (RFC 9112, 3.2.2).
    fn is_named_by(&self, req: &Request) -> bool {
        let Some(authority) = req.uri().authority() else { return true };
        let is_same = |own: &[u8]| own.eq_ignore_ascii_case(authority.as_str().as_bytes());
        // Only the request line of a tunnel has a host and no scheme.
        req.uri().scheme().is_some()
            && (req.headers().get(HOST).is_some_and(|host| is_same(host.as_bytes()))
                || self.0.as_ref().is_some_and(|url| is_same(url.authority().as_bytes())))
    }
}

/// Tells the HTTP library that no part of the path is left to match.
fn consume(req: &mut Request, state: &mut PathState<'_>) -> bool {
    state.forward(req.uri().path().len());
    true
}
