//! The rules of freshness: what a stored entry may be used for, what becomes of it, what a waiter
//! is told.
//!
//! Pure: no I/O, no clock; `now` is an argument. The rest of the cache moves entries about and asks
//! here what to do with them (RFC 9111 for freshness, RFC 5861 for the stale copy).

mod asking;
mod lifetime;
mod persisting;
mod refusal;
mod replica;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Entry, Extras, Moved, Persisted, Reason, RecentFailure, Times};
use crate::upstream::{Failure, Reply, Route};

pub(super) use asking::{asked, is_overdue};
pub(super) use lifetime::within_lifetime;
pub(super) use persisting::{is_worth_persisting, keep_until};
pub(super) use refusal::remember_refusal;
pub(super) use replica::{confirmed_by_replica, is_newer};

use super::answer::{Answer, Payload};
use super::flight::CopyUse;
use super::flight_result::{ExchangeResult, FlightResult, NotStored};
use super::status::{Detail, Forward, Outcome, Status};

/// The first rest after a failure; each further failure doubles it.
const FIRST_REST: Duration = Duration::from_secs(10);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The demand of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A fresh answer, or a copy where the rules allow one.
    Cached,
    /// An answer that the upstream vouches for now.
    Refresh,
    /// No answer, but an entry that the upstream has vouched for now: nobody waits.
    Revalidate,
}

/// The use of an entry that L1 holds.
#[derive(Debug)]
pub enum Recall {
    /// Serve it.
    Serve(Answer),
    /// Serve it, and ask the upstream in the background.
    ServeAndRetry(Answer),
    /// Ask the upstream, and wait.
    Ask,
}

/// Decides the use of a stored entry now, without asking the upstream.
pub(super) fn recall(
    entry: &Arc<Entry>,
    demand: Demand,
    now: Timestamp,
    rules: &config::Cache,
) -> Recall {
    if entry.is_fresh(now) {
        // A refresh does not take the word of a check by date.
        let fully_checked_at = entry.times.fully_checked_at;
        let asked_lately = || asking::was_within(rules.refresh_min_interval, fully_checked_at, now);
        return match demand {
            Demand::Revalidate => Recall::Ask,
            Demand::Refresh if !asked_lately() => Recall::Ask,
            Demand::Refresh | Demand::Cached => Recall::Serve(stored(entry, now, None)),
        };
    }
    match (demand, entry.extras.failure()) {
        (Demand::Cached, Some(failure)) if may_stand_in(entry, now, rules) => {
            let answer = || copy_without_call(entry, now);
            if failure.retry_at > now + failure.rest {
                // It happened before the clock was set back, nobody knows how long ago.
                Recall::Ask
            } else if now < failure.retry_at {
                Recall::Serve(answer())
            } else if now < failure.retry_at + failure.rest {
                Recall::ServeAndRetry(answer())
            } else {
                Recall::Ask
            }
        }
        _ => Recall::Ask,
    }
}

/// Decides whether a waiter may be served the copy that the flight has found.
pub(super) fn serves(
    entry: &Entry,
    demand: Demand,
    now: Timestamp,
    rules: &config::Cache,
) -> CopyUse {
    match demand {
        Demand::Refresh | Demand::Revalidate => CopyUse::Never,
        Demand::Cached if entry.is_fresh(now) => CopyUse::Now,
        Demand::Cached if may_stand_in(entry, now, rules) => CopyUse::AfterPatience,
        Demand::Cached => CopyUse::Never,
    }
}

/// Returns true if an expired copy may be served in place of an answer that does not come.
pub(super) fn may_stand_in(entry: &Entry, now: Timestamp, rules: &config::Cache) -> bool {
    if entry.is_negative() {
        return false;
    }
    if entry.times.begin_after(now) {
        // Nobody knows how old it is. A step of the clock costs no copy, as long as it is no longer
        // than a copy is used without one.
        let ahead = entry.times.checked_at.since(now);
        return !rules.stale_if_error.is_zero() && ahead < rules.hard_ttl + rules.stale_if_error;
    }
    now < entry.times.expires_at + rules.stale_if_error
}

/// Decides the consequence of an exchange for the entry.
pub(super) fn verdict(
    url: &str,
    previous: Option<&Arc<Entry>>,
    reply: Result<Reply, Failure>,
    now: Timestamp,
    rules: &config::Cache,
) -> ExchangeResult {
    let reply = match reply {
        Ok(reply) => reply,
        Err(failure) => return ExchangeResult::NotStored(NotStored::Failed(failure)),
    };
    match (reply.status, previous) {
        (StatusCode::OK, previous) => {
            let extras = Extras::new(moved(reply.route.clone(), previous, now), None);
            let entry = Entry { extras, ..entry(url, reply, now, rules.hard_ttl) };
            ExchangeResult::Stored(Arc::new(with_known_form(entry, previous)))
        }
        (StatusCode::NOT_MODIFIED, Some(previous)) => {
            ExchangeResult::Freshened(Arc::new(confirmed(previous, reply, now, rules)))
        }
        (StatusCode::NOT_MODIFIED, None) => ExchangeResult::NotStored(NotStored::Failed(
            Failure::after(StatusCode::NOT_MODIFIED, Reason::UnaskedNotModified),
        )),
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => {
            ExchangeResult::Forgotten(Arc::new(entry(url, reply, now, rules.negative_ttl)))
        }
        _ => ExchangeResult::NotStored(NotStored::Passed(reply)),
    }
}

fn entry(url: &str, reply: Reply, now: Timestamp, ttl: Duration) -> Entry {
    Entry {
        url: url.into(),
        status: reply.status,
        body: reply.body.into(),
        validators: reply.validators,
        token: reply.token,
        times: Times::starting(now, ttl),
        persisted: Persisted::default(),
        extras: Extras::default(),
    }
}

/// The entry with the body of the one before it, if the upstream has sent the same bytes again:
/// their gzip form may be made.
fn with_known_form(entry: Entry, previous: Option<&Arc<Entry>>) -> Entry {
    match previous {
        Some(previous) if previous.body == entry.body => {
            Entry { body: previous.body.clone(), ..entry }
        }
        _ => entry,
    }
}

/// Returns the new place of the document, as an exchange has shown it.
fn moved(route: Route, previous: Option<&Arc<Entry>>, now: Timestamp) -> Option<Moved> {
    match route {
        Route::Direct => None,
        Route::Moved(to) => Some(Moved { to, seen_at: now }),
        Route::Remembered => previous.and_then(|previous| previous.extras.moved().cloned()),
    }
}

/// The entry for which the upstream has vouched.
fn confirmed(previous: &Arc<Entry>, reply: Reply, now: Timestamp, rules: &config::Cache) -> Entry {
    let mut entry = freshened(previous, now, rules);
    if reply.asked_by.is_full() {
        entry.times.fully_checked_at = now;
    }
    entry.extras = Extras::new(moved(reply.route, Some(previous), now), None);
    entry
}

/// A 304 moves times alone: validators belong to the stored bytes.
fn freshened(previous: &Entry, now: Timestamp, rules: &config::Cache) -> Entry {
    let mut times = Times { checked_at: now, expires_at: now + rules.hard_ttl, ..previous.times };
    if previous.times.begin_after(now) {
        // Checks that are known by the time of the fetch are from before the step of the clock as
        // well. They would be believed when their moment comes, so they must not be checks of this
        // entry.
        times.fetched_at = now;
    }
    let extras = Extras::new(previous.extras.moved().cloned(), None);
    Entry { times, extras, ..previous.clone() }
}

/// The entry with the memory of a failure, where a copy may stand in; each failure in a row doubles
/// the rest.
pub(super) fn remember_failure(
    entry: &Entry,
    kept: &NotStored,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Entry> {
    let asked_in_vain = kept.is_failure() && !kept.reason().is_without_call();
    if !asked_in_vain || !may_stand_in(entry, now, rules) {
        return None;
    }
    let rest = entry.extras.failure().map_or(FIRST_REST, |last| (last.rest * 2).min(LONGEST_REST));
    let failure = RecentFailure { retry_at: now + rest, rest };
    let extras = Extras::new(entry.extras.moved().cloned(), Some(failure));
    Some(Entry { extras, ..entry.clone() })
}

/// Returns the answer for a waiter; `None` where these facts do not answer its demand (a refresh
/// that joined a flight which a stored entry ended, or which asked by date).
pub(super) fn answer(
    demand: Demand,
    facts: &FlightResult,
    collapsed: bool,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Answer> {
    match facts {
        FlightResult::Found { entry, from_l2 } => match recall(entry, demand, now, rules) {
            Recall::Serve(answer) | Recall::ServeAndRetry(answer) => {
                let detail = if *from_l2 { Some(Detail::L2) } else { answer.status.detail };
                Some(Answer { status: Status { detail, ..answer.status }, ..answer })
            }
            Recall::Ask => None,
        },
        FlightResult::Exchange { exchanged: ExchangeResult::Freshened(entry), .. }
            if demand == Demand::Refresh && !entry.times.last_check_was_full() =>
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

/// The copy for a waiter whose patience ended before the upstream answered.
pub(super) fn late(copy: &Arc<Entry>, collapsed: bool) -> Answer {
    let status = Status {
        collapsed,
        detail: Some(Detail::StaleWhileRevalidate),
        ..Status::forwarded(Outcome::Hit, Forward::Stale)
    };
    Answer { status, given: Payload::Document(Arc::clone(copy)) }
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
        (Demand::Refresh | Demand::Revalidate, _) => (Forward::Request, Outcome::Bypass),
        (Demand::Cached, Some(_)) => (Forward::Stale, Outcome::Miss),
        (Demand::Cached, None) => (Forward::UriMiss, Outcome::Miss),
    };
    let forwarded =
        |outcome, status| Status { forward_status: status, ..Status::forwarded(outcome, forward) };
    match exchanged {
        ExchangeResult::Stored(entry) => Answer {
            status: Status {
                stored: true,
                ttl: Some(ttl(entry, now)),
                ..forwarded(fetched, Some(StatusCode::OK))
            },
            given: Payload::Document(Arc::clone(entry)),
        },
        ExchangeResult::Freshened(entry) => Answer {
            status: Status {
                ttl: Some(ttl(entry, now)),
                ..forwarded(Outcome::Revalidated, Some(StatusCode::NOT_MODIFIED))
            },
            given: Payload::Document(Arc::clone(entry)),
        },
        ExchangeResult::Forgotten(entry) => Answer {
            status: Status {
                stored: true,
                ttl: Some(ttl(entry, now)),
                detail: Some(Detail::Negative),
                ..forwarded(fetched, Some(entry.status))
            },
            given: Payload::negative(entry, now),
        },
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

/// The copy, served in place of what the upstream failed to give. A fresh one needs no excuse: a
/// flight that asked although there was one did it for another's refresh.
fn stood_in(copy: &Arc<Entry>, kept: &NotStored, now: Timestamp) -> Answer {
    if copy.is_fresh(now) {
        return stored(copy, now, None);
    }
    if kept.reason().is_without_call() {
        return copy_without_call(copy, now);
    }
    let status = Status {
        forward_status: kept.status(),
        detail: Some(Detail::StaleIfError),
        ..Status::forwarded(Outcome::Hit, Forward::Stale)
    };
    Answer { status, given: Payload::Document(Arc::clone(copy)) }
}

/// The failure itself. Where no call was made there was no forwarding either, unless the client
/// demanded one.
fn refused(kept: &NotStored, status: Status, now: Timestamp) -> Answer {
    let reason = kept.reason();
    let forward =
        status.forward.filter(|forward| *forward == Forward::Request || !reason.is_without_call());
    Answer {
        status: Status { forward, detail: Some(Detail::Refused(reason)), ..status },
        given: Payload::kept(kept, now),
    }
}

/// The copy, served without a call in place of an answer that would fail.
fn copy_without_call(copy: &Arc<Entry>, now: Timestamp) -> Answer {
    let mut answer = stored(copy, now, Some(Detail::StaleIfError));
    if copy.times.begin_after(now) {
        // It is expired, nobody knows for how long.
        answer.status.ttl = Some(0);
    }
    answer
}

/// A stored entry as it is.
fn stored(entry: &Arc<Entry>, now: Timestamp, detail: Option<Detail>) -> Answer {
    let status = Status { detail, ..Status::hit(ttl(entry, now)) };
    if entry.is_negative() {
        let detail = detail.or(entry.extras.refusal().map(Detail::Refused));
        return Answer {
            status: Status { detail, ..status },
            given: Payload::negative(entry, now),
        };
    }
    Answer { status, given: Payload::Document(Arc::clone(entry)) }
}

/// Seconds of freshness left, rounded up as `Age` is rounded down, so that both add up to the
/// lifetime; of an expired entry, the seconds since, negated.
fn ttl(entry: &Entry, now: Timestamp) -> i64 {
    let left = entry.times.expires_at.since(now).as_millis().div_ceil(1000);
    let over = now.since(entry.times.expires_at).as_secs();
    i64::try_from(left).unwrap_or(i64::MAX) - i64::try_from(over).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
