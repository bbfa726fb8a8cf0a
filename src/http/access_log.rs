//! One access line per request, handed to the log's queue and formatted elsewhere.

use std::borrow::Cow;

use http::Method;
use salvo::http::ResBody;
use salvo::{Request, Response};

use crate::cache::{Detail, Forward};
use crate::telemetry::{AccessLine, Lines};

use super::client_ip::Proxies;
use super::page::{Arrival, LogFields};

/// The length to which a path is cut. Unknown paths are arbitrarily long, and the log need not
/// store them.
const LONGEST_PATH: usize = 256;
/// The length to which a method is cut. A client can invent a method that fills the whole head.
const LONGEST_METHOD: usize = 32;

/// The destination of access lines, if there is any.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<Lines>,
    proxies: Proxies,
}

impl AccessLog {
    /// Creates an access log that writes to `lines`, if there are any. `proxies` tells the client
    /// of a request that came through a trusted proxy.
    pub fn new(lines: Option<Lines>, proxies: Proxies) -> Self {
        Self { lines, proxies }
    }

    pub(super) fn line(
        &self,
        req: &Request,
        res: &Response,
        path: Option<&'static str>,
        fields: LogFields,
        arrival: &Arrival,
    ) {
        let Some(lines) = &self.lines else { return };
        lines.access(AccessLine {
            at: arrival.at,
            client: fields.client.or_else(|| self.proxies.client_of(req)),
            method: cut_method(req.method()),
            path: path.map_or_else(|| cut(req.uri().path()).into(), Cow::Borrowed),
            target: fields.target,
            status: res.status_code.map_or(0, |status| status.as_u16()),
            cache: fields.cache.map(|status| status.outcome.as_str()),
            forward: fields.cache.and_then(|status| status.forward).map(Forward::as_str),
            detail: fields.cache.and_then(|status| status.detail).map(Detail::as_str),
            bytes: size(&res.body),
            took: fields.took.unwrap_or_else(|| arrival.stopwatch.elapsed()),
        });
    }
}

fn cut(path: &str) -> String {
    path[..path.floor_char_boundary(LONGEST_PATH)].to_owned()
}

fn cut_method(method: &Method) -> Method {
    let start = method.as_str().as_bytes().get(..LONGEST_METHOD);
    start.and_then(|start| Method::from_bytes(start).ok()).unwrap_or_else(|| method.clone())
}

fn size(body: &ResBody) -> u64 {
    match body {
        ResBody::Once(bytes) => bytes.len() as u64,
        _ => 0,
    }
}
