//! The behavior that all routes share: methods, the end of connections during a drain, and the
//! access line. This module also has the pages that need nothing else.

use std::sync::{Arc, OnceLock};
use std::{mem, thread};

use http::{Method, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::clock::{Clock, Stopwatch};
use crate::target::{self, percent};

use super::access_log::AccessLog;
use super::date::Latest;
use super::health::Health;
use super::in_flight::Overload;
use super::marked::has_hash;
use super::metrics::{Responses, RouteResponses};
use super::page::{Arrival, LogFields, Page};
use super::render;
use super::request_body;
use super::request_fields::RequestFields;
use super::request_ids::RequestIds;

/// A page with the shared behavior.
pub(super) struct Route<P> {
    page: P,
    /// The path of the page; `None` for a page of several paths.
    path: Option<&'static str>,
    responses: RouteResponses,
    common: Common,
}

/// The parts that all routes share; clones share them.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) latest: Arc<Latest>,
    pub(super) request_ids: Arc<RequestIds>,
    pub(super) responses: Arc<Responses>,
    pub(super) health: Health,
    pub(super) access_log: AccessLog,
}

impl<P: Page> Route<P> {
    /// Creates the route of a page that has one path.
    pub(super) fn at(path: &'static str, page: P, common: &Common) -> Self {
        Self { path: Some(path), ..Self::of_many(path, page, common) }
    }

    /// Creates the route of a page of several paths. `name` is the label in the metrics.
    pub(super) fn of_many(name: &str, page: P, common: &Common) -> Self {
        let responses = common.responses.of_route(name);
        Self { page, path: None, responses, common: common.clone() }
    }

    /// Answers a request that must not reach the page. Returns the log fields if it gave an answer.
    fn refuse_early(
        &self,
        req: &Request,
        res: &mut Response,
        fields: RequestFields,
        overload: Option<&Overload>,
    ) -> Option<LogFields> {
        if let Some(fault) = fields.host_fault {
            match P::FAILS_AS_GITHUB {
                true => render::mirror::invalid(req, res, fault),
                false => render::bad_request(req, res, fault),
            }
            return Some(LogFields::of_refusal(fault, None));
        }
        if P::READS_ONLY && !reads(req.method()) {
            render::method_not_allowed(req, res);
            return Some(LogFields::of_refusal("use GET or HEAD", None));
        }
        let overload = overload.filter(|_| P::IS_SHED)?;
        overload.refuse();
        match P::FAILS_AS_GITHUB {
            true => render::mirror::overloaded(req, res),
            false => render::overloaded(req, res),
        }
        Some(LogFields::of_refusal("MAX_CONNECTIONS is reached", None))
    }
}

#[async_trait]
impl<P: Page> Handler for Route<P> {
    async fn handle(&self, req: &mut Request, _: &mut Depot, res: &mut Response, _: &mut FlowCtrl) {
        self.respond(req, res).await;
    }
}

impl<P: Page> Route<P> {
    /// Answers a request.
    pub(super) async fn respond(&self, req: &mut Request, res: &mut Response) {
        let Common { clock, latest, health, access_log, request_ids, .. } = &self.common;
        let (at, stopwatch, id) = (clock.now(), Stopwatch::start(), request_ids.of(req));
        let fields = RequestFields::of(req.version(), req.headers());
        let arrival = Arrival { at, stopwatch, id, fields, awaited: OnceLock::new() };
        let overload = req.extensions().get::<Overload>().cloned();
        let mut log_fields = match self.refuse_early(req, res, fields, overload.as_ref()) {
            Some(log_fields) => log_fields,
            None => {
                if P::RECEIVES {
                    let mut body = req.take_body();
                    let unanswered = Unanswered { route: self, req, arrival: &arrival };
                    let received = self.page.receive(req, &mut body).await;
                    mem::forget(unanswered);
                    // A part of it may be unread.
                    req.replace_body(body);
                    req.extensions_mut().extend(received);
                }
                let unanswered = Unanswered { route: self, req, arrival: &arrival };
                let log_fields = self.page.answer(req, res, &arrival).await;
                mem::forget(unanswered);
                log_fields
            }
        };
        // A spare connection serves only one request, since other clients also need spare
        // connections. It waits for no body.
        let is_last = health.is_draining()
            || overload.is_some()
            || (request_body::is_unread(req)
                && !self.drop_body(req, &arrival, &mut log_fields).await);
        if latest.note(arrival.at) {
            // A later request has come since, or the clock was set back: a new reading tells.
            let now = clock.now();
            if latest.note(now) {
                render::date(res, now);
            }
        }
        if is_last {
            render::close_connection(res);
        }
        render::request_id(res, &arrival.id);
        self.responses.count(res.status_code.unwrap_or_default());
        if access_log.takes(P::IS_PROBE && !log_fields.has_question(), res) {
            access_log.line(req, res, self.path, log_fields, arrival);
        }
    }
}

impl<P: Page> Route<P> {
    /// Reads and drops the body of a request, if it is small. Returns false if bytes of it are
    /// left, so that no further request can follow.
    #[cold]
    async fn drop_body(
        &self,
        req: &mut Request,
        arrival: &Arrival,
        log_fields: &mut LogFields,
    ) -> bool {
        if !request_body::is_small(req) {
            return false;
        }
        // The time for the body is the client's.
        log_fields.took.get_or_insert_with(|| arrival.stopwatch.elapsed());
        let body = req.take_body();
        let unanswered = Unanswered { route: self, req, arrival };
        let is_read = Box::pin(request_body::discard(body)).await;
        mem::forget(unanswered);
        is_read
    }
}

/// A request whose answer is being prepared. If its client leaves before the answer, dropping this
/// writes the access line of the request.
struct Unanswered<'a, P: Page> {
    route: &'a Route<P>,
    req: &'a Request,
    arrival: &'a Arrival,
}

impl<P: Page> Drop for Unanswered<'_, P> {
    fn drop(&mut self) {
        let Self { route, req, arrival } = self;
        let mut res = Response::new();
        res.status_code(match thread::panicking() {
            true => StatusCode::INTERNAL_SERVER_ERROR,
            false => client_closed_request(),
        });
        let log_fields =
            LogFields { target: arrival.awaited.get().cloned(), ..LogFields::default() };
        route.responses.count(res.status_code.unwrap_or_default());
        route.common.access_log.line(req, &res, route.path, log_fields, Arrival::clone(arrival));
    }
}

/// Returns the status of a request whose client left before the answer. Logs of web servers have
/// it by nginx's convention; no client gets it.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or_default()
}

/// Returns true for the methods that change nothing.
pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The page of unknown paths.
pub(super) struct Missing;

impl Page for Missing {
    const READS_ONLY: bool = false;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let path = req.uri().path();
        if has_hash(path) {
            // Without its `#` and the rest, the path would be a different one.
            let rule = target::Error::Fragment.to_string();
            render::invalid_parameter(req, res, &rule);
            return LogFields::of_refusal(&rule, None);
        }
        if str::from_utf8(&percent::decode_fully(path)).is_err() {
            let rule = "the path must be UTF-8 once it is percent-decoded";
            render::bad_request(req, res, rule);
            return LogFields::of_refusal(rule, None);
        }
        render::not_found(req, res);
        LogFields::default()
    }
}

/// The page `/ping`, which shows that the process answers. `/healthz` reports the state of the
/// service.
pub(super) struct Ping;

impl Page for Ping {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        let body = r#"{"status":"ok","message":"Service is up and running"}"#;
        render::json(req, res, StatusCode::OK, body.to_owned());
        LogFields::default()
    }
}

/// The page `/livez`, which does the same under the name that orchestrators use. It also answers
/// 200 during the shutdown, when a restart would not help.
pub(super) struct Livez;

impl Page for Livez {
    const IS_PROBE: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        render::json(req, res, StatusCode::OK, r#"{"status":"live"}"#.to_owned());
        LogFields::default()
    }
}
