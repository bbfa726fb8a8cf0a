//! The budget of one account, which all of its tokens spend together.

use std::time::Duration;

use crate::clock::{Period, Timestamp};
use crate::upstream::cooldown::Cooldown;
use crate::upstream::rate_limit::{LONGEST_WINDOW, Limit, Quota};

use super::allowance::Budget;
use super::meter::{Meter, QuotaReading};
use super::quota_windows::QuotaWindows;

/// The wait where only answers in progress keep the background from going on.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The knowledge of an account, from its answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    windows: QuotaWindows,
    /// Until the reset of a spent window.
    spent: Period,
    secondary: Cooldown,
    /// Requests that were sent and whose cost is not booked yet.
    under_way: u64,
    background: Charged,
    meter: Meter,
}

/// Calls of the background that were charged, until the window ends that they were charged to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Charged {
    calls: u64,
    window: Period,
}

impl Charged {
    fn count(&self, now: Timestamp) -> u64 {
        if self.window.goes_on(now) { self.calls } else { 0 }
    }
}

impl Account {
    /// Returns when the account may be used again; `now` if it may.
    pub(super) fn usable_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.cools_down_until(now))
    }

    /// Returns true if at least `threshold` requests are left, those under way counted as spent; an
    /// unknown quota counts as enough.
    pub(super) fn has(&self, threshold: u64, now: Timestamp) -> bool {
        let left = |quota: Quota| quota.remaining.saturating_sub(self.under_way);
        self.known(now).is_none_or(|quota| left(quota) >= threshold)
    }

    /// Returns when the account is usable and has at least `threshold` requests left.
    pub(super) fn has_at(&self, threshold: u64, now: Timestamp) -> Timestamp {
        let usable_at = self.usable_at(now);
        match self.windows.short_until(threshold, now) {
            Some(until) => usable_at.max(until),
            None if self.has(threshold, now) => usable_at,
            None => usable_at.max(now + A_MOMENT),
        }
    }

    /// Books what an answer showed, unless it is of a window that no clock of GitHub's would show.
    pub(super) fn book(&mut self, quota: Quota, now: Timestamp) {
        if quota.reset_at <= now + LONGEST_WINDOW {
            self.windows.book(quota, now);
        }
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.secondary.succeeded(now);
    }

    /// Begins the cooldown of a limit that is about the account; `false` if it is about another
    /// subject.
    pub(super) fn cool_down(&mut self, limit: Limit, now: Timestamp) -> bool {
        match limit {
            Limit::Primary { reset_at: Some(reset_at) } if reset_at > now => {
                let window = Period::new(now, reset_at.min(now + LONGEST_WINDOW));
                self.spent = self.spent.later(window, now);
            }
            // A reset that has passed is one by a clock that is not ours: this window is spent all
            // the same.
            Limit::Primary { .. } => self.secondary.begin(None, now, LONGEST_WINDOW),
            Limit::Secondary { retry_after } => {
                self.secondary.begin(retry_after, now, LONGEST_WINDOW);
            }
            Limit::Host { .. } | Limit::Address { .. } | Limit::OtherResource { .. } => {
                return false;
            }
        }
        true
    }

    /// A request is sent.
    pub(super) fn reserve(&mut self) {
        self.meter.begin(self.under_way);
        self.under_way += 1;
    }

    /// The cost of a request is booked, or will never be known.
    pub(super) fn release(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.meter.end();
    }

    /// Reads what an answer shows of the use of quota; returns whether the call was charged, if
    /// that can be known.
    pub(super) fn read_meter(&mut self, reading: QuotaReading) -> Option<bool> {
        self.meter.read(reading)
    }

    /// The two turned out to be one.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp) {
        self.windows.merge(&other.windows, now);
        self.spent = self.spent.later(other.spent, now);
        self.secondary = self.secondary.later(other.secondary, now);
        self.under_way += other.under_way;
        let calls = self.background.count(now) + other.background.count(now);
        let window = self.background.window.later(other.background.window, now);
        self.background = Charged { calls, window };
    }

    /// The quota of the window that decides, while one lasts.
    pub(super) fn known(&self, now: Timestamp) -> Option<Quota> {
        self.windows.deciding(now)
    }

    /// Returns the rest of the quota, and its limit. A window that is over has left it all; at the
    /// start both are zero.
    pub(super) fn budget(&self, now: Timestamp) -> (u64, u64) {
        self.windows.budget(now)
    }

    /// The charged calls that the background may still make of the window, above the threshold.
    pub(super) fn background_budget(&self, threshold: u64, now: Timestamp) -> Budget {
        if self.cools_down_until(now) > now {
            return Budget::NONE;
        }
        let Some(quota) = self.known(now) else { return Budget::UNKNOWN };
        let left = quota.remaining.saturating_sub(self.under_way).saturating_sub(threshold);
        Budget::of_window(left, self.background.count(now), quota.reset_at.since(now), now)
    }

    /// An answer to the background was charged.
    pub(super) fn charged_background(&mut self, now: Timestamp) {
        let Some(quota) = self.known(now) else { return };
        let calls = self.background.count(now) + 1;
        self.background = Charged { calls, window: Period::new(now, quota.reset_at) };
    }

    /// Returns the end of the last cooldown, be it long over.
    pub(super) fn cools_down_until(&self, now: Timestamp) -> Timestamp {
        self.spent.ends_at(now).max(self.secondary.until(now))
    }
}
