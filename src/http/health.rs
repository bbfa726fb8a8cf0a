//! The pages `/healthz` and `/readyz`: the state of the service and of each dependency, and whether
//! the service accepts clients.
//!
//! The pages only read the state that other components keep (a background probe checks the store).
//! So they answer at once in every state.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use parking_lot::RwLock;
use salvo::{Request, Response};
use serde_json::{Map, Value, json};

use crate::activity::Lateness;
use crate::clock::Timestamp;
use crate::upstream::{HostReport, Report};

use super::metrics::MetricsSources;
use super::page::{Arrival, LogFields, Page};
use super::render;

/// The health of the service; clones share it.
#[derive(Clone)]
pub struct Health(Arc<HealthState>);

struct HealthState {
    draining: AtomicBool,
    /// The result of the last probe of the store.
    store: RwLock<Result<(), &'static str>>,
    /// The name of the persistent tier on the page.
    store_name: &'static str,
    sources: MetricsSources,
}

impl Health {
    /// Creates the health of a service that is ready and whose store is up.
    pub fn new(store_name: &'static str, sources: MetricsSources) -> Self {
        let (draining, store) = (AtomicBool::new(false), RwLock::new(Ok(())));
        Self(Arc::new(HealthState { draining, store, store_name, sources }))
    }

    /// Marks the service as shutting down.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Sets the state of the persistent tier, which the probe found.
    pub fn set_store(&self, found: Result<(), &'static str>) {
        *self.0.store.write() = found;
    }

    /// Returns true once the service is shutting down, so that connections must end.
    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    fn request_path(&self) -> Result<(), &'static str> {
        if self.is_draining() { Err("the service is shutting down") } else { Ok(()) }
    }

    /// Returns the state of the store. A store that the probe can read may still reject writes, so
    /// the last write counts too.
    fn store(&self) -> Result<(), &'static str> {
        (*self.0.store.read())?;
        let written = self.0.sources.write_behind.stats().last_batch_ok;
        if written { Ok(()) } else { Err("the last write to the store failed") }
    }

    fn github_tokens(&self) -> Dependency {
        let MetricsSources { tokens, clock, .. } = &self.0.sources;
        let reports = tokens.reports(clock.now());
        let error = unusable(&reports).map(Cow::from);
        Dependency { error, since: None, detail: private(&reports) }
    }

    fn github(&self) -> Dependency {
        let MetricsSources { reachability, clock, activity, .. } = &self.0.sources;
        let hosts = failing(&reachability.reports(clock.now()));
        Dependency { detail: late(activity.lateness()), ..hosts }
    }

    /// Returns the name of the persistent tier.
    pub(super) fn store_name(&self) -> &'static str {
        self.0.store_name
    }

    /// Returns the answer of `/healthz`.
    pub(super) fn report(&self) -> (StatusCode, Value) {
        let request_path = Dependency::from(self.request_path());
        let others = [
            (self.0.store_name, Dependency::from(self.store())),
            ("github_tokens", self.github_tokens()),
            ("github", self.github()),
        ];
        let (code, status) = match &request_path.error {
            Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
            None if others.iter().any(|(_, found)| found.error.is_some()) => {
                (StatusCode::OK, "degraded")
            }
            None => (StatusCode::OK, "healthy"),
        };
        let dependencies: Map<_, _> = std::iter::once(("request_path", request_path))
            .chain(others)
            .map(|(name, found)| (name.to_owned(), found.json()))
            .collect();
        (code, json!({ "status": status, "dependencies": dependencies }))
    }
}

/// The state of a dependency.
struct Dependency {
    /// The cause, if it is down.
    error: Option<Cow<'static, str>>,
    /// The start of the failure, if known.
    since: Option<Timestamp>,
    /// Further facts for the operator.
    detail: Option<String>,
}

impl From<Result<(), &'static str>> for Dependency {
    fn from(found: Result<(), &'static str>) -> Self {
        Self { error: found.err().map(Cow::from), since: None, detail: None }
    }
}

impl Dependency {
    fn json(self) -> Value {
        let status = if self.error.is_some() { "down" } else { "up" };
        let fields = [
            Some(("status", status.to_owned())),
            self.error.map(|error| ("error", error.into_owned())),
            self.since.map(|since| ("since", since.to_string())),
            self.detail.map(|detail| ("detail", detail)),
        ];
        fields.into_iter().flatten().map(|(name, text)| (name.to_owned(), text)).collect()
    }
}

/// Returns the reason why no token is usable until an operator acts. A token that cools down
/// recovers by itself, so a cooldown is no such reason.
fn unusable(reports: &[Report]) -> Option<&'static str> {
    if reports.iter().all(|report| report.rejected) {
        return Some("GitHub refuses every token");
    }
    let all = reports.iter().all(|report| report.rejected || report.barred);
    all.then_some("every token is refused, sees private data, or has not been looked at yet")
}

/// Returns the state of the upstream hosts: lists each failing host with its cause.
fn failing(hosts: &[HostReport]) -> Dependency {
    let failing = || hosts.iter().filter_map(|host| Some((&host.host, host.failing?)));
    let errors = failing().map(|(host, failing)| format!("{host}: {}", failing.cause.sentence()));
    let errors: Vec<_> = errors.collect();
    let since = failing().map(|(_, failing)| failing.since).min();
    let error = (!errors.is_empty()).then(|| errors.join("; ").into());
    Dependency { error, since, detail: None }
}

/// Describes how late the checks of documents in use are, if any is late.
fn late(Lateness { overdue, oldest }: Lateness) -> Option<String> {
    let seconds = oldest.as_secs();
    (overdue > 0).then(|| {
        format!("{overdue} documents in use are checked late, the oldest check is {seconds} s old")
    })
}

/// Lists the tokens that see private data, by their positions, never by their values.
fn private(reports: &[Report]) -> Option<String> {
    let private = reports.iter().enumerate().filter(|(_, report)| report.private);
    let (places, used): (Vec<_>, Vec<_>) =
        private.map(|(place, report)| (place.to_string(), !report.barred)).unzip();
    let who = match places.as_slice() {
        [] => return None,
        [place] => format!("token {place} sees"),
        places => format!("tokens {} see", places.join(", ")),
    };
    let used = if used.contains(&true) { "" } else { "; left unused" };
    Some(format!("{who} private data{used}"))
}

pub(super) struct Healthz(pub(super) Health);

impl Page for Healthz {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let (status, body) = self.0.report();
        render::json(req, res, status, body.to_string());
        LogFields::default()
    }
}

/// The page that tells load balancers whether to send clients to this process. A failed dependency
/// changes nothing: the service still answers from its copies.
pub(super) struct Readyz(pub(super) Health);

impl Page for Readyz {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let (status, body) = match self.0.request_path() {
            Ok(()) => (StatusCode::OK, json!({ "status": "ready" })),
            Err(error) => {
                let body = json!({ "status": "not ready", "error": error });
                (StatusCode::SERVICE_UNAVAILABLE, body)
            }
        };
        render::json(req, res, status, body.to_string());
        LogFields::default()
    }
}
