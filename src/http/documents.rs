//! The path of a request for a document through the cache, for every interface that serves
//! documents.
//!
//! `CLIENT_MISS_RATE` applies only to requests that L1 cannot answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use salvo::{Request, Response};
use tracing::Instrument;

use crate::cache::{Answer, Cache, Demand, Status, WaitTimes};
use crate::clock::{Clock, Timestamp};
use crate::target::{Key, Target};
use crate::telemetry::RareFields;

use super::client_ip::Proxies;
use super::client_rate::ClientRate;
use super::metrics::RequestMetrics;
use super::page::{Arrival, LogFields};
use super::render::{self, Given, HeadCache};

/// The components that answer requests for documents.
pub(super) struct Documents {
    pub(super) cache: Cache,
    pub(super) heads: HeadCache,
    pub(super) client_rate: ClientRate,
    pub(super) proxies: Proxies,
    pub(super) clock: Clock,
    pub(super) metrics: RequestMetrics,
}

/// The document that a client wants, and the demand on it.
pub(super) struct Wanted {
    pub(super) target: Arc<Target>,
    pub(super) demand: Demand,
}

/// A form of answers: the rendering of one interface.
pub(super) trait Form: Sync {
    /// True if errors have the form of GitHub's.
    const FAILS_AS_GITHUB: bool = false;

    /// Renders an answer of the cache. Returns the number of bytes that gzip saved, if the body is
    /// sent as gzip.
    fn answer(&self, req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize>;

    /// Renders the refusal of a request that exceeds its client's rate.
    fn too_many_requests(&self, req: &Request, res: &mut Response, key: Key, wait: Duration) {
        match Self::FAILS_AS_GITHUB {
            true => render::mirror::too_many_requests(req, res, key, wait),
            false => render::too_many_requests(req, res, key, wait),
        }
    }

    /// Returns true if `answer` can render the answer without delaying other requests.
    fn is_ready(&self, _: &Answer) -> bool {
        true
    }

    /// Prepares the answer for rendering, so that other requests need not wait.
    fn prepare(&self, _: &Answer) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Returns true if the answer does not suffice, so that svm must call the upstream for another
    /// one.
    fn wants_another(&self, _: &Answer) -> bool {
        false
    }
}

impl Documents {
    /// Answers a request for a document.
    pub(super) async fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        wanted: Wanted,
        arrival: &Arrival,
        form: &impl Form,
    ) -> LogFields {
        match self.cache.recall(&wanted.target, wanted.demand, arrival.at) {
            Some(answer) if form.is_ready(&answer) && !form.wants_another(&answer) => {
                self.give(req, res, wanted, &answer, arrival.at, arrival, form)
            }
            // Boxed separately: the library boxes this future for every request, and the future of
            // a miss is larger than all the rest of it.
            _ => {
                let span = tracing::info_span!("request", request_id = %arrival.id);
                Box::pin(self.ask(req, res, wanted, arrival, form).instrument(span)).await
            }
        }
    }

    /// Counts a request that `rule` forbids, so that it never reached the cache. Returns its log
    /// fields. `url` is the requested URL, if the path does not show it.
    pub(super) fn count_refusal(
        &self,
        arrival: &Arrival,
        rule: &str,
        url: Option<String>,
    ) -> LogFields {
        let took = arrival.stopwatch.elapsed();
        self.metrics.bypassed(took);
        let cache = Some(Status::invalid_parameter());
        LogFields { cache, took: Some(took), ..LogFields::of_refusal(rule, url) }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    fn give(
        &self,
        req: &Request,
        res: &mut Response,
        wanted: Wanted,
        answer: &Answer,
        now: Timestamp,
        arrival: &Arrival,
        form: &impl Form,
    ) -> LogFields {
        let (key, fields) = (wanted.target.key(), arrival.fields);
        let given = Given { key, answer, now, fields, heads: &self.heads };
        if let Some(saved) = form.answer(req, res, given) {
            self.metrics.compressed(saved);
        }
        let took = arrival.stopwatch.elapsed();
        self.metrics.answered(answer, now, took);
        LogFields {
            target: Some(wanted.target),
            cache: Some(answer.status),
            client: None,
            took: Some(took),
            age: answer.age(now),
            rare: answer.waited.as_deref().map(waits),
        }
    }

    /// Answers a request that L1 cannot answer, if the client's rate permits it.
    async fn ask(
        &self,
        req: &Request,
        res: &mut Response,
        wanted: Wanted,
        arrival: &Arrival,
        form: &impl Form,
    ) -> LogFields {
        // For the access line, if the client leaves before the answer.
        let _ = arrival.awaited.set(Arc::clone(&wanted.target));
        let mut client = None;
        let fields = match self.wait_for(req, &wanted, &mut client, form).await {
            Ok(answer) => {
                form.prepare(&answer).await;
                self.give(req, res, wanted, &answer, self.clock.now(), arrival, form)
            }
            Err(wait) => {
                form.too_many_requests(req, res, wanted.target.key(), wait);
                let took = arrival.stopwatch.elapsed();
                self.metrics.client_limited(took);
                let (target, cache) = (Some(wanted.target), Some(Status::client_limited()));
                LogFields { target, cache, took: Some(took), ..LogFields::default() }
            }
        };
        LogFields { client, ..fields }
    }

    /// Returns the answer, or the time until the client may cause a call to the upstream. If the
    /// first answer does not suffice, calls the upstream; if this call fails, returns the first
    /// answer.
    async fn wait_for(
        &self,
        req: &Request,
        wanted: &Wanted,
        client: &mut Option<IpAddr>,
        form: &impl Form,
    ) -> Result<Answer, Duration> {
        let Wanted { target, demand } = wanted;
        let answer = self.wait(req, target, *demand, client).await?;
        if !form.wants_another(&answer) {
            return Ok(answer);
        }
        match self.wait(req, target, Demand::Another, client).await {
            Ok(another) if another.is_document() || !answer.is_document() => Ok(another),
            _ => Ok(answer),
        }
    }

    /// Waits for one answer of the cache, and gives the client's token back if the request caused
    /// no call. A client that disconnects before the answer gets no token back.
    async fn wait(
        &self,
        req: &Request,
        target: &Target,
        demand: Demand,
        client: &mut Option<IpAddr>,
    ) -> Result<Answer, Duration> {
        let mut permit = self.client_rate.permit(|| {
            *client = self.proxies.client_of(req);
            *client
        });
        let take = || permit.as_mut().map_or(Ok(()), |permit| permit.take(self.clock.now()));
        let answer = self.cache.wait(target, demand, take).await?;
        if let Some(permit) = permit.filter(|_| !answer.status.is_own_call()) {
            permit.give_back();
        }
        Ok(answer)
    }
}

/// Returns the log fields of a request that has waited.
fn waits(waited: &WaitTimes) -> Box<RareFields> {
    let WaitTimes { total, store, upstream } = *waited;
    Box::new(RareFields { waited: Some(total), store, upstream, ..RareFields::default() })
}
