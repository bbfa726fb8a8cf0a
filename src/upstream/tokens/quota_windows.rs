//! The rate-limit windows of one account.
//!
//! GitHub may alternate between two windows for one token, and charges a request to the window in
//! its answer. All windows are kept until they end, and the one with the fewest requests left
//! decides.

use std::cmp::Reverse;
use std::time::Duration;

use crate::clock::{Period, Timestamp};
use crate::upstream::rate_limit::Quota;

/// The most windows that are kept. GitHub was observed to use two; windows that begin early add
/// more.
const MOST: usize = 4;
/// The most by which resets of one window differ. GitHub's value varies by a second; its `Date`, by
/// which the value is converted, has whole seconds, and the answer takes time to arrive.
const JITTER: Duration = Duration::from_secs(15);

/// Returns true if these are resets of one window.
pub(super) fn is_same_window(a: Timestamp, b: Timestamp) -> bool {
    a.since(b) <= JITTER && b.since(a) <= JITTER
}

/// The windows in recent answers, at most [`MOST`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QuotaWindows {
    shown: Vec<QuotaWindow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct QuotaWindow {
    quota: Quota,
    /// The period from the last answer with this window to its reset.
    lasts: Period,
}

impl QuotaWindows {
    /// Books the quota in an answer. Answers may arrive out of order: within a window, the smaller
    /// number of remaining requests is the later one.
    pub(super) fn book(&mut self, told: Quota, now: Timestamp) {
        self.add(QuotaWindow { quota: told, lasts: Period::new(now, told.reset_at) }, now);
    }

    fn add(&mut self, told: QuotaWindow, now: Timestamp) {
        let is_same =
            |known: &QuotaWindow| is_same_window(known.quota.reset_at, told.quota.reset_at);
        let joined = self.shown.iter().position(is_same);
        let joined = joined.map(|index| self.shown.swap_remove(index));
        let window = joined.map_or(told, |known| known.joined_by(told));
        // A window that has ended is kept only for its limit, until another one is shown.
        self.shown.retain(|known| known.lasts.goes_on(now));
        self.shown.push(window);
        if self.shown.len() > MOST {
            self.forget_the_fullest();
        }
    }

    /// Books all windows of another token that turned out to share the account.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp) {
        other.shown.iter().for_each(|window| self.add(*window, now));
    }

    /// Returns the deciding window: the one with the fewest requests left, and of equal ones the
    /// last to end.
    pub(super) fn deciding(&self, now: Timestamp) -> Option<Quota> {
        let least_first = |quota: &Quota| (quota.remaining, Reverse(quota.reset_at));
        self.active(now).min_by_key(least_first)
    }

    /// Returns the end of the last window with fewer than `threshold` requests left; `None` if all
    /// have enough.
    pub(super) fn short_until(&self, threshold: u64, now: Timestamp) -> Option<Timestamp> {
        let short = self.active(now).filter(|quota| quota.remaining < threshold);
        short.map(|quota| quota.reset_at).max()
    }

    /// Returns the remaining requests, and the limit. After the end of a window, all requests
    /// remain.
    pub(super) fn budget(&self, now: Timestamp) -> (u64, u64) {
        if let Some(quota) = self.deciding(now) {
            return (quota.remaining.min(quota.limit), quota.limit);
        }
        let last = self.shown.iter().max_by_key(|window| window.quota.reset_at);
        last.map_or((0, 0), |window| (window.quota.limit, window.quota.limit))
    }

    fn active(&self, now: Timestamp) -> impl Iterator<Item = Quota> {
        let active = self.shown.iter().filter(move |window| window.lasts.goes_on(now));
        active.map(|window| window.quota)
    }

    /// Removes the window with the most requests left. It does not decide while others last, and
    /// GitHub will show it again.
    fn forget_the_fullest(&mut self) {
        let places = self.shown.iter().enumerate();
        let fullest =
            places.max_by_key(|(_, window)| window.quota.remaining).map(|(place, _)| place);
        fullest.map(|place| self.shown.swap_remove(place));
    }
}

impl QuotaWindow {
    /// Merges this window with the same window in another answer.
    fn joined_by(self, told: Self) -> Self {
        let quota = Quota {
            limit: told.quota.limit,
            remaining: self.quota.remaining.min(told.quota.remaining),
            reset_at: self.quota.reset_at.max(told.quota.reset_at),
        };
        Self { quota, lasts: told.lasts.prolonged(quota.reset_at) }
    }
}
