//! The mirror: GitHub's own paths, for clients that know nothing of svm.
//!
//! A path names the same document as its URL does at `/version`: the same checks, the same key, the
//! same entry. Below `/api/v3` the same paths serve clients that take svm for a GitHub Enterprise
//! server. The mirror reads; it ignores the credentials that clients send.

mod base;
mod credentials;
pub(crate) mod media;
mod paths;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use salvo::{Request, Response};

use crate::cache::{Answer, Demand, Payload};
use crate::clock::Timestamp;
use crate::target::{self, ApiRoot, Policy, Target};

use super::documents::{Documents, Form, Wanted};
use super::marked::has_hash;
use super::page::{Arrival, LogFields, Page};
use super::render::{HeadCache, mirror as render};
use super::two_hit_cache::TwoHitCache;

pub(super) use self::credentials::ClientTokens;
pub(super) use self::paths::is_mirrored;
use self::paths::without_prefix;

const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// The version of GitHub's API that svm asks for.
const SERVED_VERSION: &str = "2022-11-28";

/// The number of cached targets, as of the queries of `/version`.
const SLOTS: usize = 4096;
/// The length in bytes up to which targets are cached.
const LONGEST: usize = 512;

/// The page of all mirrored paths.
pub(super) struct Mirror {
    documents: Arc<Documents>,
    root: ApiRoot,
    policy: Arc<Policy>,
    targets: TwoHitCache<str, Arc<Target>>,
    client_tokens: ClientTokens,
}

/// The reason to refuse a request before the cache.
enum Refusal {
    NotFound,
    ReadOnly,
    MediaType,
    ApiVersion,
    Invalid(target::Error),
}

impl Mirror {
    pub(super) fn new(
        documents: Arc<Documents>,
        root: ApiRoot,
        policy: Arc<Policy>,
        client_tokens: ClientTokens,
    ) -> Self {
        Self { documents, root, policy, targets: TwoHitCache::with_slots(SLOTS), client_tokens }
    }

    fn target(&self, req: &Request) -> Result<Arc<Target>, Refusal> {
        let path = without_prefix(req.uri().path());
        if !paths::is_document(path) {
            return Err(Refusal::NotFound);
        }
        if !matches!(*req.method(), Method::GET | Method::HEAD) {
            return Err(Refusal::ReadOnly);
        }
        if !media::is_served(req.headers(), path) {
            return Err(Refusal::MediaType);
        }
        let version = req.headers().get(API_VERSION);
        if version.is_some_and(|version| version != SERVED_VERSION) {
            return Err(Refusal::ApiVersion);
        }
        self.parse(req, path)
    }

    fn parse(&self, req: &Request, path: &str) -> Result<Arc<Target>, Refusal> {
        let query = req.uri().query().unwrap_or_default();
        if has_hash(path) || has_hash(query) {
            return Err(Refusal::Invalid(target::Error::Fragment));
        }
        let parse = || {
            let target = self.root.target(path, query, &self.policy);
            target.map(Arc::new).map_err(|error| match error {
                target::Error::PathNotAllowed | target::Error::HostNotAllowed => Refusal::NotFound,
                error => Refusal::Invalid(error),
            })
        };
        let raw = req.uri().path_and_query().map_or(path, |raw| raw.as_str());
        if raw.len() > LONGEST { parse() } else { self.targets.get(raw, parse) }
    }
}

impl Page for Mirror {
    // It has its own answer to other methods.
    const EXISTS: bool = false;
    const IS_SHED: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        self.client_tokens.watch(req.headers());
        let form = AsGitHub { documents: &self.documents };
        if let Some(page) = paths::Spare::of(req) {
            page.answer(req, res, base::of(req, &self.documents.proxies), arrival.at);
            return LogFields::default();
        }
        match self.target(req) {
            Ok(target) => {
                let wanted = Wanted { target, demand: Demand::Cached };
                self.documents.answer(req, res, wanted, arrival, &form).await
            }
            Err(refusal) => {
                match refusal {
                    Refusal::NotFound => render::not_found(req, res),
                    Refusal::ReadOnly => render::read_only(req, res),
                    Refusal::MediaType => render::unsupported_media_type(req, res),
                    Refusal::ApiVersion => render::unknown_api_version(req, res),
                    Refusal::Invalid(error) => render::invalid(req, res, &error.to_string()),
                }
                self.documents.refused(arrival)
            }
        }
    }
}

/// The form of GitHub's answers.
struct AsGitHub<'a> {
    documents: &'a Documents,
}

impl Form for AsGitHub<'_> {
    fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        target: &Target,
        answer: &Answer,
        now: Timestamp,
        heads: &HeadCache,
    ) -> Option<usize> {
        let page = || {
            let base = base::of(req, &self.documents.proxies)?;
            Some(format!("{base}{}", req.uri().path()))
        };
        render::answer(req, res, target.key(), answer, now, heads, page)
    }

    fn too_many_requests(
        &self,
        req: &Request,
        res: &mut Response,
        target: &Target,
        wait: Duration,
    ) {
        render::too_many_requests(req, res, target.key(), wait);
    }

    /// A page whose links nobody knows would hide the pages behind it.
    fn wants_another(&self, answer: &Answer) -> bool {
        matches!(&answer.given, Payload::Document(entry) if entry.extras.lacks_links())
    }
}
