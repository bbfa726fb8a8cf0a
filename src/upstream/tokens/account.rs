//! The quota of one account, which all its tokens share.

use std::time::Duration;

use crate::clock::{Period, Timestamp};
use crate::upstream::cooldown::Cooldown;
use crate::upstream::rate_limit::{LONGEST_WINDOW, Limit, Quota};

use super::allowance::Budget;
use super::meter::{Meter, QuotaReading};
use super::quota_windows::QuotaWindows;

/// The wait of the background while only the requests in progress reduce the quota below the
/// threshold.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The charged `304` answers in a row that show that GitHub charges the account for them. Some may
/// be calls of other programs or replicas.
const CHARGES_IN_A_ROW: u8 = 10;

/// The state of an account, as answers show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    windows: QuotaWindows,
    /// Lasts until the reset of a spent window.
    spent: Period,
    secondary: Cooldown,
    /// Requests in progress whose cost is not booked yet.
    under_way: u64,
    background: Charged,
    meter: Meter,
    /// The last `304` answers in a row that were charged.
    charged_not_modified: u8,
}

/// The charged calls of the background, until the end of their window.
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

    /// Returns true if at least `threshold` requests are left, where requests in progress count as
    /// spent. An unknown quota counts as enough.
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

    /// Books the quota in an answer, unless its window is implausible.
    pub(super) fn book(&mut self, quota: Quota, now: Timestamp) {
        if quota.reset_at <= now + LONGEST_WINDOW {
            self.windows.book(quota, now);
        }
    }

    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.secondary.succeeded(now);
    }

    /// Begins the cooldown for a limit; returns false if the limit does not concern the account.
    pub(super) fn cool_down(&mut self, limit: Limit, now: Timestamp) -> bool {
        match limit {
            Limit::Primary { reset_at: Some(reset_at) } if reset_at > now => {
                let window = Period::new(now, reset_at.min(now + LONGEST_WINDOW));
                self.spent = self.spent.later(window, now);
            }
            // A reset in the past comes from a wrong clock; the window is spent nevertheless.
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

    /// Counts a request that is sent.
    pub(super) fn reserve(&mut self) {
        self.meter.begin(self.under_way);
        self.under_way += 1;
    }

    /// Ends a request whose cost is booked, or will stay unknown.
    pub(super) fn release(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.meter.end();
    }

    /// Reads the used quota in an answer. Returns whether the call was charged, if that can be
    /// known.
    pub(super) fn read_meter(&mut self, reading: QuotaReading) -> Option<bool> {
        self.meter.read(reading)
    }

    /// Records whether a `304` was charged.
    pub(super) fn saw_not_modified(&mut self, charged: bool) {
        let before = if charged { self.charged_not_modified } else { 0 };
        self.charged_not_modified = before.saturating_add(u8::from(charged));
    }

    /// Returns true if GitHub charges this account for `304` answers.
    pub(super) fn charges_not_modified(&self) -> bool {
        self.charged_not_modified >= CHARGES_IN_A_ROW
    }

    /// Merges the state of another token that turned out to share the account.
    pub(super) fn merge(&mut self, other: &Self, now: Timestamp) {
        self.windows.merge(&other.windows, now);
        self.spent = self.spent.later(other.spent, now);
        self.secondary = self.secondary.later(other.secondary, now);
        self.under_way += other.under_way;
        self.charged_not_modified = self.charged_not_modified.max(other.charged_not_modified);
        let calls = self.background.count(now) + other.background.count(now);
        let window = self.background.window.later(other.background.window, now);
        self.background = Charged { calls, window };
    }

    /// Returns the deciding quota, while its window lasts.
    pub(super) fn known(&self, now: Timestamp) -> Option<Quota> {
        self.windows.deciding(now)
    }

    /// Returns the remaining requests, and the limit. After the end of a window, all requests
    /// remain; before the first answer, both numbers are zero.
    pub(super) fn budget(&self, now: Timestamp) -> (u64, u64) {
        self.windows.budget(now)
    }

    /// Returns the budget of the background for charged calls, above the threshold.
    pub(super) fn background_budget(&self, threshold: u64, now: Timestamp) -> Budget {
        if self.cools_down_until(now) > now {
            return Budget::NONE;
        }
        let Some(quota) = self.known(now) else { return Budget::UNKNOWN };
        let left = quota.remaining.saturating_sub(self.under_way).saturating_sub(threshold);
        Budget::of_window(left, self.background.count(now), quota.reset_at.since(now), now)
    }

    /// Counts a charged answer to the background.
    pub(super) fn charged_background(&mut self, now: Timestamp) {
        let Some(quota) = self.known(now) else { return };
        let calls = self.background.count(now) + 1;
        self.background = Charged { calls, window: Period::new(now, quota.reset_at) };
    }

    /// Returns the end of the last cooldown, which may be long past.
    pub(super) fn cools_down_until(&self, now: Timestamp) -> Timestamp {
        self.spent.ends_at(now).max(self.secondary.until(now))
    }
}
