//! The use of a stored entry: served as it is, served during an exchange, or not served.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::answer::Answer;
use crate::cache::flight::CopyUse;
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{CLOCK_DIFFERENCE, Entry};

use super::Demand;
use super::lifetime::{lifetime, stale_if_error};

/// Returns true if less than `window` has passed since `then`. Returns false for a time in the
/// future, which is from before the clock was set back.
pub(super) fn was_within(window: Duration, then: Timestamp, now: Timestamp) -> bool {
    then <= now + CLOCK_DIFFERENCE && now.since(then) < window
}

/// The use of an entry that L1 holds.
#[derive(Debug)]
pub enum Recall {
    /// Serve it.
    Serve(Answer),
    /// Serve it, and ask the upstream in the background.
    ServeAndRetry(Answer),
    /// Ask the upstream, and wait for the answer.
    Ask,
}

/// Decides the use of a stored entry now.
pub(in crate::cache) fn recall(
    entry: &Arc<Entry>,
    demand: Demand,
    now: Timestamp,
    rules: &config::Cache,
) -> Recall {
    if entry.extras.doubt().is_some() {
        return recall_in_doubt(entry, demand, now, rules);
    }
    if entry.is_fresh(now) {
        // A check by date does not satisfy a refresh.
        let fully_checked_at = entry.times.fully_checked_at;
        let asked_lately = || was_within(rules.refresh_min_interval, fully_checked_at, now);
        return match demand {
            Demand::Another | Demand::Revalidate => Recall::Ask,
            Demand::Refresh if !asked_lately() => Recall::Ask,
            Demand::Refresh | Demand::Cached => Recall::Serve(Answer::stored(entry, now, None)),
        };
    }
    match (demand, entry.extras.failure()) {
        (Demand::Cached, Some(failure)) if may_stand_in(entry, now, rules) => {
            let answer = || Answer::copy_without_call(entry, now);
            if failure.is_in_pause(now) {
                Recall::Serve(answer())
            } else if (failure.retry_at..failure.retry_at + failure.pause).contains(&now) {
                Recall::ServeAndRetry(answer())
            } else {
                Recall::Ask
            }
        }
        _ => Recall::Ask,
    }
}

/// Decides the use of an entry whose document the upstream claims is lost. The checks of the claim
/// have times of their own.
fn recall_in_doubt(
    entry: &Arc<Entry>,
    demand: Demand,
    now: Timestamp,
    rules: &config::Cache,
) -> Recall {
    let Some(doubt) = entry.extras.doubt() else { return Recall::Ask };
    let answer = || Answer::unconfirmed(entry, now);
    let is_in_pause = || entry.extras.failure().is_some_and(|it| it.is_in_pause(now));
    match demand {
        Demand::Cached if !entry.is_fresh(now) && !may_stand_in(entry, now, rules) => Recall::Ask,
        Demand::Cached if is_in_pause() => Recall::Serve(answer()),
        Demand::Cached if doubt.lacks_answer() => Recall::Ask,
        Demand::Cached if doubt.is_overdue(now) => Recall::ServeAndRetry(answer()),
        Demand::Cached => Recall::Serve(answer()),
        Demand::Refresh if was_within(rules.refresh_min_interval, doubt.asked_at, now) => {
            Recall::Serve(answer())
        }
        Demand::Refresh | Demand::Another | Demand::Revalidate => Recall::Ask,
    }
}

/// Decides whether a waiter may be served the copy that the flight has found.
pub(in crate::cache) fn serves(
    entry: &Entry,
    demand: Demand,
    now: Timestamp,
    rules: &config::Cache,
) -> CopyUse {
    match demand {
        Demand::Refresh | Demand::Another | Demand::Revalidate => CopyUse::Never,
        Demand::Cached if entry.is_fresh(now) => CopyUse::Now,
        Demand::Cached if may_stand_in(entry, now, rules) => CopyUse::AfterPatience,
        Demand::Cached => CopyUse::Never,
    }
}

/// Returns true if a copy may be served, as fresh or in place of a missing answer.
pub(super) fn is_of_use(copy: &Entry, now: Timestamp, rules: &config::Cache) -> bool {
    copy.is_fresh(now) || may_stand_in(copy, now, rules)
}

/// Returns true if an expired copy may be served in place of a missing answer.
pub(in crate::cache) fn may_stand_in(entry: &Entry, now: Timestamp, rules: &config::Cache) -> bool {
    if entry.is_negative() {
        return false;
    }
    if entry.times.begin_after(now) {
        // Its age is unknown. A step back of the clock costs no copy, unless the step is longer
        // than the time for which a copy may stand in.
        let ahead = entry.times.checked_at.since(now);
        let lifetime = lifetime(entry, entry.times.checked_at, rules);
        return !rules.stale_if_error.is_zero() && ahead < lifetime + stale_if_error(entry, rules);
    }
    now < entry.times.expires_at + stale_if_error(entry, rules)
}
