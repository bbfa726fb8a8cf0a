//! The values of an explanation, as JSON.

use serde_json::{Value, json};

use crate::activity::Mutability;
use crate::cache::{Demand, Prospect, Status};
use crate::entry::Entry;

use super::facts::{CheckResult, ExplainFacts, LastCheck, at};
use super::next_check::NextCheck;
use super::sentences::sentences;

/// Returns the body of the page.
pub(super) fn of(facts: &ExplainFacts<'_>) -> Value {
    let ExplainFacts { question, explained, .. } = facts;
    let entry = explained.entry.as_deref();
    let obstacle = explained.obstacle.as_ref();
    json!({
        "url": question.target.as_str(),
        "key": question.target.key().to_string(),
        "refresh": question.demand == Demand::Refresh,
        "min_age": question.selection.min_age.map(|age| age.as_secs()),
        "pointer": question.selection.pointer.as_ref().map(ToString::to_string),
        "tier": explained.tier.as_str(),
        "stored": entry.map(|entry| stored(facts, entry)),
        "changes": explained.mutability.map(changes),
        "last_check": entry.map(|entry| last_check(facts, LastCheck::of(entry))),
        "next_check": facts.next_check.due_at().map(at),
        "next_check_waits_for": waits_for(facts.next_check),
        "call_under_way_ms": explained.call.map(|time| time.as_millis()),
        "request_now": request_now(facts),
        "no_call_possible": obstacle.map(|failure| {
            json!({ "reason": failure.reason.as_str(), "until": failure.retry_at.map(at) })
        }),
        "client_wait": facts.client_wait.map(|wait| wait.as_secs_f64().ceil()),
        "github": {
            "host": question.target.authority(),
            "failing": facts.failing.map(|failing| {
                json!({ "cause": failing.cause.as_str(), "since": at(failing.since) })
            }),
            "last_exchange_ms": facts.last_took.map(|took| took.as_millis()),
            "calls_at_once": facts.window,
        },
        "sentences": sentences(facts),
    })
}

fn stored(facts: &ExplainFacts<'_>, entry: &Entry) -> Value {
    let now = facts.explained.now;
    json!({
        "status": entry.status.as_u16(),
        "bytes": entry.body.len(),
        "age": now.since(entry.times.checked_at).as_secs(),
        "ttl": entry.seconds_left(now),
        "fetched_at": at(entry.times.fetched_at),
        "checked_at": at(entry.times.checked_at),
        "expires_at": at(entry.times.expires_at),
        "validator": entry.validators.kind().as_str(),
        "token": facts.token,
        "retry_at": entry.extras.failure().map(|failure| at(failure.retry_at)),
    })
}

fn last_check(facts: &ExplainFacts<'_>, last: LastCheck) -> Value {
    let is_failure = matches!(last.outcome, CheckResult::Failed(_));
    let cause = facts.failing.filter(|_| is_failure).map(|failing| failing.cause.as_str());
    json!({
        "at": at(last.at),
        "outcome": last.outcome.as_str(),
        "detail": last.outcome.detail(),
        "cause": cause,
    })
}

fn changes(mutability: Mutability) -> &'static str {
    match mutability {
        Mutability::Mutable => "at any time",
        Mutability::Pinned => "hardly ever",
        Mutability::Immutable => "never",
    }
}

fn waits_for(next_check: NextCheck) -> Option<&'static str> {
    match next_check {
        NextCheck::Late(_, obstacle) => Some(obstacle.as_str()),
        _ => None,
    }
}

fn request_now(facts: &ExplainFacts<'_>) -> Value {
    let limited = Status::client_limited();
    let (status, calls): (Option<&Status>, _) = match &facts.explained.prospect {
        _ if facts.limited_for().is_some() => (Some(&limited), "no"),
        Prospect::Serve(status) | Prospect::WithoutCall { status, .. } => (Some(status), "no"),
        Prospect::ServeAndRetry(status) => (Some(status), "in the background"),
        Prospect::Wait => (None, "yes"),
    };
    let outcome = status.map(|status| status.outcome.as_str());
    let detail = status.and_then(|status| status.detail).map(|detail| detail.as_str());
    json!({ "outcome": outcome, "detail": detail, "asks_github": calls })
}
