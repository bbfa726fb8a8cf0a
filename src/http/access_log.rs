//! One access line per request, handed to the log's queue and formatted elsewhere.

use salvo::http::ResBody;
use salvo::{Request, Response};

use crate::clock::{Clock, Stopwatch};
use crate::telemetry::{AccessLine, Lines};

use super::client_ip::Proxies;
use super::page::Trail;

/// Longer paths are cut: they are not ours, and a log is no place to store them.
const LONGEST_PATH: usize = 256;

/// Where access lines go, if anywhere.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: Option<Lines>,
    proxies: Proxies,
    clock: Clock,
}

impl AccessLog {
    /// Lines go to `lines`, if there are any; of a client behind a trusted proxy they show the client.
    pub fn new(lines: Option<Lines>, proxies: Proxies, clock: Clock) -> Self {
        Self { lines, proxies, clock }
    }

    pub(super) fn line(&self, req: &Request, res: &Response, trail: Trail, stopwatch: &Stopwatch) {
        let Some(lines) = &self.lines else { return };
        let path = req.uri().path();
        let cut = path.floor_char_boundary(LONGEST_PATH);
        lines.access(AccessLine {
            at: self.clock.now(),
            client: trail.client.or_else(|| self.proxies.client_of(req)),
            method: req.method().clone(),
            path: path[..cut].into(),
            target: trail.target,
            status: res.status_code.map_or(0, |status| status.as_u16()),
            cache: trail.cache,
            bytes: size(&res.body),
            took: stopwatch.elapsed(),
        });
    }
}

fn size(body: &ResBody) -> u64 {
    match body {
        ResBody::Once(bytes) => bytes.len() as u64,
        _ => 0,
    }
}
