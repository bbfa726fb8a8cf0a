//! The consequence of an exchange for the stored entry.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::backoff::Backoff;
use crate::cache::flight_result::{ExchangeResult, NotStored};
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Entry, Extras, Moved, Reason, RecentFailure, Times};
use crate::upstream::{Failure, Redirection, Reply};

use super::freshness::may_stand_in;
use super::lifetime::lifetime;

/// The pauses after consecutive failures.
pub(super) const PAUSE: Backoff =
    Backoff { first: Duration::from_secs(10), longest: Duration::from_secs(60) };

/// Decides the consequence of an exchange for the entry.
pub(in crate::cache) fn verdict(
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
            let extras = extras.with_links(reply.links.clone());
            let extras = extras.with_notices(reply.notices.clone());
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

pub(super) fn entry(url: &str, reply: Reply, now: Timestamp, ttl: Duration) -> Entry {
    let Reply { validators, token, .. } = reply;
    let times = Times::starting(now, ttl);
    Entry { validators, token, ..Entry::new(url, reply.status, reply.body, times) }
}

/// Returns the entry with the body of the previous entry if the bytes are equal, since that body
/// may already have its gzip form.
fn with_known_form(entry: Entry, previous: Option<&Arc<Entry>>) -> Entry {
    match previous {
        Some(previous) if previous.body == entry.body => {
            Entry { body: previous.body.clone(), ..entry }
        }
        _ => entry,
    }
}

/// Returns the new place of the document, as the exchange has shown it.
fn moved(route: Redirection, previous: Option<&Arc<Entry>>, now: Timestamp) -> Option<Moved> {
    match route {
        Redirection::Direct => None,
        Redirection::Moved(to) => Some(Moved { to, seen_at: now }),
        Redirection::Remembered => previous.and_then(|previous| previous.extras.moved().cloned()),
    }
}

/// Returns the entry after a `304`.
fn confirmed(previous: &Arc<Entry>, reply: Reply, now: Timestamp, rules: &config::Cache) -> Entry {
    let mut entry = freshened(previous, now, rules);
    if reply.is_full_check {
        entry.times.fully_checked_at = now;
    }
    entry.extras = previous.extras.renewed(moved(reply.route, Some(previous), now), None);
    entry
}

/// Returns the entry with the times of a confirmation at `now`. The validators stay, since they
/// belong to the stored bytes.
pub(super) fn freshened(previous: &Entry, now: Timestamp, rules: &config::Cache) -> Entry {
    let expires_at = now + lifetime(previous, now, rules);
    let mut times = Times { checked_at: now, expires_at, ..previous.times };
    if previous.times.begin_after(now) {
        // Other known checks with this fetch time date from before the step of the clock too. They
        // would count once their time comes, so the fetch time changes, and they are no checks of
        // this entry.
        times.fetched_at = now;
    }
    let extras = previous.extras.renewed(previous.extras.moved().cloned(), None);
    Entry { times, has_adopted_check: false, extras, ..previous.clone() }
}

/// Returns the entry with the memory of a failure, if a copy may stand in. Each consecutive failure
/// doubles the pause.
pub(in crate::cache) fn remember_failure(
    entry: &Entry,
    kept: &NotStored,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Entry> {
    let asked_in_vain = kept.is_failure() && !kept.reason().is_without_call();
    if !asked_in_vain || !may_stand_in(entry, now, rules) {
        return None;
    }
    let pause = PAUSE.after(entry.extras.failure().map(|last| last.pause));
    let failure = RecentFailure { retry_at: now + pause, pause, reason: kept.reason() };
    let extras = entry.extras.renewed(entry.extras.moved().cloned(), Some(failure));
    let extras = extras.with_doubt(entry.extras.doubt().copied());
    Some(Entry { extras, ..entry.clone() })
}
