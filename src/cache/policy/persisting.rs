//! The choice of entries for the persistent tier, and the time for which it keeps them.
//!
//! Pure, as all of the policy.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{CLOCK_DIFFERENCE, Entry, Pin};

use super::lifetime::{lifetime, stale_if_error};

/// An expired entry is kept at least this long, for its validator.
const KEEP_EXPIRED_AT_LEAST: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the time until which an entry is useful: as a copy, or for its validator.
pub(in crate::cache) fn keep_until(entry: &Entry, rules: &config::Cache) -> Timestamp {
    entry.times.expires_at + stale_if_error(entry, rules).max(KEEP_EXPIRED_AT_LEAST)
}

/// Returns true if a revalidated entry is worth a write to the persistent tier.
///
/// Not every revalidation is: a store full of active documents would be rewritten every minute.
///
/// After a step back of the clock, the record lies in the future. It is replaced, since svm would
/// believe it once that time comes. A record that was written before `lost_at`, the time at which
/// the tier lost its contents, no longer exists.
pub(in crate::cache) fn is_worth_persisting(
    entry: &Entry,
    lost_at: Timestamp,
    rules: &config::Cache,
) -> bool {
    let persisted = entry.persisted.expiry();
    let checked_at = entry.times.checked_at;
    let is_lost = persisted <= lost_at + lifetime(entry, checked_at, rules);
    let moved_by = entry.times.expires_at.since(persisted);
    let was_ahead = persisted > entry.times.expires_at + CLOCK_DIFFERENCE;
    let is_new = is_lost || was_ahead || moved_by > rules.hard_ttl / 10;
    is_certain(entry) && is_new
}

/// Returns true if an entry may replace or remove the record of another replica.
///
/// After a check by date it may not: the record with the later check replaces the other one, and a
/// date may confirm an older body than the one that another replica has fetched. It may for a
/// pinned release, whose bodies differ in download counts only: svm checks it by date for weeks. A
/// refusal may not either: it says nothing about the stored body.
pub(in crate::cache) fn is_certain(entry: &Entry) -> bool {
    let is_pinned = |pin: Pin| pin.is_pinned_release(entry.times.checked_at);
    let is_sure = entry.times.last_check_was_full() || entry.extras.pin().is_some_and(is_pinned);
    is_sure && entry.extras.refusal().is_none()
}
