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
use super::page::{Arrival, Page, Trail};
use super::questions::{Question, Questions};
use super::render::{self, Heads};

pub(super) struct Version {
    pub(super) cache: Cache,
    pub(super) questions: Questions,
    pub(super) heads: Heads,
    pub(super) client_rate: ClientRate,
    pub(super) proxies: Proxies,
    pub(super) clock: Clock,
    pub(super) metrics: RequestMetrics,
}

impl Page for Version {
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> Trail {
        let question = match self.questions.read(req.uri().query()) {
            Ok(question) => question,
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                let took = arrival.stopwatch.elapsed();
                self.metrics.refused(took);
                let cache = Some(Status::invalid_parameter());
                return Trail { cache, took: Some(took), ..Trail::default() };
            }
        };
        match self.cache.recall(&question.target, question.demand, arrival.at) {
            Some(answer) => self.give(req, res, question, &answer, arrival.at, arrival),
            // Boxed separately: the library boxes this future, and a miss needs more room than all
            // the rest.
            None => Box::pin(self.ask(req, res, question, arrival)).await,
        }
    }
}

impl Version {
    fn give(
        &self,
        req: &Request,
        res: &mut Response,
        question: Question,
        answer: &Answer,
        now: Timestamp,
        arrival: &Arrival,
    ) -> Trail {
        if let Some(saved) =
            render::answer(req, res, question.target.key(), answer, now, &self.heads)
        {
            self.metrics.compressed(saved);
        }
        let took = arrival.stopwatch.elapsed();
        self.metrics.answered(answer, now, took);
        let (target, cache) = (Some(question.target), Some(answer.status));
        Trail { target, cache, took: Some(took), ..Trail::default() }
    }

    /// Answers a request that L1 cannot answer, as far as the client's rate permits.
    async fn ask(
        &self,
        req: &Request,
        res: &mut Response,
        question: Question,
        arrival: &Arrival,
    ) -> Trail {
        let mut client = None;
        let trail = match self.wait(req, &question, &mut client).await {
            Ok(answer) => self.give(req, res, question, &answer, self.clock.now(), arrival),
            Err(wait) => {
                render::too_many_requests(req, res, question.target.key(), wait);
                let took = arrival.stopwatch.elapsed();
                self.metrics.client_limited(took);
                let (target, cache) = (Some(question.target), Some(Status::client_limited()));
                Trail { target, cache, took: Some(took), ..Trail::default() }
            }
        };
        Trail { client, ..trail }
    }

    /// Returns the answer, or the time until the client may cause a call to the upstream. A client
    /// that leaves before the answer gets no token back.
    async fn wait(
        &self,
        req: &Request,
        Question { target, demand }: &Question,
        client: &mut Option<IpAddr>,
    ) -> Result<Answer, Duration> {
        let mut purse = self.client_rate.purse(|| {
            *client = self.proxies.client_of(req);
            *client
        });
        let permit = || purse.as_mut().map_or(Ok(()), |purse| purse.spend(self.clock.now()));
        let answer = self.cache.wait(target, *demand, permit).await?;
        if let Some(purse) = purse.filter(|_| !answer.status.is_own_call()) {
            purse.refund();
        }
        Ok(answer)
    }
}
