//! The checks of other replicas, and which of two entries is the newer one.
//!
//! Pure, as all of the policy.

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{CLOCK_DIFFERENCE, Check, Entry, Times};

use super::verdict::freshened;

/// The entry with the later life that another replica's check gives it; `None` if that check was of
/// another body, or is no later. Clocks differ a little; one that is further ahead than that
/// vouches for nothing.
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

/// Returns true if an entry with these times takes the place of one with those. One from the
/// future, which a clock that was ahead has dated, gives way.
pub(in crate::cache) fn is_newer(these: &Times, those: &Times, now: Timestamp) -> bool {
    !these.begin_after(now) && (these.checked_at > those.checked_at || those.begin_after(now))
}
