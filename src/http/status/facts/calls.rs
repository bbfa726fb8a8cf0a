//! The last calls to GitHub.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::upstream::{CallResult, PastCall};

/// A call to GitHub.
#[derive(Debug, Serialize)]
pub(in crate::http::status) struct CallFacts {
    pub(in crate::http::status) at: Timestamp,
    pub(in crate::http::status) document: String,
    /// The status of the answer, if there was one.
    pub(in crate::http::status) status: Option<u16>,
    /// The cause of the failure, if there was no answer.
    pub(in crate::http::status) failure: Option<&'static str>,
    /// `charged`, `free`, or `none` if svm sent no token or got no answer.
    pub(in crate::http::status) cost: &'static str,
    pub(in crate::http::status) milliseconds: u64,
    pub(in crate::http::status) token: Option<usize>,
    pub(in crate::http::status) validator: &'static str,
    /// `foreground` for a client, or `background`.
    pub(in crate::http::status) priority: &'static str,
    pub(in crate::http::status) request_id: Option<String>,
}

impl From<PastCall> for CallFacts {
    fn from(call: PastCall) -> Self {
        let (status, failure) = match call.result {
            CallResult::Answered(status) => (Some(status.as_u16()), None),
            CallResult::Failed(cause) => (None, Some(cause.as_str())),
            CallResult::GivenUp => (None, Some("given-up")),
        };
        Self {
            at: call.at,
            document: call.document,
            status,
            failure,
            cost: call.cost.as_str(),
            milliseconds: u64::try_from(call.took.as_millis()).unwrap_or(u64::MAX),
            token: call.token,
            validator: call.validator.as_str(),
            priority: call.priority.as_str(),
            request_id: call.request_id,
        }
    }
}
