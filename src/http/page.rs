//! What all routes share: methods, the end of connections while the service drains, the access line.

use std::net::IpAddr;

use http::Method;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::cache::Status;
use crate::clock::Stopwatch;
use crate::target::Target;

use super::access_log::AccessLog;
use super::health::Health;
use super::render;

/// What is behind a path.
pub(super) trait Page: Send + Sync + 'static {
    /// Whether the methods that the page does not have are refused as such.
    const EXISTS: bool = true;

    /// Answers a GET or a HEAD.
    fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        stopwatch: &Stopwatch,
    ) -> impl Future<Output = Trail> + Send;
}

/// What the access log shall know of an answer beside its head.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The document that was asked for.
    pub(super) target: Option<Target>,
    /// How the answer came about.
    pub(super) cache: Option<Status>,
    /// Whose request it was, where that was looked at already.
    pub(super) client: Option<IpAddr>,
}

/// A page with what all of them share.
pub(super) struct Route<P> {
    page: P,
    health: Health,
    access_log: AccessLog,
}

impl<P: Page> Route<P> {
    pub(super) fn new(page: P, health: &Health, access_log: &AccessLog) -> Self {
        Self { page, health: health.clone(), access_log: access_log.clone() }
    }
}

#[async_trait]
impl<P: Page> Handler for Route<P> {
    async fn handle(&self, req: &mut Request, _: &mut Depot, res: &mut Response, _: &mut FlowCtrl) {
        let stopwatch = Stopwatch::start();
        let trail = if P::EXISTS && !reads(req.method()) {
            render::method_not_allowed(req, res);
            Trail::default()
        } else {
            self.page.answer(req, res, &stopwatch).await
        };
        if self.health.is_draining() {
            render::close_connection(res);
        }
        self.access_log.line(req, res, trail, &stopwatch);
    }
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A path that is not ours.
pub(super) struct Missing;

impl Page for Missing {
    const EXISTS: bool = false;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Stopwatch) -> Trail {
        render::not_found(req, res);
        Trail::default()
    }
}
