//! The rules for checks by other replicas, and the newer one of two entries.
//!
//! Pure, as all of the policy.

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{CLOCK_DIFFERENCE, Check, Entry, Times};

use super::verdict::freshened;

/// Returns the entry with the later lifetime that another replica's check gives it. Returns `None`
/// if that check concerns another body, or is not later. Clocks differ a little; a check from
/// further in the future confirms nothing.
pub(in crate::cache) fn confirmed_by_replica(
    entry: &Entry,
    check: Check,
    now: Timestamp,
    rules: &config::Cache,
) -> Option<Entry> {
    if check.at > now + CLOCK_DIFFERENCE {
        return None;
    }
    let at = check.at.min(now);
    let is_ours = check.fetched_at == entry.times.fetched_at && !entry.is_negative();
    (is_ours && at > entry.times.checked_at).then(|| freshened(entry, at, rules))
}

/// Returns true if an entry with the times `these` replaces one with `those`. An entry from the
/// future, dated by a clock that was ahead, is replaced.
pub(in crate::cache) fn is_newer(these: &Times, those: &Times, now: Timestamp) -> bool {
    !these.begin_after(now) && (these.checked_at > those.checked_at || those.begin_after(now))
}
