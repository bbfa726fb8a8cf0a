//! The last calls to the upstream, for the status page.
//!
//! A call takes milliseconds, so the cost of a lock around a short list does not matter. The list
//! also contains the calls that their exchange aborted: dropping a [`Calling`] writes its record.

use std::collections::VecDeque;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use parking_lot::Mutex;

use crate::clock::{Stopwatch, Timestamp};
use crate::config::redacted::without_tokens;
use crate::entry::Validator;
use crate::target::{Target, label};
use crate::words::words;

use super::cause::Cause;
use super::slots::Priority;

/// The number of calls that are remembered.
const MOST: usize = 100;
/// The longest request id that is recorded; GitHub's have about 40 bytes.
const LONGEST_ID: usize = 64;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-github-request-id");

/// The last calls, the oldest first.
#[derive(Debug, Default)]
pub struct Calls(Mutex<VecDeque<PastCall>>);

/// A call to the upstream that has ended: one request, including hops and retries.
#[derive(Clone, Debug)]
pub struct PastCall {
    /// The time at which it was sent.
    pub at: Timestamp,
    /// The document, without secrets of its query.
    pub document: String,
    /// The position of its token in the configuration.
    pub token: Option<usize>,
    /// The validator that it carried.
    pub validator: Validator,
    /// The priority of its exchange.
    pub priority: Priority,
    /// The result.
    pub result: CallResult,
    /// The effect on the quota.
    pub cost: Cost,
    /// The time until the head of the answer, or until the call failed.
    pub took: Duration,
    /// GitHub's id of the request.
    pub request_id: Option<String>,
}

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallResult {
    /// The upstream answered.
    Answered(StatusCode),
    /// The upstream did not answer.
    Failed(Cause),
    /// The exchange ended before the answer came.
    GivenUp,
}

words! {
    /// The effect of a call on the quota of a token.
    pub enum Cost {
        /// It costs one request.
        Charged = "charged",
        /// It costs nothing.
        Free = "free",
        /// No token was sent, or no answer came.
        None = "none",
    }
}

impl Cost {
    /// Returns the cost by GitHub's rule: a `304` and a `401` cost nothing.
    pub(super) fn of(status: Option<StatusCode>, has_token: bool) -> Self {
        match status {
            Some(StatusCode::NOT_MODIFIED | StatusCode::UNAUTHORIZED) if has_token => Self::Free,
            Some(_) if has_token => Self::Charged,
            _ => Self::None,
        }
    }
}

impl Calls {
    /// Returns the calls, the latest first.
    pub fn latest(&self) -> Vec<PastCall> {
        self.0.lock().iter().rev().cloned().collect()
    }

    /// Begins the record of a call that is about to be sent.
    pub(super) fn begin(
        &self,
        target: &Target,
        token: Option<usize>,
        validator: Validator,
        priority: Priority,
        at: Timestamp,
    ) -> Calling<'_> {
        let call = PastCall {
            at,
            document: without_tokens(&label(&target.name())).into_owned(),
            token,
            validator,
            priority,
            result: CallResult::GivenUp,
            cost: Cost::None,
            took: Duration::ZERO,
            request_id: None,
        };
        Calling { calls: self, call: Some(call), stopwatch: Stopwatch::start() }
    }

    fn push(&self, call: PastCall) {
        let mut calls = self.0.lock();
        if calls.len() == MOST {
            calls.pop_front();
        }
        calls.push_back(call);
    }
}

/// A call that is under way.
pub(super) struct Calling<'a> {
    calls: &'a Calls,
    /// `None` after the drop only.
    call: Option<PastCall>,
    stopwatch: Stopwatch,
}

impl Calling<'_> {
    /// Records the head of the answer.
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        let took = self.stopwatch.elapsed();
        if let Some(call) = &mut self.call {
            let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
            call.request_id = id.filter(|id| id.len() <= LONGEST_ID).map(str::to_owned);
            call.cost = Cost::of(Some(status), call.token.is_some());
            (call.result, call.took) = (CallResult::Answered(status), took);
        }
    }

    /// Records that there is no answer.
    pub(super) fn failed(&mut self, cause: Cause) {
        let took = self.stopwatch.elapsed();
        if let Some(call) = &mut self.call {
            (call.result, call.took) = (CallResult::Failed(cause), took);
        }
    }

    /// Sets the cost that the quota of the account shows, which may differ from the rule.
    pub(super) fn costs(&mut self, cost: Cost) {
        if let Some(call) = &mut self.call {
            call.cost = cost;
        }
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let Some(mut call) = self.call.take() else { return };
        if call.result == CallResult::GivenUp {
            call.took = self.stopwatch.elapsed();
        }
        call.log();
        self.calls.push(call);
    }
}

impl PastCall {
    /// Logs the call. A failure has debug level, since its outage has a log line of its own.
    fn log(&self) {
        let Self { document, token, request_id: github_request_id, .. } = self;
        let (validator, priority) = (self.validator.as_str(), self.priority.as_str());
        // A number of 64 bits: the log formats larger integers as text.
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        let cost = self.cost.as_str();
        match self.result {
            CallResult::Answered(status) => {
                let status = status.as_u16();
                tracing::info!(
                    document,
                    status,
                    token,
                    validator,
                    cost,
                    priority,
                    micros,
                    github_request_id,
                    "upstream answered"
                );
            }
            CallResult::Failed(cause) => {
                let cause = cause.as_str();
                tracing::debug!(
                    document,
                    cause,
                    token,
                    priority,
                    micros,
                    "no answer from the upstream"
                );
            }
            CallResult::GivenUp => {
                tracing::debug!(document, token, priority, micros, "call abandoned");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::target::Policy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn begin(calls: &Calls, number: usize) -> Calling<'_> {
        let url = format!("https://api.github.com/repos/octo/app{number}");
        let target = Target::parse(&url, &Policy::default()).unwrap();
        calls.begin(&target, Some(0), Validator::Etag, Priority::Foreground, NOW)
    }

    #[test]
    fn the_latest_calls_are_kept() {
        let calls = Calls::default();
        (0..=MOST).for_each(|number| begin(&calls, number).failed(Cause::NotHttp));
        let latest = calls.latest();
        assert_eq!(latest.len(), MOST);
        assert_eq!(latest[0].document, format!("api.github.com/repos/octo/app{MOST}"));
        assert_eq!(latest[MOST - 1].document, "api.github.com/repos/octo/app1");
    }

    #[test]
    fn a_call_is_recorded_however_it_ends() {
        let calls = Calls::default();
        let mut answered = begin(&calls, 1);
        let id = [(REQUEST_ID, "8C0A:1F2".parse().unwrap())].into_iter().collect();
        answered.answered(StatusCode::NOT_MODIFIED, &id);
        drop(answered);
        drop(begin(&calls, 2));
        let [given_up, free] = &calls.latest()[..] else { panic!("two calls") };
        assert_eq!((given_up.result, given_up.cost), (CallResult::GivenUp, Cost::None));
        assert_eq!(free.result, CallResult::Answered(StatusCode::NOT_MODIFIED));
        assert_eq!((free.cost, free.request_id.as_deref()), (Cost::Free, Some("8C0A:1F2")));
    }

    #[test]
    fn an_overlong_request_id_is_left_out() {
        let calls = Calls::default();
        let long = [(REQUEST_ID, "x".repeat(LONGEST_ID + 1).parse().unwrap())];
        begin(&calls, 1).answered(StatusCode::OK, &long.into_iter().collect());
        assert_eq!(calls.latest()[0].request_id, None);
    }
}
