//! `/version`: the upstream document that the `url` parameter names.
//!
//! What a hit costs, in this order: one parse of the query and the target with one SHA-256, one L1 look-up, one
//! comparison, one stamp beside the entry, the headers, one clone of the body's handle, a few counters, one line to the
//! log's queue.

use std::sync::Arc;
use std::time::Duration;

use salvo::{Request, Response};

use crate::cache::{Cache, Demand, Status};
use crate::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;
use crate::target::{Policy, Target};

use super::page::{Page, Trail};
use super::query::VersionQuery;
use super::render::{self, Moment};

pub(super) struct Version {
    pub(super) cache: Cache,
    pub(super) policy: Arc<Policy>,
    pub(super) client_lifetime: Duration,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

impl Page for Version {
    async fn answer(&self, req: &Request, res: &mut Response, stopwatch: &Stopwatch) -> Trail {
        let (target, demand) = match self.read(req) {
            Ok(question) => question,
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                self.metrics.refused(stopwatch.elapsed());
                return Trail { target: None, cache: Some(Status::invalid_parameter()) };
            }
        };
        let answer = self.cache.get(&target, demand).await;
        let now = self.clock.now();
        let moment = Moment { now, client_lifetime: self.client_lifetime };
        render::answer(req, res, target.key(), &answer, moment);
        self.metrics.answered(&answer, now, stopwatch.elapsed());
        Trail { target: Some(target), cache: Some(answer.status) }
    }
}

impl Version {
    fn read(&self, req: &Request) -> Result<(Target, Demand), String> {
        let query = VersionQuery::parse(req.uri().query()).map_err(|error| error.to_string())?;
        let target = Target::parse(&query.url, &self.policy).map_err(|error| error.to_string())?;
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok((target, demand))
    }
}
