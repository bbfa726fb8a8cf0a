//! One access line per request, handed to the log's queue and formatted elsewhere.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use salvo::http::ResBody;
use salvo::{Request, Response};

use crate::clock::{Clock, Stopwatch};
use crate::telemetry::{AccessLine, Lines};

use super::client_ip;
use super::page::Trail;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Longer paths are cut: they are not ours, and a log is no place to store them.
const LONGEST_PATH: usize = 256;

/// Where access lines go, if anywhere.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<Lines>,
    trusted_proxies: Box<[IpNet]>,
    clock: Clock,
}

impl AccessLog {
    /// Lines go to `lines`, if there are any; of a client behind a trusted proxy they show the client.
    pub fn new(lines: Option<Lines>, trusted_proxies: &[IpNet], clock: Clock) -> Self {
        Self { lines, trusted_proxies: trusted_proxies.into(), clock }
    }

    pub(super) fn line(&self, req: &Request, res: &Response, trail: Trail, stopwatch: &Stopwatch) {
        let Some(lines) = &self.lines else { return };
        let path = req.uri().path();
        let cut = path.floor_char_boundary(LONGEST_PATH);
        lines.access(AccessLine {
            at: self.clock.now(),
            client: self.client(req),
            method: req.method().clone(),
            path: path[..cut].into(),
            target: trail.target,
            status: res.status_code.map_or(0, |status| status.as_u16()),
            cache: trail.cache,
            bytes: size(&res.body),
            took: stopwatch.elapsed(),
        });
    }

    fn client(&self, req: &Request) -> Option<IpAddr> {
        let peer = req.remote_addr().clone().into_std()?.ip();
        let forwarded = req.headers().get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
        Some(client_ip::client_ip(peer, forwarded, &self.trusted_proxies))
    }
}

fn size(body: &ResBody) -> u64 {
    match body {
        ResBody::Once(bytes) => bytes.len() as u64,
        _ => 0,
    }
}
