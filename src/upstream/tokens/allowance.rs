//! The allowance of the background for charged calls: its share of the quota, and the time of the
//! next such call.
//!
//! Pure. Half of the requests that are left in a window above the threshold belong to the
//! background, spread over the rest of the window. An allowance (a token bucket) fills at that
//! rate, and each call that is likely to be charged takes one call from it. A call that is charged
//! unexpectedly takes nothing from it, so documents that change for the first time do not delay
//! those in steady use; but the call counts as spent, so the rate falls.

use std::time::Duration;

use crate::clock::Timestamp;

/// The calls that may accumulate, as a share of those that are left.
const SAVED_SHARE: f64 = 0.01;

/// The charged calls that the background may make, and their rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Budget {
    /// The calls left until the windows end; infinite while no quota is known.
    pub(super) left: f64,
    /// The calls that were charged already.
    pub(super) spent: u64,
    /// The calls left above the threshold, for clients and the background.
    pub(super) above: u64,
    /// The rate per second.
    pub(super) per_second: f64,
    /// The end of the first window.
    pub(super) renewed_at: Timestamp,
}

impl Budget {
    /// The budget without any account: nothing is left.
    pub(super) const NONE: Self = Self {
        left: 0.0,
        spent: 0,
        above: 0,
        per_second: 0.0,
        renewed_at: Timestamp::from_millis(u64::MAX),
    };

    /// The budget of an account with an unknown quota, which counts as enough.
    pub(super) const UNKNOWN: Self =
        Self { left: f64::INFINITY, per_second: f64::INFINITY, ..Self::NONE };

    /// Computes the budget of a window with `left` calls above the threshold, after `spent` calls
    /// of the background. The background gets half of the sum of both.
    pub(super) fn of_window(left: u64, spent: u64, rest: Duration, now: Timestamp) -> Self {
        let above = left;
        let left = above.saturating_sub(spent) as f64 / 2.0;
        // A window that ends soon must not cause an excessive rate.
        let per_second = left / rest.as_secs_f64().max(1.0);
        Self { left, spent, above, per_second, renewed_at: now + rest }
    }

    /// Returns true if the background's share of the windows is spent. False without a charged
    /// call, and once no request is left above the threshold: then the share does not matter.
    pub(super) fn is_spent(self) -> bool {
        self.spent > 0 && self.above > 0 && self.left < 1.0
    }

    /// Returns how many calls may accumulate.
    fn savable(self) -> f64 {
        (self.left * SAVED_SHARE).max(1.0)
    }

    /// Adds the budgets of two accounts.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            left: self.left + other.left,
            spent: self.spent + other.spent,
            above: self.above + other.above,
            per_second: self.per_second + other.per_second,
            renewed_at: self.renewed_at.min(other.renewed_at),
        }
    }
}

/// The charged calls that may be made at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Allowance {
    level: f64,
    at: Timestamp,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { level: 1.0, at: Timestamp::default() }
    }
}

impl Allowance {
    /// Takes one call.
    ///
    /// # Errors
    ///
    /// The time of the next charged call, if none is allowed now.
    pub(super) fn take(&mut self, budget: Budget, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(budget, now);
        // Less than one call is left of the window; the next window decides.
        if budget.left < 1.0 {
            return Err(budget.renewed_at.max(now + Duration::from_secs(1)));
        }
        if self.level < 1.0 {
            let wait = Duration::try_from_secs_f64((1.0 - self.level) / budget.per_second);
            let at = wait.map_or(budget.renewed_at, |wait| (now + wait).min(budget.renewed_at));
            // Timestamps are whole milliseconds, and one that is rounded down would be too early.
            return Err(at + Duration::from_millis(1));
        }
        self.level -= 1.0;
        Ok(())
    }

    /// Returns true if a call could be taken now.
    pub(super) fn has_one(mut self, budget: Budget, now: Timestamp) -> bool {
        self.take(budget, now).is_ok()
    }

    /// Refunds a call that was not charged.
    pub(super) fn put_back(&mut self) {
        self.level += 1.0;
    }

    fn fill(&mut self, budget: Budget, now: Timestamp) {
        // The bound is for the first call, and for a jump of the clock: the elapsed time is unknown
        // then.
        let passed = now.since(self.at).min(Duration::from_secs(60)).as_secs_f64();
        let most = budget.savable();
        self.level = match budget.per_second.is_finite() {
            true => (self.level + budget.per_second * passed).min(most),
            false => self.level.max(1.0),
        };
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const HOUR: u64 = 3_600;

    /// A window of an hour, in which clients and the background spend calls.
    struct Window {
        left: u64,
        spent: u64,
        allowance: Allowance,
    }

    impl Window {
        fn of(left: u64) -> Self {
            Self { left, spent: 0, allowance: Allowance::default() }
        }

        fn budget(&self, second: u64) -> Budget {
            let (rest, now) =
                (Duration::from_secs(HOUR - second), NOW + Duration::from_secs(second));
            Budget::of_window(self.left, self.spent, rest, now)
        }

        /// Makes charged calls in that second, as many as the allowance lets through and at most
        /// `wanted`. Returns their number.
        fn charge(&mut self, wanted: u64, second: u64) -> u64 {
            let now = NOW + Duration::from_secs(second);
            let budget = |window: &Self| window.budget(second);
            let before = self.spent;
            while self.spent - before < wanted {
                let budget = budget(self);
                if self.allowance.take(budget, now).is_err() {
                    break;
                }
                self.left -= 1;
                self.spent += 1;
            }
            self.spent - before
        }
    }

    #[test]
    fn the_background_gets_half_of_a_window_spread_over_it() {
        let mut window = Window::of(4_900);
        let by_minute: Vec<u64> = (0..60)
            .map(|minute| (0..60).map(|second| window.charge(9, minute * 60 + second)).sum())
            .collect();
        assert!(by_minute.iter().all(|calls| (30..=66).contains(calls)), "{by_minute:?}");
        assert!((2_400..=2_450).contains(&window.spent), "{}", window.spent);
    }

    #[test]
    fn the_error_is_the_time_of_the_next_call() {
        let mut window = Window::of(7_200);
        assert_eq!(window.charge(36, 0), 36, "a hundredth is saved up at the start");
        let next = window.allowance.take(window.budget(0), NOW).expect_err("none is left");
        assert!((1_000..1_020).contains(&next.since(NOW).as_millis()), "one a second");
        assert_eq!(window.allowance.take(window.budget(0), next), Ok(()));
    }

    #[test]
    fn a_spent_budget_waits_for_the_window() {
        let budget = Budget::of_window(10, 10, Duration::from_secs(60), NOW);
        let next = Allowance::default().take(budget, NOW);
        assert_eq!(next, Err(NOW + Duration::from_secs(60)));
        assert!(Allowance::default().take(Budget::NONE, NOW).is_err());
    }

    #[test]
    fn a_budget_is_spent_by_the_background_alone() {
        let of_window = |left, spent| Budget::of_window(left, spent, Duration::from_secs(60), NOW);
        assert!(!of_window(1, 0).is_spent(), "clients have left so little");
        assert!(!of_window(0, 9).is_spent(), "the threshold decides");
        assert!(of_window(10, 9).is_spent() && !of_window(10, 8).is_spent());
        assert!(!of_window(10, 9).and(of_window(10, 0)).is_spent());
        assert!(!Budget::UNKNOWN.is_spent());
    }

    #[test]
    fn an_unknown_quota_is_enough() {
        let mut allowance = Allowance::default();
        for _ in 0..100 {
            assert_eq!(allowance.take(Budget::UNKNOWN, NOW), Ok(()));
        }
    }

    #[test]
    fn a_call_that_was_free_after_all_is_put_back() {
        let window = &mut Window::of(7_200);
        let budget = window.budget(0);
        while window.allowance.take(budget, NOW).is_ok() {}
        assert!(!window.allowance.has_one(budget, NOW));
        window.allowance.put_back();
        assert!([(); 2].iter().all(|()| window.allowance.has_one(budget, NOW)), "none is taken");
        assert_eq!(window.allowance.take(budget, NOW), Ok(()));
        assert!(window.allowance.take(budget, NOW).is_err());
    }

    proptest! {
        /// For any requests of clients, the background takes at most half of the rest, and in a
        /// minute at most its rate and the calls that have accumulated.
        #[test]
        fn charged_calls_stay_within_half_of_the_window(
            limit in 0..6_000u64,
            seconds in prop::collection::vec((0..20u64, 0..40u64), 0..HOUR as usize),
        ) {
            let mut window = Window::of(limit);
            let mut in_minute = 0;
            let mut allowed = window.budget(0);
            for (second, (by_clients, wanted)) in (0..).zip(seconds) {
                if second % 60 == 0 {
                    (in_minute, allowed) = (0, window.budget(second));
                }
                let charged = window.charge(wanted, second);
                in_minute += charged;
                // A call is taken only while at least as many calls are left for clients.
                prop_assert!(charged == 0 || window.spent <= window.left + 1);
                window.left = window.left.saturating_sub(by_clients);
                // The rate grows within a minute in which fewer calls are taken.
                let rest = (HOUR - second / 60 * 60).saturating_sub(60).max(1) as f64;
                let filled = (allowed.left * 61.0 / rest).min(allowed.left);
                let most = filled + (allowed.left * SAVED_SHARE).max(1.0) + 1.0;
                prop_assert!(in_minute as f64 <= most, "{in_minute} of {most}");
            }
            prop_assert!(window.spent <= limit / 2 + 1);
        }
    }
}
