//! The mirror: GitHub's own paths, for clients that are not written for svm.
//!
//! A path of the mirror names the same document as its URL at `/version`: both go through the same
//! checks, and have the same key and the same entry. The same paths exist below `/api/v3`, for
//! clients that treat svm as a GitHub Enterprise server. The mirror is read-only and ignores the
//! credentials that clients send.

mod base;
mod credentials;
mod doubts;
mod downloads;
pub(crate) mod media;
mod paths;
mod rewriting;

use std::sync::Arc;
use std::time::Duration;

use salvo::{Request, Response};

use crate::cache::{Answer, Demand, Payload};
use crate::entry::Body;
use crate::target::{self, ApiRoot, ENTERPRISE, Policy, PublicUrl, Representation, Target};

use super::documents::{Documents, Form, Wanted};
use super::marked::has_hash;
use super::page::{Arrival, LogFields, Page};
use super::render::{Given, mirror as render};
use super::request_fields::{API_VERSION, Field, RequestFields};
use super::route::reads;
use super::two_hit_cache::TwoHitCache;

pub(super) use self::credentials::ClientTokens;
pub(super) use self::doubts::wants_another;
use self::media::Chosen;
pub(super) use self::paths::{is_document, is_mirrored, without_prefix};
use self::rewriting::{Replacement, Rewriting};

/// The version of GitHub's API that svm requests unless the client wants `OTHER_VERSION`.
const DEFAULT_VERSION: &str = "2022-11-28";
const OTHER_VERSION: &str = "2026-03-10";

/// The number of cached targets; the query cache of `/version` has as many slots.
const SLOTS: usize = 4096;
/// The length in bytes up to which a path with its query is cached.
const LONGEST: usize = 512;

/// The settings of the mirror.
#[derive(Clone, Debug)]
pub struct MirrorConfig {
    /// The root of the upstream's API that the mirror serves.
    pub root: ApiRoot,
    /// The address at which clients reach svm, if it is configured.
    pub public_url: Option<PublicUrl>,
    /// The bound in bytes of the memory for bodies with URLs that lead to `public_url`.
    pub max_bytes: u64,
    /// The remaining lifetime at which a cached absence of a release becomes doubtful: at this
    /// value or below, the mirror calls the upstream again.
    pub doubtful_below: Duration,
}

/// The page of all mirrored paths.
pub(super) struct Mirror {
    documents: Arc<Documents>,
    root: ApiRoot,
    public_url: Option<PublicUrl>,
    /// `None` if the URLs in bodies stay as they are.
    rewriting: Option<Rewriting>,
    doubtful_below: Duration,
    /// True if the upstream is GitHub itself: svm knows the archive host of no other server.
    has_archives: bool,
    policy: Arc<Policy>,
    resources: TwoHitCache<str, Arc<Resource>>,
    client_tokens: ClientTokens,
}

/// The meaning of a path and its query.
struct Resource {
    target: Arc<Target>,
    /// The URL of the bytes, if the resource is an archive.
    archive: Option<String>,
    /// True if the path names a release by its tag or as the latest: if it is absent, it may still
    /// be published.
    is_release: bool,
}

/// A resource, and the form of the answer that a client chooses.
struct Choice {
    resource: Arc<Resource>,
    /// The target in the representation that the client wants.
    target: Arc<Target>,
    chosen: Chosen,
}

/// The reason for refusing a request before it reaches the cache.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("not a path of GitHub's API that is served")]
    NotFound,
    #[error("not a GET or a HEAD")]
    ReadOnly,
    #[error("another representation than the ones of GitHub's API")]
    MediaType,
    #[error("another version of GitHub's API than the ones that are served")]
    ApiVersion,
    #[error("{0}")]
    Invalid(target::Error),
}

impl Mirror {
    pub(super) fn new(
        documents: Arc<Documents>,
        config: MirrorConfig,
        policy: Arc<Policy>,
        client_tokens: ClientTokens,
    ) -> Self {
        let MirrorConfig { root, public_url, max_bytes, doubtful_below } = config;
        let replacement = public_url.as_ref().and_then(|url| replacement(&root, url));
        Self {
            documents,
            has_archives: root == ApiRoot::default(),
            root,
            public_url,
            rewriting: replacement.map(|replacement| Rewriting::new(replacement, max_bytes)),
            doubtful_below,
            policy,
            resources: TwoHitCache::with_slots(SLOTS),
            client_tokens,
        }
    }

    /// Returns the URL at which the client reaches svm.
    fn base(&self, req: &Request) -> Option<String> {
        match &self.public_url {
            Some(url) => Some(url.as_str().to_owned()),
            None => base::of(req, &self.documents.proxies),
        }
    }

    /// Returns the resource that a request names, and the form of the answer that the client
    /// chooses.
    fn read(&self, req: &Request, path: &str, fields: RequestFields) -> Result<Choice, Refusal> {
        if !is_document(path) {
            return Err(Refusal::NotFound);
        }
        if !reads(req.method()) {
            return Err(Refusal::ReadOnly);
        }
        let resource = self.parse(req, path)?;
        let chosen = match fields.has(Field::Accept) {
            true => media::choose(req.headers(), self.root.below(&resource.target)),
            false => Chosen::Json(Representation::Default),
        };
        let version = match fields.has(Field::ApiVersion) {
            true => version(req)?,
            false => Representation::Default,
        };
        let representation = match (chosen, version) {
            (Chosen::Nothing, _) => return Err(Refusal::MediaType),
            // svm has no rendered texts in the newer version, so it ignores `Accept` here.
            (_, Representation::Version2026) => Representation::Version2026,
            (Chosen::Json(representation), _) => representation,
            (Chosen::Download, _) => Representation::Default,
        };
        let target = match representation {
            Representation::Default => Arc::clone(&resource.target),
            other => Arc::new(Target::clone(&resource.target).in_representation(other)),
        };
        Ok(Choice { resource, target, chosen })
    }

    fn parse(&self, req: &Request, path: &str) -> Result<Arc<Resource>, Refusal> {
        let parse = || {
            let query = req.uri().query().unwrap_or_default();
            if has_hash(path) || has_hash(query) {
                return Err(Refusal::Invalid(target::Error::Fragment));
            }
            let target = self.root.target(path, query, &self.policy);
            let target = target.map_err(|error| match error {
                target::Error::PathNotAllowed | target::Error::HostNotAllowed => Refusal::NotFound,
                error => Refusal::Invalid(error),
            })?;
            self.resource(target).map(Arc::new)
        };
        let raw = req.uri().path_and_query().map_or(path, |raw| raw.as_str());
        if raw.len() > LONGEST { parse() } else { self.resources.get(raw, parse) }
    }

    /// Returns the meaning of a target. svm fetches no archive; an archive whose place is unknown
    /// counts as absent.
    fn resource(&self, target: Target) -> Result<Resource, Refusal> {
        let path = self.root.below(&target);
        let is_release = paths::is_release(path);
        let archive = if self.has_archives { downloads::of_archive(&target) } else { None };
        if archive.is_none() && downloads::is_archive(path) {
            return Err(Refusal::NotFound);
        }
        Ok(Resource { target: Arc::new(target), archive, is_release })
    }

    async fn document(
        &self,
        req: &Request,
        res: &mut Response,
        Choice { resource, target, chosen }: Choice,
        arrival: &Arrival,
    ) -> LogFields {
        if let Some(location) = &resource.archive {
            render::redirect(req, res, location);
            return LogFields { target: Some(target), ..LogFields::default() };
        }
        let wanted = Wanted { target, demand: Demand::Cached };
        if let Chosen::Download = chosen {
            let path = self.root.below(&resource.target);
            let form = Download { mirror: self, path };
            return self.documents.answer(req, res, wanted, arrival, &form).await;
        }
        let representation = wanted.target.representation();
        let form = AsGitHub { mirror: self, representation, is_release: resource.is_release };
        self.documents.answer(req, res, wanted, arrival, &form).await
    }
}

impl Page for Mirror {
    // The mirror answers other methods itself.
    const READS_ONLY: bool = false;
    const IS_SHED: bool = true;
    const FAILS_AS_GITHUB: bool = true;

    async fn answer(&self, req: &Request, res: &mut Response, arrival: &Arrival) -> LogFields {
        if arrival.fields.has(Field::Authorization) {
            self.client_tokens.watch(req.headers());
        }
        let page = paths::ApiPage::of(req.uri().path());
        if let Some(page) = page.filter(|_| reads(req.method())) {
            page.answer(req, res, self.base(req), arrival.at);
            return LogFields::default();
        }
        let path = without_prefix(req.uri().path());
        let read = match page {
            Some(_) => Err(Refusal::ReadOnly),
            None => self.read(req, path, arrival.fields),
        };
        match read {
            Ok(read) => self.document(req, res, read, arrival).await,
            Err(refusal) => {
                let rule = refusal.to_string();
                render::mark_refused(res);
                match refusal {
                    Refusal::NotFound => render::not_found(req, res),
                    Refusal::ReadOnly => render::read_only(req, res),
                    Refusal::MediaType => render::unsupported_media_type(req, res),
                    Refusal::ApiVersion => render::unknown_api_version(req, res),
                    Refusal::Invalid(_) => render::invalid(req, res, &rule),
                }
                self.documents.count_refusal(arrival, &rule, None)
            }
        }
    }
}

/// Returns the representation for the API version that a client wants.
fn version(req: &Request) -> Result<Representation, Refusal> {
    match req.headers().get(API_VERSION) {
        None => Ok(Representation::Default),
        Some(version) if version == DEFAULT_VERSION => Ok(Representation::Default),
        Some(version) if version == OTHER_VERSION => Ok(Representation::Version2026),
        Some(_) => Err(Refusal::ApiVersion),
    }
}

/// Returns the replacement of URLs in bodies; `None` if svm has the same address as the upstream.
fn replacement(root: &ApiRoot, public_url: &PublicUrl) -> Option<Replacement> {
    let (upstream, own) = (root.to_string(), public_url.as_str());
    (upstream != own).then(|| Replacement::new(&upstream, &paths::url(own, ENTERPRISE)))
}

/// The form of an answer that looks like GitHub's.
struct AsGitHub<'a> {
    mirror: &'a Mirror,
    representation: Representation,
    /// True if the path names a release by its tag or as the latest.
    is_release: bool,
}

impl Form for AsGitHub<'_> {
    const FAILS_AS_GITHUB: bool = true;

    fn answer(&self, req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize> {
        let page = || Some(paths::url(&self.mirror.base(req)?, req.uri().path()));
        let form = self.rewritten(given.answer);
        let form = form.map(|(rewriting, body)| rewriting.find_or_make(body));
        let form = render::Sent { representation: self.representation, body: form.as_ref() };
        render::answer(req, res, given, form, page)
    }

    fn is_ready(&self, answer: &Answer) -> bool {
        self.rewritten(answer).is_none_or(|(rewriting, body)| rewriting.find(body).is_some())
    }

    async fn prepare(&self, answer: &Answer) {
        if let Some((rewriting, body)) = self.rewritten(answer) {
            rewriting.make(body.clone()).await;
        }
    }

    fn wants_another(&self, answer: &Answer) -> bool {
        match &answer.given {
            Payload::Document(entry) => doubts::lacks_pages(entry),
            Payload::Passed { .. } => {
                self.is_release && doubts::is_doubtful(&answer.status, self.mirror.doubtful_below)
            }
            Payload::Failed { .. } => false,
        }
    }
}

impl AsGitHub<'_> {
    /// Returns the body of an answer, and the rewriting of its URLs, if they are to lead to svm.
    fn rewritten<'b>(&self, answer: &'b Answer) -> Option<(&Rewriting, &'b Body)> {
        Some((self.mirror.rewriting.as_ref()?, &answer.document()?.body))
    }
}

/// The form of an answer to a client that wants the bytes of an asset: a redirect.
struct Download<'a> {
    mirror: &'a Mirror,
    /// The path of the asset's document below the root of the API.
    path: &'a str,
}

impl Form for Download<'_> {
    const FAILS_AS_GITHUB: bool = true;

    fn answer(&self, req: &Request, res: &mut Response, given: Given<'_>) -> Option<usize> {
        let Some(entry) = given.answer.document() else {
            return render::answer(req, res, given, render::Sent::default(), || None);
        };
        match downloads::of_asset(entry, self.path, &self.mirror.root.site()) {
            Some(location) => render::redirect(req, res, &location),
            None => render::not_found(req, res),
        }
        None
    }
}
