//! The page `/version`: the upstream document that the `url` parameter names.
//!
//! The costs of a hit, in order: one look-up of the parsed query (on a miss there, one parse of the
//! query and the target, with one SHA-256); one L1 look-up, one comparison, one timestamp beside
//! the entry; one look-up of `Accept-Encoding`; one copy of the cached head (on a miss there, the
//! writing of the head); one clone of the handle of the body or its gzip form; a few counters; one
//! line to the log's queue.
//!
//! `CLIENT_MISS_RATE` is applied after L1 only.

use std::net::IpAddr;
use std::time::Duration;

use salvo::{Request, Response};

use crate::cache::{Answer, Cache, Status};
use crate::clock::{Clock, Timestamp};

use super::client_ip::Proxies;
use super::client_rate::ClientRate;
use super::metrics::RequestMetrics;
use super::page::{Arrival, LogFields, Page};
use super::query_cache::{ParsedQuery, QueryCache};
use super::render::{self, HeadCache};

pub(super) struct Version {
    pub(super) cache: Cache,
    pub(super) queries: QueryCache,
    pub(super) heads: HeadCache,
    pub(super) client_rate: ClientRate,
    pub(super) proxies: Proxies,
    pub(super) clock: Clock,
    pub(super) metrics: RequestMetrics,
}

impl Page for Version {
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        let query = match self.queries.read(req.uri().query()) {
            Ok(query) => query,
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                let took = arrival.stopwatch.elapsed();
                self.metrics.refused(took);
                let cache = Some(Status::invalid_parameter());
                return LogFields { cache, took: Some(took), ..LogFields::default() };
            }
        };
        match self.cache.recall(&query.target, query.demand, arrival.at) {
            Some(answer) => self.give(req, res, query, &answer, arrival.at, arrival),
            // Boxed separately: the library boxes this future, and a miss needs more room than all
            // the rest.
            None => Box::pin(self.ask(req, res, query, arrival)).await,
        }
    }
}

impl Version {
    fn give(
        &self,
        req: &Request,
        res: &mut Response,
        query: ParsedQuery,
        answer: &Answer,
        now: Timestamp,
        arrival: &Arrival,
    ) -> LogFields {
        if let Some(saved) = render::answer(req, res, query.target.key(), answer, now, &self.heads)
        {
            self.metrics.compressed(saved);
        }
        let took = arrival.stopwatch.elapsed();
        self.metrics.answered(answer, now, took);
        let (target, cache) = (Some(query.target), Some(answer.status));
        LogFields { target, cache, took: Some(took), ..LogFields::default() }
    }

    /// Answers a request that L1 cannot answer, as far as the client's rate permits.
    async fn ask(
        &self,
        req: &Request,
        res: &mut Response,
        query: ParsedQuery,
        arrival: &Arrival,
    ) -> LogFields {
        let mut client = None;
        let fields = match self.wait(req, &query, &mut client).await {
            Ok(answer) => self.give(req, res, query, &answer, self.clock.now(), arrival),
            Err(wait) => {
                render::too_many_requests(req, res, query.target.key(), wait);
                let took = arrival.stopwatch.elapsed();
                self.metrics.client_limited(took);
                let (target, cache) = (Some(query.target), Some(Status::client_limited()));
                LogFields { target, cache, took: Some(took), ..LogFields::default() }
            }
        };
        LogFields { client, ..fields }
    }

    /// Returns the answer, or the time until the client may cause a call to the upstream. A client
    /// that leaves before the answer gets no token back.
    async fn wait(
        &self,
        req: &Request,
        ParsedQuery { target, demand }: &ParsedQuery,
        client: &mut Option<IpAddr>,
    ) -> Result<Answer, Duration> {
        let mut permit = self.client_rate.permit(|| {
            *client = self.proxies.client_of(req);
            *client
        });
        let take = || permit.as_mut().map_or(Ok(()), |permit| permit.take(self.clock.now()));
        let answer = self.cache.wait(target, *demand, take).await?;
        if let Some(permit) = permit.filter(|_| !answer.status.is_own_call()) {
            permit.give_back();
        }
        Ok(answer)
    }
}
