//! The pool after each kind of answer, with a manual clock.

mod accounts;
mod inquiries;
mod laws;
mod warnings;
mod windows;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::entry::Validators;
use crate::upstream::rate_limit::Quota;
use crate::upstream::{DateCheck, Stored};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const THRESHOLD: u64 = 100;

fn pool(count: usize) -> TokenPool {
    with(count, false, false)
}

fn identifying(count: usize) -> TokenPool {
    with(count, true, false)
}

fn with(count: usize, identify: bool, require_public: bool) -> TokenPool {
    let secrets = (0..count).map(|n| Secret::new(&format!("ghp_{n}")).unwrap()).collect();
    let config = config::Tokens { secrets, usage_threshold: THRESHOLD, require_public, identify };
    TokenPool::new(&config)
}

impl TokenPool {
    /// Books only a quota, without the headers that [`TokenPool::saw`] needs.
    pub(in crate::upstream) fn book(&self, token_use: TokenUse, quota: Quota, now: Timestamp) {
        self.pool.lock().account_mut(token_use.index).book(quota, now);
    }
}

fn user(id: u64) -> Finding {
    Finding::Known(AccountIdentity { id, login: format!("user-{id}") })
}

fn accounts(pool: &TokenPool) -> Vec<usize> {
    pool.reports(NOW).iter().map(|report| report.account).collect()
}

fn chosen(pool: &TokenPool, now: Timestamp) -> Result<usize, Timestamp> {
    ask(pool, None, Priority::Foreground, &Tried::default(), now)
}

fn ask(
    pool: &TokenPool,
    own: Option<Fingerprint>,
    priority: Priority,
    tried: &Tried,
    now: Timestamp,
) -> Result<usize, Timestamp> {
    let validators = Validators { etag: Some("\"tag\"".into()), ..Validators::default() };
    let stored = Stored {
        avoided: None,
        validators: &validators,
        token: own,
        is_without_token: false,
        body: &Bytes::new(),
        fetched_at: now,
        date_check: DateCheck::Never,
        moved_to: None,
    };
    let stored = own.map(|_| stored);
    let by_date = config::ByDate::Never;
    let question = TokenRequest {
        stored,
        priority,
        tried,
        owner: None,
        only_owner: false,
        by_date,
        doubted_at: None,
    };
    pool.choose(&question, now).map(|(token_use, _)| token_use.index())
}

fn nth(pool: &TokenPool, index: usize) -> TokenUse {
    TokenUse { index, fingerprint: pool.pool.lock().fingerprint(index) }
}

fn quota(remaining: u64, reset_in: Duration) -> Quota {
    Quota { limit: 5000, remaining, reset_at: NOW + reset_in }
}

#[test]
fn a_pool_shows_no_token() {
    let pool = pool(2);
    assert_eq!(pool.authorization(nth(&pool, 1)), "Bearer ghp_1");
    let shown = format!("{pool:?}{pool:#?}");
    assert!(!shown.contains("ghp_"), "{shown}");
}

#[test]
fn a_token_is_named_by_its_place() {
    let pool = pool(3);
    let places = [0, 1, 2].map(|index| pool.place_of(nth(&pool, index).fingerprint));
    assert_eq!(places, [Some(0), Some(1), Some(2)]);
    assert_eq!(pool.place_of(Fingerprint::from_bits(7)), None);
}

#[test]
fn tokens_take_turns() {
    let pool = pool(3);
    let turns: Vec<_> = (0..6).map(|_| chosen(&pool, NOW).unwrap()).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn tokens_with_enough_quota_come_before_those_without() {
    let pool = pool(3);
    pool.book(nth(&pool, 0), quota(THRESHOLD - 1, MINUTE), NOW);
    pool.book(nth(&pool, 1), quota(THRESHOLD, MINUTE), NOW);
    let turns: Vec<_> = (0..4).map(|_| chosen(&pool, NOW).unwrap()).collect();
    assert_eq!(turns, [1, 2, 1, 2]);
    for index in 1..3 {
        pool.book(nth(&pool, index), quota(1, MINUTE), NOW);
    }
    assert!(chosen(&pool, NOW).is_ok(), "below the threshold they are used last, not never");
}

#[test]
fn a_number_is_forgotten_at_its_reset() {
    let pool = pool(2);
    pool.book(nth(&pool, 0), quota(0, MINUTE), NOW);
    assert_eq!(chosen(&pool, NOW), Ok(1));
    assert_eq!(chosen(&pool, NOW), Ok(1));
    let turns: Vec<_> = (0..2).map(|_| chosen(&pool, NOW + MINUTE).unwrap()).collect();
    assert_eq!(turns, [0, 1]);
}

#[test]
fn answers_out_of_order_do_not_raise_the_remaining_quota() {
    let pool = pool(1);
    pool.book(nth(&pool, 0), quota(40, MINUTE), NOW);
    pool.book(nth(&pool, 0), quota(41, MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(40));
    pool.book(nth(&pool, 0), quota(5000, 2 * MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(40), "the other window is not over");
    pool.book(nth(&pool, 0), quota(39, MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(39));
    assert_eq!(pool.reports(NOW + MINUTE)[0].remaining, Some(5000), "the other one is left");
}

#[test]
fn requests_under_way_count_as_spent() {
    let pool = pool(2);
    pool.book(nth(&pool, 0), quota(THRESHOLD + 2, MINUTE), NOW);
    pool.book(nth(&pool, 1), quota(THRESHOLD - 1, MINUTE), NOW);
    let background = || ask(&pool, None, Priority::Background, &Tried::default(), NOW);
    let burst: Vec<_> = (0..3).map(|_| pool.reserve(nth(&pool, background().unwrap()))).collect();
    assert_eq!(background(), Err(NOW + Duration::from_secs(1)), "one of the answers may be a 304");
    assert!(!pool.has_quota_to_spare(NOW));
    assert!(chosen(&pool, NOW).is_ok(), "the foreground may run low");
    assert_eq!(pool.reports(NOW)[0].remaining, Some(THRESHOLD + 2), "what was told");
    drop(burst);
    assert_eq!(background(), Ok(0));
}

#[test]
fn the_background_stops_at_the_threshold() {
    let pool = pool(2);
    for index in 0..2 {
        pool.book(nth(&pool, index), quota(THRESHOLD - 1, MINUTE * (index as u32 + 1)), NOW);
    }
    let own = nth(&pool, 0).fingerprint();
    for own in [None, Some(own)] {
        let chosen = ask(&pool, own, Priority::Background, &Tried::default(), NOW);
        assert_eq!(chosen, Err(NOW + MINUTE), "until the first window ends");
    }
    assert!(ask(&pool, Some(own), Priority::Foreground, &Tried::default(), NOW).is_ok());
}

#[test]
fn quota_that_no_token_may_spend_does_not_count() {
    let scopes = |value| {
        let value = HeaderValue::from_static(value);
        HeaderMap::from_iter([("x-oauth-scopes".parse().unwrap(), value)])
    };
    let put_aside: [fn(&TokenPool, &HeaderMap); 2] = [
        |pool, _| pool.quarantine(nth(pool, 0), NOW),
        |pool, private| pool.saw(nth(pool, 0), private, NOW),
    ];
    for put_aside in put_aside {
        let pool = with(3, false, true);
        for (index, left) in [5000, 1000, 2000].into_iter().enumerate() {
            pool.saw(nth(&pool, index), &scopes("public_repo"), NOW);
            pool.book(nth(&pool, index), quota(left, MINUTE), NOW);
        }
        let is_scarce = || pool.pool.lock().is_scarce(NOW);
        assert!(!is_scarce(), "8000 of 15000");
        put_aside(&pool, &scopes("repo"));
        assert!(is_scarce(), "3000 of 10000");
    }
}

#[test]
fn the_token_of_the_entry_is_preferred_while_usable() {
    let pool = pool(3);
    let own = nth(&pool, 2).fingerprint();
    let asked_with = |tried, now| ask(&pool, Some(own), Priority::Foreground, tried, now).unwrap();
    let none = Tried::default();
    pool.book(nth(&pool, 2), quota(1, MINUTE), NOW);
    assert_eq!(asked_with(&none, NOW), 2, "even below the threshold");
    pool.cool_down(nth(&pool, 2), Limit::Secondary { retry_after: Some(MINUTE) }, NOW);
    assert_ne!(asked_with(&none, NOW), 2, "not while it cools down");
    assert_eq!(asked_with(&none, NOW + MINUTE), 2);
    let mut tried = Tried::default();
    tried.add(nth(&pool, 2));
    assert_ne!(asked_with(&tried, NOW + MINUTE), 2, "not again in the same exchange");
}

#[test]
fn a_spent_token_cools_down_until_its_reset() {
    let pool = pool(1);
    let reset_at = Some(NOW + 10 * MINUTE);
    assert!(pool.cool_down(nth(&pool, 0), Limit::Primary { reset_at }, NOW));
    assert_eq!(chosen(&pool, NOW), Err(NOW + 10 * MINUTE));
    assert!(pool.reports(NOW)[0].is_cooling_down);
    assert_eq!(chosen(&pool, NOW + 10 * MINUTE), Ok(0));
}

#[test]
fn a_spent_token_cools_down_even_if_its_reset_has_passed_here() {
    let pool = pool(1);
    let mut now = NOW;
    for minutes in [1, 2, 4] {
        pool.cool_down(nth(&pool, 0), Limit::Primary { reset_at: Some(now) }, now);
        assert_eq!(chosen(&pool, now), Err(now + minutes * MINUTE));
        now = now + minutes * MINUTE;
    }
}

#[test]
fn a_reset_far_away_is_not_believed() {
    let pool = pool(1);
    let reset_at = Some(NOW + Duration::from_secs(365 * 24 * 3600));
    pool.cool_down(nth(&pool, 0), Limit::Primary { reset_at }, NOW);
    assert_eq!(chosen(&pool, NOW), Err(NOW + 120 * MINUTE));
}

#[test]
fn limits_of_a_host_cost_the_token_nothing() {
    let pool = pool(1);
    assert!(!pool.cool_down(nth(&pool, 0), Limit::Host { retry_after: None }, NOW));
    assert!(!pool.cool_down(nth(&pool, 0), Limit::OtherResource { reset_at: None }, NOW));
    assert_eq!(chosen(&pool, NOW), Ok(0));
}

#[test]
fn a_refused_token_that_works_again_is_used_again() {
    let pool = pool(1);
    let token = nth(&pool, 0);
    pool.quarantine(token, NOW);
    let mut now = NOW;
    for minutes in [1, 2, 4, 8] {
        let due_at = now + minutes * MINUTE;
        for _ in 0..3 {
            assert_eq!(chosen(&pool, now), Err(due_at));
            assert_eq!(pool.next_to_identify(now), None);
            pool.quarantine(token, now);
        }
        now = due_at;
        assert_eq!(chosen(&pool, now), Err(now + Duration::from_secs(1)), "as soon as it is asked");
        assert_eq!(pool.next_to_identify(now), Some(token));
        assert!(pool.reports(now)[0].rejected);
        pool.found(token, &Finding::Refused, now);
    }
    pool.found(token, &user(1), now);
    assert!(!pool.reports(now)[0].rejected);
    assert_eq!(chosen(&pool, now), Ok(0));
    pool.quarantine(token, now);
    assert_eq!(chosen(&pool, now), Err(now + MINUTE), "a success ends the doubling");
}

#[test]
fn no_inquiry_is_about_an_account_that_cools_down() {
    let pool = identifying(1);
    assert_eq!(pool.next_to_identify(NOW), Some(nth(&pool, 0)));
    pool.found(
        nth(&pool, 0),
        &Finding::Limited(Limit::Primary { reset_at: Some(NOW + 10 * MINUTE) }),
        NOW,
    );
    assert!(pool.reports(NOW)[0].is_cooling_down);
    assert_eq!(pool.next_to_identify(NOW + 9 * MINUTE), None);
    assert_eq!(pool.next_to_identify(NOW + 10 * MINUTE), Some(nth(&pool, 0)));
}

#[test]
fn a_token_that_is_nobodys_stays_an_account_of_its_own() {
    let pool = identifying(2);
    for index in 0..2 {
        pool.found(nth(&pool, index), &Finding::NoUser, NOW);
    }
    assert_eq!(accounts(&pool), [0, 1]);
    pool.quarantine(nth(&pool, 0), NOW);
    pool.found(nth(&pool, 0), &Finding::NoUser, NOW + MINUTE);
    assert!(!pool.reports(NOW)[0].rejected, "it was taken");
}

#[test]
fn no_debug_output_shows_a_token() {
    let shown = format!("{:?}", pool(2));
    assert!(!shown.contains("ghp_"), "{shown}");
}

#[test]
fn after_an_inconclusive_inquiry_a_refused_token_is_on_trial() {
    let pool = pool(1);
    let token = nth(&pool, 0);
    let mut now = NOW;
    for minutes in [1, 2, 4] {
        pool.quarantine(token, now);
        now = now + minutes * MINUTE;
        assert_eq!(pool.next_to_identify(now), Some(token));
        pool.found(token, &Finding::Unclear, now);
        assert_eq!(chosen(&pool, now), Ok(0));
    }
    pool.succeeded(token, now);
    pool.quarantine(token, now);
    assert_eq!(chosen(&pool, now), Err(now + MINUTE), "it has worked");
}

#[test]
fn a_token_that_got_documents_is_not_put_aside_for_an_inquiry() {
    let pool = identifying(1);
    let token = nth(&pool, 0);
    pool.succeeded(token, NOW);
    pool.found(token, &Finding::Refused, NOW);
    assert_eq!((chosen(&pool, NOW), pool.next_to_identify(NOW)), (Ok(0), None));
    pool.quarantine(token, NOW);
    let then = NOW + MINUTE;
    pool.found(token, &Finding::NoUser, then);
    assert_eq!(chosen(&pool, then), Ok(0));
    pool.found(token, &Finding::Refused, then);
    assert_eq!(chosen(&pool, then), Err(then + MINUTE), "it got none since it was refused");
}

#[test]
fn an_unclear_answer_leaves_the_pause_of_a_refused_token() {
    let pool = pool(1);
    let token = nth(&pool, 0);
    pool.quarantine(token, NOW);
    pool.found(token, &Finding::Refused, NOW + MINUTE);
    let mut now = NOW + 3 * MINUTE;
    for finding in [Finding::NoAnswer, Finding::Limited(Limit::Host { retry_after: None })] {
        pool.found(token, &finding, now);
        assert_eq!(chosen(&pool, now), Err(now + 2 * MINUTE), "{finding:?}");
        now = now + 2 * MINUTE;
    }
}
