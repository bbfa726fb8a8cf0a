//! The access log: one line per request, handed to the queue of the log, which formats the line.

use std::borrow::Cow;

use http::Method;
use salvo::http::ResBody;
use salvo::{Request, Response};

use crate::cache::{Detail, Forward};
use crate::telemetry::{AccessLine, Lines, RareFields};

use super::client_ip::Proxies;
use super::page::{Arrival, LogFields};
use super::request_fields::{Field, TRACEPARENT};

/// The length to which a path is truncated. Unknown paths are arbitrarily long, and the log need
/// not store all of them.
const LONGEST_PATH: usize = 256;
/// The length to which a method is truncated. A client can send a method that fills the whole head.
const LONGEST_METHOD: usize = 32;

/// The destination of access lines, if there is one.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<Lines>,
    /// True if successful probes also get lines.
    has_probes: bool,
    proxies: Proxies,
}

impl AccessLog {
    /// Creates an access log that writes to `lines`, or an access log without lines. `proxies` are
    /// the proxies that may name the client of a request.
    pub fn new(lines: Option<Lines>, has_probes: bool, proxies: Proxies) -> Self {
        Self { lines, has_probes, proxies }
    }

    /// Returns true if the request gets a line. Without `has_probes`, a successful probe gets none:
    /// probes come every few seconds, and a success tells nothing.
    pub(super) fn takes(&self, is_probe: bool, res: &Response) -> bool {
        let succeeded = || res.status_code.is_none_or(|status| status.as_u16() < 400);
        !is_probe || self.has_probes || !succeeded()
    }

    pub(super) fn line(
        &self,
        req: &Request,
        res: &Response,
        path: Option<&'static str>,
        fields: LogFields,
        arrival: Arrival,
    ) {
        let Some(lines) = &self.lines else { return };
        lines.access(AccessLine {
            at: arrival.at,
            request_id: arrival.id,
            client: fields.client.or_else(|| self.proxies.client_of(req)),
            method: cut_method(req.method()),
            path: path.map_or_else(|| cut(req.uri().path()).into(), Cow::Borrowed),
            target: fields.target,
            status: res.status_code.map_or(0, |status| status.as_u16()),
            cache: fields.cache.map(|status| status.outcome.as_str()),
            forward: fields.cache.and_then(|status| status.forward).map(Forward::as_str),
            detail: fields.cache.and_then(|status| status.detail).map(Detail::as_str),
            age: fields.age,
            ttl: fields.cache.and_then(|status| status.ttl),
            bytes: sent(req, res),
            took: fields.took.unwrap_or_else(|| arrival.stopwatch.elapsed()),
            rare: match arrival.fields.has(Field::Traceparent) {
                true => with_trace(fields.rare, req),
                false => fields.rare,
            },
        });
    }
}

/// Adds the trace that the client takes part in (W3C Trace Context), if the header field is valid.
fn with_trace(rare: Option<Box<RareFields>>, req: &Request) -> Option<Box<RareFields>> {
    let trace = req.headers().get(TRACEPARENT).filter(|trace| is_trace(trace.as_bytes()));
    let Some(trace) = trace.and_then(|trace| trace.to_str().ok()) else { return rare };
    let traceparent = Some(trace.into());
    Some(Box::new(RareFields { traceparent, ..rare.map(|rare| *rare).unwrap_or_default() }))
}

/// Returns true if the value has a version, a trace id, a span id, and flags.
fn is_trace(value: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let parts: Vec<_> = value.split(|byte| *byte == b'-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2] && parts.concat().iter().all(is_digit)
}

fn cut(path: &str) -> String {
    path[..path.floor_char_boundary(LONGEST_PATH)].to_owned()
}

fn cut_method(method: &Method) -> Method {
    let start = method.as_str().as_bytes().get(..LONGEST_METHOD);
    start.and_then(|start| Method::from_bytes(start).ok()).unwrap_or_else(|| method.clone())
}

/// Returns the size of the body that the client gets. The library sends none to a HEAD.
fn sent(req: &Request, res: &Response) -> u64 {
    match &res.body {
        ResBody::Once(bytes) if req.method() != Method::HEAD => bytes.len() as u64,
        _ => 0,
    }
}
