//! Negative entries of documents that exist and that the upstream refuses.
//!
//! Without them, each request for such a document would cost a call. They live in L1 only, within
//! the bounds of negative entries, and a refresh ignores them. They never replace a copy that may
//! be served.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::cache::flight_result::NotStored;
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Entry, Extras, Reason, Times};
use crate::json;
use crate::upstream::{Failure, Reply};

use super::freshness::may_stand_in;

/// The lifetime of a refusal that may be lifted at any moment, such as a policy.
const A_MINUTE: Duration = Duration::from_secs(60);
/// The lifetime for a body over the limit: documents seldom shrink.
const AN_HOUR: Duration = Duration::from_secs(60 * 60);
/// The lifetime of an answer that GitHub is still computing, if it does not say for how long.
const UNFINISHED: Duration = Duration::from_secs(5);
/// The lifetime of a broken connection behind a redirect.
const BROKEN: Duration = Duration::from_secs(10);
/// The shortest lifetime, for `Retry-After: 0`.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest lifetime of a refusal while L2, which may have a copy, does not answer.
const WHILE_L2_IS_SILENT: Duration = Duration::from_secs(5);

/// Returns the negative entry that remembers why the exchange gave no document. Returns `None` if
/// the next request should try again, or if a copy is left to serve.
pub(in crate::cache) fn remember_refusal(
    url: &str,
    copy: Option<&Arc<Entry>>,
    kept: &NotStored,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Entry> {
    let has_use = |copy: &Arc<Entry>| {
        copy.is_fresh(now) || kept.is_failure() && may_stand_in(copy, now, rules)
    };
    if copy.is_some_and(has_use) {
        return None;
    }
    let (ttl, status, body) = match kept {
        NotStored::Passed(reply) => {
            (lifetime_of_reply(reply, now, rules)?, reply.status, body(reply))
        }
        NotStored::Failed(failure) => {
            let status = match failure.is_rate_limited {
                true => StatusCode::TOO_MANY_REQUESTS,
                false => StatusCode::BAD_GATEWAY,
            };
            (lifetime_of_failure(failure, now)?, status, Bytes::new())
        }
    };
    let extras = Extras::refused(kept.reason());
    Some(Entry { extras, ..Entry::new(url, status, body, Times::starting(now, ttl)) })
}

/// Returns the refusal with a lifetime of a few seconds at most. A longer one could hide a copy
/// that L2 has; without any, each request for a refused document would cost a call.
pub(in crate::cache) fn briefly(refusal: Entry, now: Timestamp) -> Entry {
    let expires_at = refusal.times.expires_at.min(now + WHILE_L2_IS_SILENT);
    Entry { times: Times { expires_at, ..refusal.times }, ..refusal }
}

/// Returns the lifetime of a remembered answer that clients get unchanged.
fn lifetime_of_reply(reply: &Reply, now: Timestamp, rules: &config::Cache) -> Option<Duration> {
    match (reply.reason(), reply.status) {
        // A limit begins a cooldown of its subject, and a failing server may recover at any moment.
        (Reason::Limited | Reason::ServerError, _) => None,
        // Another token may get the document.
        _ if reply.is_about_token => None,
        (_, StatusCode::ACCEPTED) => {
            let asked = reply.retry_at.map_or(UNFINISHED, |retry_at| retry_at.since(now));
            Some(asked.clamp(SHORTEST, AN_HOUR))
        }
        (
            _,
            StatusCode::CONFLICT
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
        ) => Some(rules.negative_ttl),
        _ => Some(A_MINUTE),
    }
}

/// Returns the lifetime of a remembered failure.
fn lifetime_of_failure(failure: &Failure, now: Timestamp) -> Option<Duration> {
    // The redirect has cost a call, although its target could not be asked.
    let is_behind_redirect = failure.status.is_some_and(|status| status.is_redirection());
    match failure.reason {
        Reason::TooLarge => Some(AN_HOUR),
        reason if reason.is_bad_answer() => Some(A_MINUTE),
        Reason::Limited | Reason::Unreachable if is_behind_redirect => {
            let wait = failure.retry_at.map_or(BROKEN, |retry_at| retry_at.since(now));
            Some(wait.clamp(SHORTEST, A_MINUTE))
        }
        _ => None,
    }
}

/// Returns the body to remember. If it is not JSON, clients get the status only.
fn body(reply: &Reply) -> Bytes {
    if json::is_valid(&reply.body) { reply.body.clone() } else { Bytes::new() }
}
