//! The rate-limit windows of one account. GitHub may show several in turn.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Returns a pool of one token that got these windows in answers: the remaining requests, and the
/// minutes to the reset.
fn shown(windows: &[(u64, u32)]) -> TokenPool {
    let pool = pool(1);
    for &(left, minutes) in windows {
        pool.book(nth(&pool, 0), quota(left, minutes * MINUTE), NOW);
    }
    pool
}

fn deciding(pool: &TokenPool, now: Timestamp) -> Option<(u64, Timestamp)> {
    let report = pool.reports(now)[0];
    Some((report.remaining?, report.reset_at?))
}

/// Returns when the background may send its next request.
fn background_at(pool: &TokenPool, now: Timestamp) -> Timestamp {
    let chosen = ask(pool, None, Priority::Background, &Tried::default(), now);
    chosen.map_or_else(|until| until, |_| now)
}

#[test]
fn of_two_windows_the_one_with_less_left_decides() {
    for windows in [[(99, 22), (4955, 43)], [(4955, 43), (99, 22)]] {
        let pool = shown(&windows);
        assert_eq!(deciding(&pool, NOW), Some((99, NOW + 22 * MINUTE)));
        assert_eq!(background_at(&pool, NOW), NOW + 22 * MINUTE);
        assert!(chosen(&pool, NOW).is_ok(), "clients go on");
        let then = NOW + 22 * MINUTE;
        assert_eq!(deciding(&pool, then), Some((4955, NOW + 43 * MINUTE)));
        assert_eq!(background_at(&pool, then), then);
        assert_eq!(deciding(&pool, NOW + 43 * MINUTE), None);
    }
}

#[test]
fn the_background_waits_for_every_window_that_is_low() {
    let pool = shown(&[(10, 22), (50, 43), (4000, 50)]);
    assert_eq!(background_at(&pool, NOW), NOW + 43 * MINUTE);
    assert_eq!(background_at(&pool, NOW + 22 * MINUTE), NOW + 43 * MINUTE);
    assert_eq!(background_at(&pool, NOW + 43 * MINUTE), NOW + 43 * MINUTE);
}

#[test]
fn resets_that_flip_by_a_second_are_one_window() {
    let pool = pool(1);
    for (left, seconds) in [(50, 600), (49, 601), (51, 599), (48, 602), (47, 600)] {
        pool.book(nth(&pool, 0), quota(left, seconds * SECOND), NOW);
    }
    assert_eq!(deciding(&pool, NOW), Some((47, NOW + 602 * SECOND)));
    assert_eq!(deciding(&pool, NOW + 602 * SECOND), None, "no other window is left");
}

#[test]
fn requests_under_way_are_spent_from_the_window_that_decides() {
    let pool = shown(&[(THRESHOLD + 1, 22), (4955, 43)]);
    let _sent = [(); 2].map(|()| pool.reserve(nth(&pool, 0)));
    assert_eq!(background_at(&pool, NOW), NOW + SECOND);
}

#[test]
fn a_spent_window_cools_the_token_down_until_its_own_reset() {
    let pool = shown(&[(4955, 43), (0, 22)]);
    let limit = Limit::Primary { reset_at: Some(NOW + 22 * MINUTE) };
    assert!(pool.cool_down(nth(&pool, 0), limit, NOW));
    assert_eq!(chosen(&pool, NOW), Err(NOW + 22 * MINUTE));
    assert_eq!(chosen(&pool, NOW + 22 * MINUTE), Ok(0));
    assert_eq!(background_at(&pool, NOW + 22 * MINUTE), NOW + 22 * MINUTE);
}

#[test]
fn accounts_that_are_one_keep_the_windows_of_both() {
    let pool = identifying(2);
    for (index, left, minutes) in [(0, 4955, 43), (1, 99, 22)] {
        pool.book(nth(&pool, index), quota(left, minutes * MINUTE), NOW);
        pool.found(nth(&pool, index), &user(1), NOW);
    }
    assert_eq!(deciding(&pool, NOW), Some((99, NOW + 22 * MINUTE)));
    assert_eq!(deciding(&pool, NOW + 22 * MINUTE), Some((4955, NOW + 43 * MINUTE)));
}

#[test]
fn quota_is_scarce_by_the_window_that_decides() {
    let pool = shown(&[(1000, 22), (4955, 43)]);
    let is_scarce = |now| pool.pool.lock().is_scarce(now);
    assert!(is_scarce(NOW));
    assert!(!is_scarce(NOW + 22 * MINUTE), "4955 of 5000");
    assert!(!is_scarce(NOW + 43 * MINUTE), "all of 5000");
}

#[test]
fn of_too_many_windows_the_fullest_is_forgotten() {
    let windows: Vec<_> = (0..20).map(|n| (1000 + u64::from(n), 10 + n)).collect();
    let pool = shown(&windows);
    assert_eq!(deciding(&pool, NOW), Some((1000, NOW + 10 * MINUTE)));
    assert_eq!(deciding(&pool, NOW + 12 * MINUTE), Some((1003, NOW + 13 * MINUTE)));
    assert_eq!(deciding(&pool, NOW + 13 * MINUTE), None, "an unknown quota counts as enough");
}

/// An answer with a window, in any order of arrival; or a time without answers.
#[derive(Clone, Copy, Debug)]
enum Event {
    Shown { window: usize, left: u64, flips: u64 },
    Waited { minutes: u64 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let left = prop_oneof![0..5000u64, THRESHOLD - 3..THRESHOLD + 3];
    let event = prop_oneof![
        4 => (0..4usize, left, 0..3u64)
            .prop_map(|(window, left, flips)| Event::Shown { window, left, flips }),
        1 => (0..15u64).prop_map(|minutes| Event::Waited { minutes }),
    ];
    vec(event, 1..40)
}

proptest! {
    /// The model: for each window that is not over, the smallest number of remaining requests that
    /// was shown.
    #[test]
    fn a_plain_model_decides_alike(
        resets in proptest::sample::subsequence((5..60u32).collect::<Vec<_>>(), 4),
        events in events(),
    ) {
        let pool = pool(1);
        let (mut now, mut model) = (NOW, [None::<u64>; 4]);
        for event in events {
            match event {
                Event::Waited { minutes } => now = now + Duration::from_secs(minutes * 60),
                Event::Shown { window, left, flips } => {
                    let reset_in = resets[window] * MINUTE + Duration::from_secs(flips);
                    // GitHub shows no window that is over.
                    if NOW + reset_in <= now { continue }
                    pool.book(nth(&pool, 0), quota(left, reset_in), now);
                    model[window] = Some(model[window].map_or(left, |least| least.min(left)));
                }
            }
            let is_active = |window: usize| NOW + resets[window] * MINUTE > now;
            // The model ignores the seconds by which a reset varies.
            if resets.iter().any(|minutes| NOW + *minutes * MINUTE == now) { continue }
            let active: Vec<_> = (0..4).filter(|window| is_active(*window)).collect();
            let least = active.iter().filter_map(|window| model[*window]).min();
            prop_assert_eq!(deciding(&pool, now).map(|(left, _)| left), least);
            let short = active.iter().filter(|window| model[**window].is_some_and(|left| left < THRESHOLD));
            let until = short.map(|window| NOW + resets[*window] * MINUTE).max().unwrap_or(now);
            let lead = background_at(&pool, now).since(until);
            prop_assert!(lead <= 2 * SECOND && background_at(&pool, now) >= until);
        }
    }
}

#[test]
fn a_booked_call_that_was_free_is_refunded() {
    let pool = shown(&[(1_000, 60)]);
    while pool.take_charge(NOW).is_ok() {}
    pool.put_back_charge();
    assert_eq!(pool.take_charge(NOW), Ok(()));
    assert!(pool.take_charge(NOW).is_err());
}

#[test]
fn every_limit_without_a_token_is_of_our_address() {
    let (retry_after, reset_at) = (Some(5 * MINUTE), Some(NOW + 5 * MINUTE));
    for limit in [
        Limit::Host { retry_after },
        Limit::Address { retry_after },
        Limit::Secondary { retry_after },
        Limit::Primary { reset_at },
        Limit::OtherResource { reset_at },
    ] {
        let pool = pool(1);
        assert_eq!(pool.cool_down_without_token(limit, NOW), NOW + 5 * MINUTE, "{limit:?}");
        assert!(chosen(&pool, NOW).is_ok(), "the tokens go on");
    }
}
