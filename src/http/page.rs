//! The trait of a page, and the facts about a request that pages and the access log share.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Extensions;
use salvo::http::ReqBody;
use salvo::{Request, Response};

use crate::cache::Status;
use crate::clock::{Stopwatch, Timestamp};
use crate::config::redacted::redacted;
use crate::target::Target;
use crate::telemetry::{RareFields, RequestId};

use super::request_fields::RequestFields;

/// The handler of a path.
pub(super) trait Page: Send + Sync + 'static {
    /// True if the route answers methods other than GET and HEAD with a `405`. If false, the page
    /// itself answers every method.
    const READS_ONLY: bool = true;
    /// True if the route refuses requests for the page on a spare connection.
    const IS_SHED: bool = false;

    /// True if errors have the form of GitHub's.
    const FAILS_AS_GITHUB: bool = false;

    /// True if programs request the page all the time, so that successful requests get no access
    /// line, unless they ask about a document.
    const IS_PROBE: bool = false;

    /// True if the page reads the body of a request.
    const RECEIVES: bool = false;

    /// Receives the body of a request, before `answer`, and returns what `answer` finds in the
    /// extensions of the request. The route calls it only if `RECEIVES` is true.
    fn receive(&self, _: &Request, _: &mut ReqBody) -> impl Future<Output = Extensions> + Send {
        std::future::ready(Extensions::new())
    }

    /// Answers a request: a GET or a HEAD if `READS_ONLY` is true, otherwise any method.
    fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        arrival: &Arrival,
    ) -> impl Future<Output = LogFields> + Send;
}

impl LogFields {
    /// Returns the log fields of a request that breaks `rule`. `url` is the requested URL, if the
    /// path does not show it.
    pub(super) fn of_refusal(rule: &str, url: Option<String>) -> Self {
        let rule = Some(redacted(rule).into_owned());
        let rare = Some(Box::new(RareFields { rule, url, ..RareFields::default() }));
        Self { rare, ..Self::default() }
    }

    /// Returns true if the request asked about a document, be it allowed or refused.
    pub(super) fn has_question(&self) -> bool {
        self.target.is_some() || self.rare.is_some()
    }
}

/// The arrival of a request. Pages use this reading of the clock where they can, since a new
/// reading costs as much as an L1 lookup.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The time of the arrival.
    pub(super) at: Timestamp,
    /// The time since the arrival.
    pub(super) stopwatch: Stopwatch,
    /// The id of the request.
    pub(super) id: RequestId,
    /// The header fields of the request.
    pub(super) fields: RequestFields,
    /// The document that the request waits for, if L1 cannot answer it.
    pub(super) awaited: OnceLock<Arc<Target>>,
}

/// The facts about an answer that the access log needs in addition to the head.
#[derive(Debug, Default)]
pub(super) struct LogFields {
    /// The requested document.
    pub(super) target: Option<Arc<Target>>,
    /// The cache status of the answer.
    pub(super) cache: Option<Status>,
    /// The client's address, if already known.
    pub(super) client: Option<IpAddr>,
    /// The duration, if already measured.
    pub(super) took: Option<Duration>,
    /// The age of the document in seconds.
    pub(super) age: Option<u64>,
    /// The fields that most lines do not have.
    pub(super) rare: Option<Box<RareFields>>,
}
