//! The interval between two checks of a document: a check costs no more than it is worth.
//!
//! Pure. A check is worth its cost if a client requests the document before the next check. That
//! becomes less likely with the time since the last use, so the interval grows with that time. A
//! charged check costs more than a free one, so each charged check without a later use doubles the
//! interval. A use resets both. A document in steady use is checked in each interval.

use std::time::Duration;

use super::charges::Charges;
use super::{Active, Mutability, PINNED_INTERVAL};
use crate::clock::Timestamp;

/// The interval grows by the time without use, divided by this. With an interval of a minute, a
/// document that was last used an hour ago is checked half as often, and one that was last used a
/// week ago is checked every three hours.
const SHARE_OF_IDLE: u32 = 60;

/// Returns the time from a check at `checked_at` to the next one. `interval` is the one of a
/// document in steady use.
pub fn until_next(active: &Active, checked_at: Timestamp, interval: Duration) -> Duration {
    let idle = checked_at.since(active.used_at);
    let by_use = interval + idle / SHARE_OF_IDLE;
    let by_charges = interval.saturating_mul(doubled(active.charges, active.used_at));
    let by_mutability =
        if active.mutability == Mutability::Pinned { PINNED_INTERVAL } else { interval };
    by_use.max(by_charges).max(by_mutability)
}

/// Returns two to the power of the charged checks since the last use.
fn doubled(charges: Charges, used_at: Timestamp) -> u32 {
    1_u32.checked_shl(charges.unused(used_at)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::Key;

    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const USED: Timestamp = Timestamp::from_secs(1_000_000);

    fn document() -> Active {
        Active {
            key: Key::of("a document"),
            uses: 1,
            used_at: USED,
            check: None,
            charges: Charges::default(),
            mutability: Mutability::Mutable,
        }
    }

    /// Returns the times of the checks of a document that is used at `uses`, from [`USED`] on for
    /// the time `until`.
    fn checks(uses: &[Timestamp], is_charged: bool, until: Duration) -> Vec<Timestamp> {
        let (mut document, mut at, mut checks) = (document(), USED, Vec::new());
        loop {
            at = at + until_next(&document, at, MINUTE);
            if at > USED + until {
                return checks;
            }
            let before = uses.iter().filter(|used_at| **used_at <= at);
            document.used_at = before.max().copied().unwrap_or(USED);
            document.charges = document.charges.with(is_charged, document.used_at, at);
            checks.push(at);
        }
    }

    #[test]
    fn a_document_in_steady_use_is_checked_in_each_interval() {
        let uses: Vec<_> = (0..60).map(|minute| USED + MINUTE * minute).collect();
        for is_charged in [false, true] {
            assert_eq!(checks(&uses, is_charged, MINUTE * 60).len(), 60);
        }
    }

    #[test]
    fn the_interval_grows_with_the_time_since_the_last_use() {
        let hour = checks(&[], false, MINUTE * 60).len();
        assert!((40..45).contains(&hour), "{hour} in an hour");
        let week = checks(&[], false, DAY * 7).len();
        assert!((300..320).contains(&week), "{week} in a week");
    }

    #[test]
    fn charged_checks_without_use_double_the_interval() {
        let minutes =
            checks(&[], true, DAY * 7).into_iter().map(|at| at.since(USED).as_secs() / 60);
        let minutes: Vec<_> = minutes.collect();
        assert_eq!(minutes, [1, 3, 7, 15, 31, 63, 127, 255, 511, 1_023, 2_047, 4_095, 8_191]);
    }

    #[test]
    fn a_use_sets_the_interval_back() {
        let used_again = USED + MINUTE * 10;
        let checks = checks(&[used_again], true, MINUTE * 20);
        let minutes: Vec<_> = checks.iter().map(|at| at.since(USED).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 3, 7, 15, 17]);
    }

    #[test]
    fn a_pinned_document_is_checked_once_a_day() {
        let pinned = Active { mutability: Mutability::Pinned, ..document() };
        assert_eq!(until_next(&pinned, USED, MINUTE), DAY);
        assert_eq!(until_next(&pinned, USED, DAY * 2), DAY * 2);
    }

    proptest! {
        /// No interval is shorter than the one of a document in steady use. Later checks of an
        /// unused document never lie closer together. A charged check never makes the next one come
        /// sooner.
        #[test]
        fn the_interval_grows_with_idleness_and_with_charges(
            idle in 0..10_000_000u64,
            more in 0..10_000_000u64,
            charged in 0..40u32,
        ) {
            let at = |seconds| USED + Duration::from_secs(seconds);
            let with = |charged: u32| Active {
                charges: (1..=charged).fold(Charges::default(), |charges, after| {
                    charges.with(true, USED, USED + Duration::from_millis(after.into()))
                }),
                ..document()
            };
            let interval = until_next(&with(charged), at(idle), MINUTE);
            prop_assert!(interval >= MINUTE);
            prop_assert!(until_next(&with(charged), at(idle + more), MINUTE) >= interval);
            prop_assert!(until_next(&with(charged + 1), at(idle), MINUTE) >= interval);
            let used = Active { used_at: at(idle), ..with(charged) };
            prop_assert_eq!(until_next(&used, at(idle), MINUTE), MINUTE);
        }
    }
}
