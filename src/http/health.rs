//! `/healthz`: how the service is, and each of its dependencies.
//!
//! The page only reads what a probe in the background last found, so it answers at once in every state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use parking_lot::RwLock;
use salvo::{Request, Response};
use serde_json::{Map, Value, json};

use crate::clock::{Clock, Stopwatch};
use crate::upstream::TokenPool;

use super::page::{Page, Trail};
use super::render;

/// How the service is; clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    draining: AtomicBool,
    store: RwLock<Result<(), String>>,
    tokens: Arc<TokenPool>,
    clock: Clock,
}

impl Health {
    /// A service that serves.
    pub fn new(tokens: Arc<TokenPool>, clock: Clock) -> Self {
        let draining = AtomicBool::new(false);
        Self(Arc::new(Inner { draining, store: RwLock::new(Ok(())), tokens, clock }))
    }

    /// From here on the service only finishes what it has begun.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// What the probe found of the persistent tier; logged when it changes.
    pub fn store_is(&self, found: Result<(), String>) {
        let changed = found.is_ok() != self.0.store.read().is_ok();
        if changed {
            match &found {
                Ok(()) => tracing::info!("the persistent store works again"),
                Err(error) => {
                    tracing::warn!(error, "the persistent store is down; serving without it");
                }
            }
        }
        *self.0.store.write() = found;
    }

    /// Whether connections should end.
    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    fn request_path(&self) -> Result<(), String> {
        if self.is_draining() { Err("the service is shutting down".into()) } else { Ok(()) }
    }

    fn github_tokens(&self) -> Result<(), String> {
        let reports = self.0.tokens.reports(self.0.clock.now());
        if reports.iter().all(|report| report.rejected) {
            return Err("GitHub refuses every token".into());
        }
        Ok(())
    }

    fn report(&self) -> (StatusCode, Value) {
        let request_path = self.request_path();
        let others = [
            ("embedded_store", self.0.store.read().clone()),
            ("github_tokens", self.github_tokens()),
        ];
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

fn dependency(found: Result<(), String>) -> Value {
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
