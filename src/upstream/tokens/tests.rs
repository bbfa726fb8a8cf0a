//! What the pool does with each kind of answer, by a clock in hand.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::upstream::{Stored, Validators};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const MINUTE: Duration = Duration::from_secs(60);
const THRESHOLD: u64 = 100;

fn pool(count: usize) -> TokenPool {
    let secrets = (0..count).map(|n| Secret::new(&format!("ghp_{n}")).unwrap()).collect();
    TokenPool::new(&config::Tokens { secrets, usage_threshold: THRESHOLD })
}

fn lease(pool: &TokenPool, now: Timestamp) -> Result<usize, Timestamp> {
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
        validators: &validators,
        token: own,
        body: &Bytes::new(),
        fetched_at: now,
        may_use_date: false,
        moved_to: None,
    };
    let stored = own.map(|_| stored);
    let by_date = config::ByDate::Never;
    let question = Question { stored, priority, tried, by_date, doubted_at: None };
    pool.lease(&question, now).map(|(lease, _)| lease.index())
}

fn nth(pool: &TokenPool, index: usize) -> Lease {
    Lease { index, fingerprint: pool.pool.lock().fingerprint(index) }
}

fn quota(remaining: u64, reset_in: Duration) -> Quota {
    Quota { limit: 5000, remaining, reset_at: NOW + reset_in }
}

#[test]
fn tokens_take_turns() {
    let pool = pool(3);
    let turns: Vec<_> = (0..6).map(|_| lease(&pool, NOW).unwrap()).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn tokens_with_enough_quota_come_before_those_without() {
    let pool = pool(3);
    pool.book(nth(&pool, 0), quota(THRESHOLD - 1, MINUTE), NOW);
    pool.book(nth(&pool, 1), quota(THRESHOLD, MINUTE), NOW);
    let turns: Vec<_> = (0..4).map(|_| lease(&pool, NOW).unwrap()).collect();
    assert_eq!(turns, [1, 2, 1, 2]);
    for index in 1..3 {
        pool.book(nth(&pool, index), quota(1, MINUTE), NOW);
    }
    assert!(lease(&pool, NOW).is_ok(), "below the threshold they are used last, not never");
}

#[test]
fn a_number_is_forgotten_at_its_reset() {
    let pool = pool(2);
    pool.book(nth(&pool, 0), quota(0, MINUTE), NOW);
    assert_eq!(lease(&pool, NOW), Ok(1));
    assert_eq!(lease(&pool, NOW), Ok(1));
    let turns: Vec<_> = (0..2).map(|_| lease(&pool, NOW + MINUTE).unwrap()).collect();
    assert_eq!(turns, [0, 1]);
}

#[test]
fn answers_out_of_order_do_not_raise_the_remaining_quota() {
    let pool = pool(1);
    pool.book(nth(&pool, 0), quota(40, MINUTE), NOW);
    pool.book(nth(&pool, 0), quota(41, MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(40));
    pool.book(nth(&pool, 0), quota(5000, 2 * MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(5000), "a new window");
    pool.book(nth(&pool, 0), quota(39, MINUTE), NOW);
    assert_eq!(pool.reports(NOW)[0].remaining, Some(5000), "a number of the old one");
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
    assert!(lease(&pool, NOW).is_ok(), "the foreground may run low");
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
        let leased = ask(&pool, own, Priority::Background, &Tried::default(), NOW);
        assert_eq!(leased, Err(NOW + MINUTE), "until the first window ends");
    }
    assert!(ask(&pool, Some(own), Priority::Foreground, &Tried::default(), NOW).is_ok());
}

#[test]
fn the_token_that_fetched_the_entry_is_preferred_while_it_is_usable() {
    let pool = pool(3);
    let own = nth(&pool, 2).fingerprint();
    let asked_with = |tried, now| ask(&pool, Some(own), Priority::Foreground, tried, now).unwrap();
    let none = Tried::default();
    pool.book(nth(&pool, 2), quota(1, MINUTE), NOW);
    assert_eq!(asked_with(&none, NOW), 2, "even below the threshold");
    pool.rest(nth(&pool, 2), Limit::Secondary { retry_after: Some(MINUTE) }, NOW);
    assert_ne!(asked_with(&none, NOW), 2, "not while it rests");
    assert_eq!(asked_with(&none, NOW + MINUTE), 2);
    let mut tried = Tried::default();
    tried.add(nth(&pool, 2));
    assert_ne!(asked_with(&tried, NOW + MINUTE), 2, "not again in the same exchange");
}

#[test]
fn a_spent_token_rests_until_its_reset() {
    let pool = pool(1);
    let reset_at = Some(NOW + 10 * MINUTE);
    assert!(pool.rest(nth(&pool, 0), Limit::Primary { reset_at }, NOW));
    assert_eq!(lease(&pool, NOW), Err(NOW + 10 * MINUTE));
    assert!(pool.reports(NOW)[0].resting);
    assert_eq!(lease(&pool, NOW + 10 * MINUTE), Ok(0));
}

#[test]
fn a_reset_far_away_is_not_believed() {
    let pool = pool(1);
    let reset_at = Some(NOW + Duration::from_secs(365 * 24 * 3600));
    pool.rest(nth(&pool, 0), Limit::Primary { reset_at }, NOW);
    assert_eq!(lease(&pool, NOW), Err(NOW + 120 * MINUTE));
}

#[test]
fn limits_of_a_host_cost_the_token_nothing() {
    let pool = pool(1);
    assert!(!pool.rest(nth(&pool, 0), Limit::Host { retry_after: None }, NOW));
    assert!(!pool.rest(nth(&pool, 0), Limit::OtherResource { reset_at: None }, NOW));
    assert_eq!(lease(&pool, NOW), Ok(0));
}

#[test]
fn a_refused_token_is_tried_again_after_longer_and_longer() {
    let pool = pool(1);
    let mut now = NOW;
    for minutes in [1, 2, 4, 8] {
        pool.quarantine(nth(&pool, 0), now);
        assert_eq!(lease(&pool, now), Err(now + minutes * MINUTE));
        assert!(pool.reports(now)[0].rejected);
        now = now + minutes * MINUTE;
        assert_eq!(lease(&pool, now), Ok(0));
        assert!(pool.reports(now)[0].rejected, "until it has been seen to work");
    }
    pool.succeeded(nth(&pool, 0), now);
    assert!(!pool.reports(now)[0].rejected);
    pool.quarantine(nth(&pool, 0), now);
    assert_eq!(lease(&pool, now), Err(now + MINUTE), "a success ends the doubling");
}

#[test]
fn no_debug_output_shows_a_token() {
    let shown = format!("{:?}", pool(2));
    assert!(!shown.contains("ghp_"), "{shown}");
}

#[derive(Clone, Debug)]
enum Event {
    Book(u64, u64),
    Primary(u64),
    Secondary(u64),
    Refused,
    Works,
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let event = prop_oneof![
        (0..300u64, 0..7200u64).prop_map(|(left, reset)| Event::Book(left, reset)),
        (0..7200u64).prop_map(Event::Primary),
        (0..600u64).prop_map(Event::Secondary),
        Just(Event::Refused),
        Just(Event::Works),
        (0..3600u64).prop_map(Event::Wait),
    ];
    proptest::collection::vec((0..3usize, event), 0..40)
}

proptest! {
    /// Whatever has happened: a lease is of a usable token, and a refusal names a moment when there is one.
    #[test]
    fn a_lease_is_usable_and_a_refusal_is_honest(events in events()) {
        let pool = pool(3);
        let mut now = NOW;
        for (index, event) in events {
            let token = nth(&pool, index);
            let after = |seconds| now + Duration::from_secs(seconds);
            match event {
                Event::Book(remaining, reset) => pool.book(token, Quota { limit: 5000, remaining, reset_at: after(reset) }, now),
                Event::Primary(reset) => {
                    pool.rest(token, Limit::Primary { reset_at: Some(after(reset)) }, now);
                }
                Event::Secondary(seconds) => {
                    let retry_after = Some(Duration::from_secs(seconds));
                    pool.rest(token, Limit::Secondary { retry_after }, now);
                }
                Event::Refused => pool.quarantine(token, now),
                Event::Works => pool.succeeded(token, now),
                Event::Wait(seconds) => now = after(seconds),
            }
            for priority in Priority::ALL {
                let leased = |now| ask(&pool, None, priority, &Tried::default(), now);
                match leased(now) {
                    Ok(index) => {
                        prop_assert!(!pool.reports(now)[index].resting);
                        let enough = pool.reports(now)[index].remaining.is_none_or(|left| left >= THRESHOLD);
                        prop_assert!(enough || priority == Priority::Foreground);
                    }
                    Err(usable_at) => {
                        prop_assert!(usable_at > now);
                        prop_assert!(leased(usable_at).is_ok());
                        let before = usable_at - Duration::from_millis(1);
                        prop_assert!(leased(before).is_err());
                    }
                }
            }
        }
    }
}
