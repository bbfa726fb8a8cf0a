//! The behavior that all routes share: methods, the end of connections during a drain, the access
//! line.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::cache::Status;
use crate::clock::{Clock, Stopwatch, Timestamp};
use crate::target::{self, Target, percent};

use super::access_log::AccessLog;
use super::date::Latest;
use super::health::Health;
use super::host;
use super::in_flight::Overload;
use super::marked::has_hash;
use super::render;

/// The handler of a path.
pub(super) trait Page: Send + Sync + 'static {
    /// True if the page refuses other methods with a `405`.
    const EXISTS: bool = true;
    /// True if the page is refused while every connection has a request.
    const IS_SHED: bool = false;

    /// Answers a GET or a HEAD.
    fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        arrival: &Arrival,
    ) -> impl Future<Output = LogFields> + Send;
}

/// The arrival of a request. The clocks are read once per request, since a reading costs as much as
/// a look-up in L1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The time of the arrival.
    pub(super) at: Timestamp,
    /// The time since the arrival.
    pub(super) stopwatch: Stopwatch,
}

/// Facts of an answer that the access log needs beside the head.
#[derive(Debug, Default)]
pub(super) struct LogFields {
    /// The requested document.
    pub(super) target: Option<Arc<Target>>,
    /// The cache's part in the answer.
    pub(super) cache: Option<Status>,
    /// The client's address, if already known.
    pub(super) client: Option<IpAddr>,
    /// The duration, if already measured.
    pub(super) took: Option<Duration>,
}

/// A page with the shared behavior.
pub(super) struct Route<P> {
    page: P,
    /// The page's own path; `None` for the page of unknown paths.
    path: Option<&'static str>,
    common: Common,
}

/// The parts that all routes share; clones share them.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) latest: Arc<Latest>,
    pub(super) health: Health,
    pub(super) access_log: AccessLog,
}

impl<P: Page> Route<P> {
    pub(super) fn new(page: P, path: Option<&'static str>, common: &Common) -> Self {
        Self { page, path, common: common.clone() }
    }

    /// Answers a request that must not reach the page. Returns true if it did.
    fn refuse_early(&self, req: &Request, res: &mut Response, overload: Option<&Overload>) -> bool {
        if let Some(fault) = host::fault(req.version(), req.headers()) {
            render::bad_request(req, res, fault);
        } else if P::EXISTS && !reads(req.method()) {
            render::method_not_allowed(req, res);
        } else if let Some(overload) = overload.filter(|_| P::IS_SHED) {
            overload.refuse();
            render::overloaded(req, res);
        } else {
            return false;
        }
        true
    }
}

#[async_trait]
impl<P: Page> Handler for Route<P> {
    async fn handle(&self, req: &mut Request, _: &mut Depot, res: &mut Response, _: &mut FlowCtrl) {
        let Common { clock, latest, health, access_log } = &self.common;
        let arrival = Arrival { at: clock.now(), stopwatch: Stopwatch::start() };
        let overload = req.extensions().get::<Overload>();
        let fields = match self.refuse_early(req, res, overload) {
            true => LogFields::default(),
            false => self.page.answer(req, res, &arrival).await,
        };
        if latest.note(arrival.at) {
            render::date(res, arrival.at);
        }
        // A spare connection serves one request, since other clients need it as well.
        if health.is_draining() || overload.is_some() {
            render::close_connection(res);
        }
        access_log.line(req, res, self.path, fields, &arrival);
    }
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The page of unknown paths.
pub(super) struct Missing;

impl Page for Missing {
    const EXISTS: bool = false;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let path = req.uri().path();
        if has_hash(path) {
            // The path would be another one without its `#`.
            render::invalid_parameter(req, res, &target::Error::Fragment.to_string());
        } else if str::from_utf8(&percent::decode_fully(path)).is_err() {
            render::bad_request(req, res, "the path must be UTF-8 once it is percent-decoded");
        } else {
            render::not_found(req, res);
        }
        LogFields::default()
    }
}
