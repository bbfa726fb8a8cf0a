//! The rules for checks by other replicas, and the newer one of two entries.
//!
//! Pure, as all of the policy.

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Check, Entry, Times};

use super::lifetime::expired;
use super::verdict::freshened;

/// Returns the entry with the later lifetime that another replica's check gives it. Returns `None`
/// if that check concerns another body, or is not later.
pub(in crate::cache) fn confirmed_by_replica(
    entry: &Entry,
    check: Check,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Entry> {
    if !check.is_plausible(now) {
        return None;
    }
    let at = check.at.min(now);
    let is_ours = check.fetched_at == entry.times.fetched_at && !entry.is_negative();
    let adopted = || Entry { has_adopted_check: true, ..freshened(entry, at, rules) };
    (is_ours && at > entry.times.checked_at).then(adopted)
}

/// Returns the entry as an expired one, if this check found a later body than that of the entry.
pub(in crate::cache) fn replaced_by_check(
    entry: &Entry,
    check: Check,
    now: Timestamp,
) -> Option<Entry> {
    let is_later = check.fetched_at > entry.times.fetched_at && check.at > entry.times.checked_at;
    (is_later && check.is_plausible(now)).then(|| expired(entry))
}

/// Returns true if an entry with the times `these` replaces one with `those`. An entry from the
/// future, dated by a clock that was ahead, is replaced.
pub(in crate::cache) fn is_newer(these: &Times, those: &Times, now: Timestamp) -> bool {
    !these.begin_after(now) && (these.checked_at > those.checked_at || those.begin_after(now))
}
