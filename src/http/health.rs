//! `/healthz`: how the service is, and each of its dependencies.
//!
//! The page only reads what others know already (a probe in the background looks at the store), so it answers at
//! once in every state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use parking_lot::RwLock;
use salvo::{Request, Response};
use serde_json::{Map, Value, json};

use crate::cache::write_behind::WriteBehind;
use crate::clock::{Clock, Stopwatch};
use crate::upstream::TokenPool;

use super::page::{Page, Trail};
use super::render;

/// How the service is; clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    draining: AtomicBool,
    /// What the probe last found.
    store: RwLock<Result<(), &'static str>>,
    sources: HealthSources,
}

/// Who is asked how it is.
pub struct HealthSources {
    /// What the persistent tier is called on the page.
    pub store_name: &'static str,
    /// The queue in front of it.
    pub write_behind: Arc<WriteBehind>,
    /// The tokens.
    pub tokens: Arc<TokenPool>,
    /// The present.
    pub clock: Clock,
}

impl Health {
    /// A service that serves.
    pub fn new(sources: HealthSources) -> Self {
        let draining = AtomicBool::new(false);
        Self(Arc::new(Inner { draining, store: RwLock::new(Ok(())), sources }))
    }

    /// From here on the service only finishes what it has begun.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// What the probe found of the persistent tier.
    pub fn store_is(&self, found: Result<(), &'static str>) {
        *self.0.store.write() = found;
    }

    /// Whether connections should end.
    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    fn request_path(&self) -> Result<(), &'static str> {
        if self.is_draining() { Err("the service is shutting down") } else { Ok(()) }
    }

    /// A store that can be read may still take no writes.
    fn store(&self) -> Result<(), &'static str> {
        (*self.0.store.read())?;
        let written = self.0.sources.write_behind.stats().last_batch_ok;
        if written { Ok(()) } else { Err("the last write to the store failed") }
    }

    fn github_tokens(&self) -> Result<(), &'static str> {
        let HealthSources { tokens, clock, .. } = &self.0.sources;
        let rejected = tokens.reports(clock.now()).iter().all(|report| report.rejected);
        if rejected { Err("GitHub refuses every token") } else { Ok(()) }
    }

    fn report(&self) -> (StatusCode, Value) {
        let request_path = self.request_path();
        let others =
            [(self.0.sources.store_name, self.store()), ("github_tokens", self.github_tokens())];
        let (code, status) = match &request_path {
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
            Ok(()) if others.iter().any(|(_, found)| found.is_err()) => {
                (StatusCode::OK, "degraded")
            }
            Ok(()) => (StatusCode::OK, "healthy"),
        };
        let dependencies: Map<_, _> = std::iter::once(("request_path", request_path))
            .chain(others)
            .map(|(name, found)| (name.to_owned(), dependency(found)))
            .collect();
        (code, json!({ "status": status, "dependencies": dependencies }))
    }
}

fn dependency(found: Result<(), &'static str>) -> Value {
    match found {
        Ok(()) => json!({ "status": "up" }),
        Err(error) => json!({ "status": "down", "error": error }),
    }
}

pub(super) struct Healthz(pub(super) Health);

impl Page for Healthz {
    async fn answer(&self, req: &Request, res: &mut Response, _: &Stopwatch) -> Trail {
        let (status, body) = self.0.report();
        render::json(req, res, status, body.to_string());
        Trail::default()
    }
}
