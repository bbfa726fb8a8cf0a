//! `/version`: the upstream document that the `url` parameter names.
//!
//! What a hit costs, in this order: one parse of the query and the target with one SHA-256, one L1 look-up, one
//! comparison, one stamp beside the entry, the headers, one clone of the body's handle, a few counters, one line to the
//! log's queue.
//!
//! What its client may have the upstream asked is looked at after L1 only, and not at all where there is no
//! `CLIENT_MISS_RATE`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use salvo::{Request, Response};

use crate::cache::{Answer, Cache, Demand, Status};
use crate::clock::{Clock, Stopwatch};
use crate::metrics::Metrics;
use crate::target::{Policy, Target};

use super::client_ip::Proxies;
use super::client_rate::ClientRate;
use super::page::{Page, Trail};
use super::query::VersionQuery;
use super::render::{self, Moment};

pub(super) struct Version {
    pub(super) cache: Cache,
    pub(super) policy: Arc<Policy>,
    pub(super) client_lifetime: Duration,
    pub(super) client_rate: ClientRate,
    pub(super) proxies: Proxies,
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
                let cache = Some(Status::invalid_parameter());
                return Trail { cache, ..Trail::default() };
            }
        };
        let mut client = None;
        let answer = match self.cache.recall(&target, demand) {
            Some(answer) => Ok(answer),
            None => self.ask(req, &target, demand, &mut client).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(wait) => {
                render::too_many_requests(req, res, target.key(), wait);
                self.metrics.client_limited(stopwatch.elapsed());
                let cache = Some(Status::client_limited());
                return Trail { target: Some(target), cache, client };
            }
        };
        let now = self.clock.now();
        let moment = Moment { now, client_lifetime: self.client_lifetime };
        render::answer(req, res, target.key(), &answer, moment);
        self.metrics.answered(&answer, now, stopwatch.elapsed());
        Trail { target: Some(target), cache: Some(answer.status), client }
    }
}

impl Version {
    /// What L1 cannot answer, as far as its client may have the upstream asked; else how long until it may. A client that
    /// leaves before the answer gets nothing back.
    async fn ask(
        &self,
        req: &Request,
        target: &Target,
        demand: Demand,
        client: &mut Option<IpAddr>,
    ) -> Result<Answer, Duration> {
        let mut purse = self.client_rate.purse(|| {
            *client = self.proxies.client_of(req);
            *client
        });
        let permit = || purse.as_mut().map_or(Ok(()), |purse| purse.spend(self.clock.now()));
        let answer = self.cache.wait(target, demand, permit).await?;
        if let Some(purse) = purse.filter(|_| !answer.status.is_own_call()) {
            purse.refund();
        }
        Ok(answer)
    }

    fn read(&self, req: &Request) -> Result<(Target, Demand), String> {
        let query = VersionQuery::parse(req.uri().query()).map_err(|error| error.to_string())?;
        let target = Target::parse(&query.url, &self.policy).map_err(|error| error.to_string())?;
        let demand = if query.refresh { Demand::Refresh } else { Demand::Cached };
        Ok((target, demand))
    }
}
