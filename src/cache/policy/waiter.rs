//! The answer for a waiter, derived from the result of the flight and the waiter's own demand.

use std::sync::Arc;

use http::StatusCode;

use crate::cache::answer::{Answer, Payload};
use crate::cache::flight_result::{ExchangeResult, FlightResult, NotStored};
use crate::cache::status::{Detail, Forward, Outcome, Status};
use crate::clock::Timestamp;
use crate::config;
use crate::entry::Entry;

use super::Demand;
use super::freshness::{Recall, may_stand_in, recall};

/// Returns the answer for a waiter. Returns `None` if the result does not satisfy its demand: a
/// refresh joined a flight that ended with a stored entry, or with a check by date.
pub(in crate::cache) fn answer(
    demand: Demand,
    result: &FlightResult,
    collapsed: bool,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Answer> {
    match result {
        FlightResult::Found(found) => match recall(&found.entry, demand, now, rules) {
            Recall::Serve(answer) | Recall::ServeAndRetry(answer) => {
                let detail = if found.from_l2 { Some(Detail::L2) } else { answer.status.detail };
                Some(Answer { status: Status { detail, ..answer.status }, ..answer })
            }
            Recall::Ask => None,
        },
        FlightResult::Exchange { exchanged: ExchangeResult::Freshened(entry), .. }
            if matches!(demand, Demand::Refresh | Demand::Another)
                && !entry.times.last_check_was_full() =>
        {
            None
        }
        FlightResult::Exchange { previous, exchanged } => {
            let mut answer = exchange(demand, previous.as_ref(), exchanged, now, rules);
            answer.status.collapsed = collapsed;
            Some(answer)
        }
    }
}

/// Returns the copy for a waiter whose patience ended before the upstream answered.
pub(in crate::cache) fn late(copy: &Arc<Entry>, collapsed: bool) -> Answer {
    let status = Status {
        collapsed,
        detail: Some(Detail::StaleWhileRevalidate),
        ..Status::forwarded(Outcome::Hit, Forward::Stale)
    };
    Answer::new(status, Payload::Document(Arc::clone(copy)))
}

fn exchange(
    demand: Demand,
    previous: Option<&Arc<Entry>>,
    exchanged: &ExchangeResult,
    now: Timestamp,
    rules: &config::Cache,
) -> Answer {
    let copy = previous.filter(|entry| !entry.is_negative());
    let (forward, fetched) = match (demand, copy) {
        (Demand::Refresh | Demand::Another | Demand::Revalidate, _) => {
            (Forward::Request, Outcome::Bypass)
        }
        (Demand::Cached, Some(_)) => (Forward::Stale, Outcome::Miss),
        (Demand::Cached, None) => (Forward::UriMiss, Outcome::Miss),
    };
    let forwarded =
        |outcome, status| Status { forward_status: status, ..Status::forwarded(outcome, forward) };
    let document = |entry: &Arc<Entry>| Payload::Document(Arc::clone(entry));
    let left = |entry: &Entry| Some(entry.seconds_left(now));
    match exchanged {
        ExchangeResult::Stored(entry) => {
            let status = forwarded(fetched, Some(StatusCode::OK));
            let status = Status { stored: true, ttl: left(entry), ..status };
            Answer::new(status, document(entry))
        }
        ExchangeResult::Freshened(entry) => {
            let status = forwarded(Outcome::Revalidated, Some(StatusCode::NOT_MODIFIED));
            Answer::new(Status { ttl: left(entry), ..status }, document(entry))
        }
        ExchangeResult::Forgotten(entry) => {
            let status = forwarded(fetched, Some(entry.status));
            let detail = Some(Detail::Negative);
            let status = Status { stored: true, ttl: left(entry), detail, ..status };
            Answer::new(status, Payload::negative(entry, now))
        }
        ExchangeResult::Unconfirmed { copy, .. } if demand == Demand::Cached => {
            let status = unconfirmed(forwarded(Outcome::Hit, None));
            Answer::new(Status { ttl: left(copy), ..status }, document(copy))
        }
        ExchangeResult::Unconfirmed { claimed, .. } => {
            let status = unconfirmed(forwarded(fetched, Some(claimed.status)));
            let given = match claimed.is_negative() {
                true => Payload::negative(claimed, now),
                false => document(claimed),
            };
            Answer::new(status, given)
        }
        ExchangeResult::NotStored(kept) => {
            let stand_in = copy.filter(|copy| {
                demand == Demand::Cached && kept.is_failure() && may_stand_in(copy, now, rules)
            });
            match stand_in {
                Some(copy) => stood_in(copy, kept, now),
                None => refused(kept, forwarded(fetched, kept.status()), now),
            }
        }
    }
}

fn unconfirmed(status: Status) -> Status {
    Status { detail: Some(Detail::Unconfirmed), ..status }
}

/// Returns the copy in place of a failure. A fresh copy is an ordinary hit: the flight asked the
/// upstream for another request, a refresh.
fn stood_in(copy: &Arc<Entry>, kept: &NotStored, now: Timestamp) -> Answer {
    if copy.is_fresh(now) {
        return Answer::stored(copy, now, None);
    }
    if kept.reason().is_without_call() {
        return Answer::copy_without_call(copy, now);
    }
    let status = Status {
        forward_status: kept.status(),
        detail: Some(Detail::StaleIfError),
        ..Status::forwarded(Outcome::Hit, Forward::Stale)
    };
    Answer::new(status, Payload::Document(Arc::clone(copy)))
}

/// Returns the failure itself. Without a call there was no forwarding, except for a client that
/// demanded a call.
fn refused(kept: &NotStored, status: Status, now: Timestamp) -> Answer {
    let reason = kept.reason();
    let forward =
        status.forward.filter(|forward| *forward == Forward::Request || !reason.is_without_call());
    let status = Status { forward, detail: Some(Detail::Refused(reason)), ..status };
    Answer::new(status, Payload::kept(kept, now))
}
