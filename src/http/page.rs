//! The trait of a page, and the facts of a request that pages and the access log share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use salvo::{Request, Response};

use crate::cache::Status;
use crate::clock::{Stopwatch, Timestamp};
use crate::config::redacted::redacted;
use crate::target::Target;
use crate::telemetry::{RareFields, RequestId};

use super::request_fields::RequestFields;

/// The handler of a path.
pub(super) trait Page: Send + Sync + 'static {
    /// True if the page refuses other methods with a `405`.
    const EXISTS: bool = true;
    /// True if the page is refused while every connection has a request.
    const IS_SHED: bool = false;

    /// True if the requests are those of monitoring programs, which come all the time.
    const IS_PROBE: bool = false;

    /// True if the page takes the body of a request.
    const RECEIVES: bool = false;

    /// Receives the body of a request, for a page that takes one.
    fn receive(&self, _: &mut Request) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Answers a GET or a HEAD.
    fn answer(
        &self,
        req: &Request,
        res: &mut Response,
        arrival: &Arrival,
    ) -> impl Future<Output = LogFields> + Send;
}

impl LogFields {
    /// Returns the fields of a request that breaks this rule. `url` is the requested URL, if the
    /// path does not show it.
    pub(super) fn refused(rule: &str, url: Option<String>) -> Self {
        let rule = Some(redacted(rule).into_owned());
        let rare = Some(Box::new(RareFields { rule, url, ..RareFields::default() }));
        Self { rare, ..Self::default() }
    }
}

/// The arrival of a request. The clocks are read once per request, since a reading costs as much as
/// a look-up in L1.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The time of the arrival.
    pub(super) at: Timestamp,
    /// The time since the arrival.
    pub(super) stopwatch: Stopwatch,
    /// The id of the request.
    pub(super) id: RequestId,
    /// The fields of its head.
    pub(super) fields: RequestFields,
}

/// Facts of an answer that the access log needs beside the head.
#[derive(Debug, Default)]
pub(super) struct LogFields {
    /// The requested document.
    pub(super) target: Option<Arc<Target>>,
    /// The cache's part in the answer.
    pub(super) cache: Option<Status>,
    /// The client's address, if already known.
    pub(super) client: Option<IpAddr>,
    /// The duration, if already measured.
    pub(super) took: Option<Duration>,
    /// The age of the document in seconds.
    pub(super) age: Option<u64>,
    /// The fields that most lines do without.
    pub(super) rare: Option<Box<RareFields>>,
}
