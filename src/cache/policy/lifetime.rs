//! The lifetimes of documents, and the times after them in which copies may stand in.
//!
//! Pure, as all of the policy. A record from the store lives no longer than this service would
//! allow. Another configuration, or somebody with write access to the store, may have set its
//! expiry, so the expiry is only a claim.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config;
use crate::entry::{Doubt, Entry, Pin, Times};

/// The lifetime of a pinned release. It exceeds the interval of its daily checks by one day, so
/// that no client waits for a check.
const OF_PINNED: Duration = Duration::from_secs(2 * DAY);
/// The lifetime of a document that cannot change. Memory and the store drop it sooner.
const OF_UNCHANGEABLE: Duration = Duration::from_secs(10 * 365 * DAY);
/// The time after its expiry in which the copy of a pinned release may stand in.
const PINNED_STALE_IF_ERROR: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Returns the lifetime of an entry from a check at `at`.
pub(super) fn lifetime(entry: &Entry, at: Timestamp, rules: &config::Cache) -> Duration {
    match entry.extras.pin() {
        _ if entry.is_negative() => rules.negative_ttl,
        Some(Pin::Hash) => OF_UNCHANGEABLE,
        Some(pin) if pin.is_pinned_release(at) => rules.hard_ttl.max(OF_PINNED),
        _ => rules.hard_ttl,
    }
}

/// Returns the time after its expiry in which an entry may stand in for a failing upstream.
pub(super) fn stale_if_error(entry: &Entry, rules: &config::Cache) -> Duration {
    let is_pinned = |pin: Pin| pin.is_pinned_release(entry.times.checked_at);
    // An operator who disables stale copies disables these too.
    let is_longer = !rules.stale_if_error.is_zero() && entry.extras.pin().is_some_and(is_pinned);
    if is_longer { rules.stale_if_error.max(PINNED_STALE_IF_ERROR) } else { rules.stale_if_error }
}

/// Returns the entry with its lifetime bounded by the rules from its last check. `freshness`
/// handles a check that lies in the future.
pub(in crate::cache) fn within_lifetime(entry: Arc<Entry>, rules: &config::Cache) -> Arc<Entry> {
    let latest = entry.times.checked_at + lifetime(&entry, entry.times.checked_at, rules);
    if entry.times.expires_at <= latest {
        return entry;
    }
    // The store keeps its record until the next check rewrites it.
    let times = Times { expires_at: latest, ..entry.times };
    Arc::new(Entry { times, ..Arc::unwrap_or_clone(entry) })
}

/// Returns a page as one that has expired because its list has changed. A doubt about it needs
/// another answer at once.
pub(in crate::cache) fn outdated(page: &Entry) -> Entry {
    let expired = expired(page);
    let doubt = page.extras.doubt().map(|doubt| doubt.without_answer());
    Entry { extras: expired.extras.clone().with_doubt(doubt), ..expired }
}

/// Returns the entry as one that has expired.
pub(super) fn expired(entry: &Entry) -> Entry {
    let times = Times { expires_at: entry.times.checked_at, ..entry.times };
    Entry { times, ..entry.clone() }
}

/// Returns an entry after a check as one that was checked at `at`.
pub(in crate::cache) fn checked_at(entry: &Entry, at: Timestamp) -> Entry {
    let Times { fetched_at, checked_at, fully_checked_at, expires_at } = entry.times;
    let moved = |time| if time == checked_at { at } else { time };
    let times = Times {
        fetched_at: moved(fetched_at),
        checked_at: at,
        fully_checked_at: moved(fully_checked_at),
        expires_at: at + expires_at.since(checked_at),
    };
    Entry { times, ..entry.clone() }
}

/// Returns a copy whose loss the latest answer claims, with `at` as the time of the claim.
pub(in crate::cache) fn claimed_at(copy: &Entry, at: Timestamp) -> Entry {
    let doubt = copy.extras.doubt().map(|doubt| Doubt { asked_at: at, ..*doubt });
    Entry { extras: copy.extras.clone().with_doubt(doubt), ..copy.clone() }
}

/// Returns the entry as one of which no check has shown each byte, so that the next check is full.
pub(in crate::cache) fn never_fully_checked(entry: &Arc<Entry>) -> Arc<Entry> {
    if entry.times.fully_checked_at == Timestamp::default() {
        return Arc::clone(entry);
    }
    let times = Times { fully_checked_at: Timestamp::default(), ..entry.times };
    Arc::new(Entry { times, has_adopted_check: true, ..Entry::clone(entry) })
}

/// Returns the entry with this pin, and with the lifetime that follows from it.
pub(in crate::cache) fn pinned(
    entry: Arc<Entry>,
    pin: Option<Pin>,
    rules: &config::Cache,
) -> Arc<Entry> {
    if pin.is_none() {
        return entry;
    }
    let mut entry = Arc::unwrap_or_clone(entry);
    entry.extras = entry.extras.with_pin(pin);
    let checked_at = entry.times.checked_at;
    entry.times.expires_at = checked_at + lifetime(&entry, checked_at, rules);
    Arc::new(entry)
}
