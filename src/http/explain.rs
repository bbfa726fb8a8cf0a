//! The page `/explain`: the reasons for the answer to a request for a document, as values and in
//! sentences.
//!
//! The page causes no call and shows no secret: it shows the kind of a validator and the position
//! of a token.

mod checks;
mod facts;
mod next_check;
mod outlook;
mod sentences;
mod values;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use salvo::{Request, Response};

use crate::cache::{Depth, Explanation, Status};
use crate::entry::Entry;
use crate::target::{ApiRoot, Policy, Target, percent};

use super::documents::Documents;
use super::metrics::MetricsSources;
use super::mirror::{wants_another, without_prefix};
use super::page::{Arrival, LogFields, Page};
use super::question::Question;
use super::refused_url;
use super::render;

use facts::ExplainFacts;
use next_check::{NextCheck, SweepState};

/// The page, and the sources of its facts.
#[derive(Clone)]
pub(super) struct Explain {
    pub(super) documents: Arc<Documents>,
    pub(super) sources: MetricsSources,
    pub(super) policy: Arc<Policy>,
    /// The root of the upstream's API, for paths of the mirror.
    pub(super) root: ApiRoot,
    /// The remaining lifetime at which the mirror doubts the cached absence of a release.
    pub(super) doubtful_below: Duration,
    /// The time for which a document counts as in use after its last use.
    pub(super) lookback: Duration,
}

/// The request that the page explains.
struct Topic {
    question: Question,
    /// True if it is for a path of the mirror, whose answers differ from those of `/version`.
    is_mirrored: bool,
}

impl Page for Explain {
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, _: &Arrival) -> LogFields {
        match self.question(req.uri().query()) {
            Ok(topic) => {
                let body = values::of(&self.facts(req, &topic).await).to_string();
                render::json(req, res, StatusCode::OK, body);
                of_document(topic.question)
            }
            Err(detail) => {
                render::invalid_parameter(req, res, &detail);
                LogFields::of_refusal(&detail, refused_url::shown(req.uri().query()))
            }
        }
    }
}

impl Explain {
    /// Explains a URL, or a path of the mirror, in sentences. For a URL that svm refuses, returns
    /// the rule that the URL breaks in their place.
    pub(super) async fn sentences(
        &self,
        req: &Request,
        url: &str,
    ) -> (Result<Vec<String>, String>, LogFields) {
        let query = format!("url={}", percent::encode(url));
        match self.question(Some(&query)) {
            Ok(topic) => {
                let sentences = sentences::sentences(&self.facts(req, &topic).await);
                (Ok(sentences), of_document(topic.question))
            }
            Err(rule) => {
                let fields = LogFields::of_refusal(&rule, refused_url::shown(Some(&query)));
                (Err(rule), fields)
            }
        }
    }

    /// Parses the query. Its `url` may be a path of the mirror.
    fn question(&self, query: Option<&str>) -> Result<Topic, String> {
        let mut is_mirrored = false;
        let question = Question::parse(query, &self.policy, |url| {
            is_mirrored = url.starts_with('/');
            if !is_mirrored {
                return Target::parse(url, &self.policy);
            }
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            self.root.target(without_prefix(path), query, &self.policy)
        })?;
        Ok(Topic { question, is_mirrored })
    }

    async fn facts<'a>(&self, req: &Request, topic: &'a Topic) -> ExplainFacts<'a> {
        let MetricsSources { cache, activity, tokens, reachability, .. } = &self.sources;
        let (explained, client_wait) = self.explained(req, topic).await;
        let Topic { question, is_mirrored } = topic;
        let (now, host) = (explained.now, question.target.authority());
        let background = SweepState {
            lookback: self.lookback,
            overdue: activity.lateness().overdue,
            has_quota: tokens.has_quota_to_spare(now),
            has_charges: tokens.has_charges_left(now),
            has_allowance: tokens.has_charge(now),
        };
        let token = explained.entry.as_ref().and_then(|entry| entry.token);
        ExplainFacts {
            question,
            is_mirrored: *is_mirrored,
            token: token.and_then(|token| tokens.place_of(token)),
            failing: reachability.failing(host, now),
            last_took: reachability.last_took(host),
            window: cache.upstream_window(),
            is_slowed_down: cache.is_upstream_slowed_down(),
            next_check: NextCheck::of(&explained, &background),
            overdue: background.overdue,
            client_wait,
            explained,
        }
    }

    /// Explains the document, and returns the time until the client may cause a call to the
    /// upstream: zero if it may now, `None` if clients have no limit.
    ///
    /// As with a request for the document, the client needs a token while svm reads the store, and
    /// gets it back: without one the explanation is from memory.
    async fn explained(
        &self,
        req: &Request,
        Topic { question, is_mirrored }: &Topic,
    ) -> (Explanation, Option<Duration>) {
        let Documents { client_rate, proxies, clock, .. } = &*self.documents;
        let mut permit = client_rate.permit(|| proxies.client_of(req));
        let taken = permit.as_mut().map(|permit| permit.take(clock.now()));
        let depth = if let Some(Err(_)) = taken { Depth::Memory } else { Depth::Store };
        let Question { target, demand, .. } = question;
        let path = self.root.below(target);
        let wants_another = |entry: &Entry, status: &Status| {
            *is_mirrored && wants_another(path, entry, status, self.doubtful_below)
        };
        let explained = self.sources.cache.explain(target, *demand, depth, wants_another).await;
        if let Some(permit) = permit {
            permit.give_back();
        }
        (explained, taken.map(|taken| taken.err().unwrap_or_default()))
    }
}

/// Returns the log fields of a request that explains a document.
fn of_document(question: Question) -> LogFields {
    LogFields { target: Some(Arc::new(question.target)), ..LogFields::default() }
}
