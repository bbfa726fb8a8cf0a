//! The request to the upstream about a stored entry: its validators, and whether a check by date
//! suffices.
//!
//! Pure, as all of the policy. Two facts are believed for a while: the new place of a moved
//! document, and that the date stands for its bytes.

use std::sync::Arc;
use std::time::Duration;

use crate::activity::{OVERDUE_AFTER, PINNED_INTERVAL};
use crate::cache::release;
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Entry, Moved, Pin, Validators};
use crate::target::{Target, in_repository};
use crate::upstream::{AtStake, DateCheck, Priority, Stored};

use super::freshness::{is_of_use, was_within};
use super::{Demand, pages};

/// The interval after which a permanent redirect is followed again, in case it no longer exists.
const FOLLOW_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The interval at which a pinned release that is not locked is checked in full.
const PINNED_AUDIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The validators of a request for the whole document.
const NO_VALIDATORS: &Validators =
    &Validators { etag: None, last_modified: None, follows_rule: false };

/// Returns the part of an entry that decides how to ask the upstream about it.
pub(in crate::cache) fn asked<'a>(
    entry: &'a Entry,
    target: &Target,
    demand: Demand,
    priority: Priority,
    now: Timestamp,
    rules: &config::Cache,
) -> Stored<'a> {
    // Missing links are worth a full answer for a client, but not for the background.
    let needs_links = entry.extras.lacks_links() && demand != Demand::Revalidate;
    // A full answer confirms a claim, best one for another token.
    let doubt = entry.extras.doubt();
    let is_whole =
        doubt.is_some() || needs_links || pages::may_have_other_links(entry, target, now);
    let moved = entry.extras.moved();
    let is_known = |moved: &&Moved| was_within(FOLLOW_AGAIN_AFTER, moved.seen_at, now);
    Stored {
        validators: if is_whole { NO_VALIDATORS } else { &entry.validators },
        token: entry.token,
        is_without_token: entry.came_without_token(),
        avoided: doubt.and_then(|doubt| doubt.token),
        body: entry.body.bytes(),
        fetched_at: entry.times.fetched_at,
        date_check: match (demand, priority) {
            _ if !is_whole && has_date_only(entry, target) => DateCheck::Only,
            (Demand::Revalidate, Priority::Background) if !is_whole => {
                date_check(entry, target, now, rules)
            }
            // An event, which has foreground priority, may tell of changes that do not move the
            // date.
            _ => DateCheck::Never,
        },
        moved_to: moved.filter(is_known).map(|moved| &*moved.to),
    }
}

/// Returns true if the date is the only validator of the document. That of a release does not show
/// all changes, so a release without an ETag is fetched whole.
fn has_date_only(entry: &Entry, target: &Target) -> bool {
    let Validators { etag, last_modified, .. } = &entry.validators;
    let resource = in_repository(target.path()).unwrap_or_default();
    let is_release = resource.split('/').next() == Some("releases");
    etag.is_none() && last_modified.is_some() && !is_release
}

/// Returns the copy that an absence of the document would cost. An entry that remembers a refusal
/// may have replaced a copy in L1 which L2 still has, and so may a silent L2.
pub(in crate::cache) fn at_stake(
    previous: Option<&Arc<Entry>>,
    l2_is_silent: bool,
    now: Timestamp,
    rules: &config::Cache,
) -> AtStake {
    match previous {
        Some(entry) if entry.extras.refusal().is_some() => AtStake::Unknown,
        Some(entry) if !entry.is_negative() && is_of_use(entry, now, rules) => {
            entry.token.map_or(AtStake::Unknown, AtStake::CopyOf)
        }
        None if l2_is_silent => AtStake::Unknown,
        _ => AtStake::Nothing,
    }
}

/// Returns whether a check by date suffices for the background. Downloads change a body but not its
/// date, but neither do assets that are added or replaced. So a date suffices only for a release
/// that has settled, and not for long without a full check.
fn date_check(entry: &Entry, target: &Target, now: Timestamp, rules: &config::Cache) -> DateCheck {
    let fully_checked_at = entry.times.fully_checked_at;
    // The check after this one must not be too late for a full check.
    let suffices = now + rules.check_interval <= fully_checked_at + rules.audit_interval
        && was_within(rules.audit_interval, fully_checked_at, now)
        && release::is_single(target.path());
    if entry.validators.last_modified.is_none() {
        DateCheck::Never
    } else if prefers_date(entry, now) {
        DateCheck::Preferred
    } else if suffices {
        DateCheck::If(release::has_settled)
    } else {
        DateCheck::Never
    }
}

/// Returns true if only a check by date is worth its call: downloads change the ETag of a pinned
/// release, and hardly anything else changes it. GitHub may add assets to a release that it has not
/// locked, so that one also needs full checks.
fn prefers_date(entry: &Entry, now: Timestamp) -> bool {
    match entry.extras.pin() {
        Some(Pin::Locked) => true,
        Some(pin) => {
            pin.is_pinned_release(now)
                && was_within(PINNED_AUDIT, entry.times.fully_checked_at, now)
        }
        None => false,
    }
}

/// Returns true if the check of a document in use is overdue, since more documents are in use than
/// can be checked in an interval. A hit of such a document then causes its check in the background.
pub(in crate::cache) fn is_overdue(entry: &Entry, now: Timestamp, rules: &config::Cache) -> bool {
    let interval = match entry.extras.pin() {
        Some(Pin::Hash) => return false,
        Some(pin) if pin.is_pinned_release(now) => PINNED_INTERVAL,
        _ => rules.check_interval,
    };
    now.since(entry.times.checked_at) > interval * OVERDUE_AFTER && !entry.is_negative()
}
