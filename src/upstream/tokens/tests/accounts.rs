//! Tokens that turn out to share an account: the merged state, and the answers that count.

use super::*;

#[test]
fn a_cooldown_of_one_token_is_one_of_its_whole_account() {
    for limit in [
        Limit::Primary { reset_at: Some(NOW + 10 * MINUTE) },
        Limit::Secondary { retry_after: Some(10 * MINUTE) },
    ] {
        let pool = identifying(2);
        pool.found(nth(&pool, 0), &user(1), NOW);
        pool.cool_down(nth(&pool, 1), limit, NOW);
        pool.found(nth(&pool, 1), &user(1), NOW + MINUTE);
        assert_eq!(chosen(&pool, NOW + MINUTE), Err(NOW + 10 * MINUTE), "{limit:?}");
    }
}

#[test]
fn requests_under_way_are_those_of_both() {
    let pool = identifying(2);
    let _sent = [0, 1].map(|index| pool.reserve(nth(&pool, index)));
    for index in 0..2 {
        pool.found(nth(&pool, index), &user(1), NOW);
    }
    let has_to_spare = |left| {
        pool.book(nth(&pool, 0), quota(left, MINUTE), NOW);
        pool.has_quota_to_spare(NOW)
    };
    assert!(has_to_spare(THRESHOLD + 2));
    assert!(!has_to_spare(THRESHOLD + 1));
}

#[test]
fn a_window_that_ends_too_late_is_ignored() {
    let pool = pool(1);
    pool.book(nth(&pool, 0), quota(40, 121 * MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, None);
    pool.book(nth(&pool, 0), quota(50, MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(50));
}

#[test]
fn a_clock_that_is_set_back_ends_what_would_last_too_long() {
    for step in [Duration::from_secs(2), 30 * MINUTE, 120 * MINUTE] {
        let pool = pool(1);
        pool.book(nth(&pool, 0), quota(0, MINUTE), NOW);
        pool.cool_down(nth(&pool, 0), Limit::Primary { reset_at: Some(NOW + MINUTE) }, NOW);
        let before = NOW - step;
        assert!(!pool.reports(before)[0].is_cooling_down);
        assert_eq!(pool.reports(before)[0].remaining, None);
        pool.cool_down(nth(&pool, 0), Limit::Primary { reset_at: Some(before + MINUTE) }, before);
        assert_eq!(
            chosen(&pool, before),
            Err(before + MINUTE),
            "another cooldown is one of this clock"
        );
    }
}

#[test]
fn a_known_token_ends_the_doubling_of_cooldowns() {
    let pool = identifying(1);
    let limit = Limit::Secondary { retry_after: None };
    pool.cool_down(nth(&pool, 0), limit, NOW);
    let then = NOW + MINUTE;
    pool.found(nth(&pool, 0), &user(1), then);
    pool.cool_down(nth(&pool, 0), limit, then);
    assert_eq!(chosen(&pool, then), Err(then + MINUTE));
}

#[test]
fn the_background_goes_on_now_soon_or_after_the_window() {
    let may_go_on = |left, under_way| {
        let pool = pool(1);
        pool.book(nth(&pool, 0), quota(left, MINUTE), NOW);
        let _sent: Vec<_> = (0..under_way).map(|_| pool.reserve(nth(&pool, 0))).collect();
        pool.pool.lock().one_usable_at(0, Priority::Background, NOW)
    };
    let in_a_moment = NOW + Duration::from_secs(1);
    assert_eq!(may_go_on(THRESHOLD, 0), NOW);
    assert_eq!(may_go_on(THRESHOLD + 1, 1), NOW);
    assert_eq!(may_go_on(THRESHOLD, 1), in_a_moment, "an answer under way may turn out to be free");
    assert_eq!(may_go_on(THRESHOLD + 5, 6), in_a_moment);
    assert_eq!(may_go_on(THRESHOLD - 1, 0), NOW + MINUTE);
}

#[test]
fn a_token_use_is_good_until_its_token_is_limited_or_refused() {
    let pool = pool(2);
    let [spent, refused] = [0, 1].map(|index| nth(&pool, index));
    assert!(pool.is_usable(spent, NOW) && pool.is_usable(refused, NOW));
    pool.book(spent, quota(0, MINUTE), NOW);
    assert!(pool.is_usable(spent, NOW), "a 304 would be free");
    pool.cool_down(spent, Limit::Primary { reset_at: Some(NOW + MINUTE) }, NOW);
    assert!(!pool.is_usable(spent, NOW) && pool.is_usable(spent, NOW + MINUTE));
    let cools_down = |now| pool.reports(now)[0].is_cooling_down;
    assert!(cools_down(NOW) && !cools_down(NOW + MINUTE));
    pool.quarantine(refused, NOW);
    assert!(!pool.is_usable(refused, NOW));
}

#[test]
fn a_policy_rules_out_all_tokens_of_its_account_and_no_other() {
    let pool = identifying(3);
    for (index, id) in [(0, 1), (1, 1), (2, 2)] {
        pool.found(nth(&pool, index), &user(id), NOW);
    }
    let without = |index: usize| {
        let mut tried = Tried::default();
        tried.add(nth(&pool, index));
        tried.add_account(nth(&pool, index));
        (0..3).map(|_| ask(&pool, None, Priority::Foreground, &tried, NOW)).collect::<Vec<_>>()
    };
    assert_eq!(without(0), [Ok(2); 3]);
    assert!(without(2).iter().all(|chosen| matches!(chosen, Ok(0 | 1))));
}

#[test]
fn the_pool_is_usable_as_soon_as_its_first_token_is() {
    let pool = pool(2);
    for (index, minutes) in [(0, 20), (1, 10)] {
        assert_eq!(pool.usable_at(NOW), NOW);
        let reset_at = Some(NOW + minutes * MINUTE);
        pool.cool_down(nth(&pool, index), Limit::Primary { reset_at }, NOW);
    }
    assert_eq!(pool.usable_at(NOW), NOW + 10 * MINUTE);
}

#[test]
fn a_token_that_sees_too_much_is_asked_about_every_hour() {
    let pool = with(1, true, true);
    let token = nth(&pool, 0);
    let scopes = [("x-oauth-scopes".parse().unwrap(), "repo".parse().unwrap())];
    pool.saw(token, &HeaderMap::from_iter(scopes), NOW);
    pool.found(token, &user(1), NOW);
    assert_eq!(chosen(&pool, NOW), Err(NOW + 60 * MINUTE));
    assert!(pool.next_to_identify(NOW + 59 * MINUTE).is_none());
    assert!(pool.next_to_identify(NOW + 60 * MINUTE).is_some());
}

#[test]
fn ten_charged_304s_in_a_row_show_that_each_is_charged() {
    let pool = pool(2);
    let token_use = nth(&pool, 0);
    let charges = || pool.charges_not_modified(token_use.fingerprint());
    let saw = |times: usize, charged: bool, want: bool| {
        for _ in 0..times {
            pool.saw_not_modified(token_use, charged);
            assert_eq!(charges(), want);
        }
    };
    saw(9, true, false);
    saw(1, false, false);
    saw(9, true, false);
    saw(3, true, true);
    saw(1, false, false);
    saw(1, true, false);
    (0..10).for_each(|_| pool.saw_not_modified(token_use, true));
    assert!(charges() && !pool.charges_not_modified(nth(&pool, 1).fingerprint()));
}
