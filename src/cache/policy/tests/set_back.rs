//! A clock that was set back: a lifetime that begins after the present counts as over.

use super::recalled::{Use, of};
use super::*;
use crate::entry::CLOCK_DIFFERENCE;

const STEP: Duration = Duration::from_secs(600);

fn before(step: Duration) -> Timestamp {
    NOW - step
}

fn negative_entry() -> Arc<Entry> {
    Arc::new(entry(URL, reply(404), NOW, rules().negative_ttl))
}

fn with_failure(entry: &Entry, retry_at: Timestamp, pause: Duration) -> Arc<Entry> {
    let failure = RecentFailure { retry_at, pause, reason: Reason::ServerError };
    Arc::new(Entry { extras: Extras::new(None, Some(failure)), ..entry.clone() })
}

#[test]
fn an_entry_from_the_future_is_expired_whatever_it_is() {
    let rules = config::Cache { refresh_min_interval: Duration::from_secs(60), ..rules() };
    for entry in [stored_entry(), negative_entry()] {
        for demand in [Demand::Cached, Demand::Refresh, Demand::Revalidate] {
            assert_eq!(of(&entry, demand, before(STEP), &rules), Use::Ask, "{demand:?}");
        }
    }
    assert_eq!(serves(&negative_entry(), Demand::Cached, before(STEP), &rules), CopyUse::Never);
    assert_eq!(
        serves(&stored_entry(), Demand::Cached, before(STEP), &rules),
        CopyUse::AfterPatience
    );
}

#[test]
fn clocks_of_replicas_may_differ_by_seconds() {
    let entry = stored_entry();
    assert!(entry.is_fresh(before(CLOCK_DIFFERENCE)));
    assert!(!entry.is_fresh(before(CLOCK_DIFFERENCE + Duration::from_millis(1))));
}

#[test]
fn a_full_check_from_the_future_keeps_no_refresh_from_asking() {
    let rules = config::Cache { refresh_min_interval: Duration::from_secs(60), ..rules() };
    let times = Times { checked_at: before(STEP), ..stored_entry().times };
    let by_date = Arc::new(Entry { times, ..(*stored_entry()).clone() });
    assert_eq!(of(&by_date, Demand::Cached, before(STEP), &rules), Use::Serve(None));
    assert_eq!(of(&by_date, Demand::Refresh, before(STEP), &rules), Use::Ask);
}

#[test]
fn a_failure_from_the_future_is_not_remembered() {
    let pause = Duration::from_secs(20);
    let expired = Entry {
        times: Times { expires_at: before(2 * STEP), ..stored_entry().times },
        ..(*stored_entry()).clone()
    };
    let expired =
        Entry { times: Times { checked_at: before(3 * STEP), ..expired.times }, ..expired };
    let rules = config::Cache { stale_if_error: 10 * STEP, ..rules() };
    let failed = with_failure(&expired, NOW + pause, pause);
    let stands_in = Use::Serve(Some(Detail::StaleIfError));
    assert_eq!(of(&failed, Demand::Cached, NOW, &rules), stands_in);
    assert_eq!(of(&failed, Demand::Cached, before(Duration::from_secs(1)), &rules), Use::Ask);
    assert_eq!(of(&failed, Demand::Cached, before(STEP), &rules), Use::Ask);
}

#[test]
fn a_copy_from_the_future_stands_in_without_a_ttl() {
    let failed = || ExchangeResult::NotStored(NotStored::Failed(Failure::new(Reason::NoToken)));
    let answered = |copy: &Arc<Entry>, step| {
        let result =
            FlightResult::Exchange { previous: Some(Arc::clone(copy)), exchanged: failed() };
        answer(Demand::Cached, &result, false, before(step), &rules()).unwrap().status
    };
    let status = answered(&stored_entry(), STEP);
    assert_eq!((status.detail, status.ttl), (Some(Detail::StaleIfError), Some(0)));
    let refused = Some(Detail::Refused(Reason::NoToken));
    assert_eq!(
        answered(&stored_entry(), Duration::from_secs(1500)).detail,
        refused,
        "too far ahead"
    );
    assert_eq!(answered(&negative_entry(), STEP).detail, refused);
    let none = config::Cache { stale_if_error: Duration::ZERO, ..rules() };
    assert!(!may_stand_in(&stored_entry(), before(STEP), &none), "no copy ever does");
}

#[test]
fn a_record_from_the_future_is_replaced_at_its_first_check() {
    let persisted = Entry { persisted: Persisted::until(later(1000)), ..(*stored_entry()).clone() };
    let worth = |now| {
        let got = verdict(URL, Some(&Arc::new(persisted.clone())), Ok(reply(304)), now, &rules());
        let ExchangeResult::Freshened(entry) = got else { panic!("{got:?}") };
        is_worth_persisting(&entry, NEVER, &rules())
    };
    assert!(worth(before(STEP)) && worth(before(Duration::from_secs(30))));
    assert!(!worth(later(50)) && !worth(before(CLOCK_DIFFERENCE)));
}

#[test]
fn a_check_from_before_the_step_confirms_nothing_later() {
    let now = before(STEP);
    let got = verdict(URL, Some(&stored_entry()), Ok(reply(304)), now, &rules());
    let ExchangeResult::Freshened(entry) = got else { panic!("{got:?}") };
    assert_eq!((entry.times.fetched_at, entry.times.checked_at), (now, now));
    let ahead = Check { at: NOW, fetched_at: NOW };
    for then in [now, NOW, later(10)] {
        assert_eq!(confirmed_by_replica(&entry, ahead, then, &rules()), None);
    }
}

#[test]
fn an_entry_from_the_future_gives_way_to_any_other() {
    let [past, ahead] =
        [before(2 * STEP), NOW].map(|at| Times { checked_at: at, ..stored_entry().times });
    assert!(is_newer(&past, &ahead, before(STEP)) && !is_newer(&ahead, &past, before(STEP)));
    assert!(is_newer(&ahead, &past, NOW) && !is_newer(&past, &ahead, NOW));
}

proptest! {
    /// An entry is served for no longer than its lifetime, after any step of the clock.
    #[test]
    fn no_step_makes_a_lifetime_longer(
        ttl in 1..1000u64,
        step in -100_000..100_000i64,
        is_negative in any::<bool>(),
    ) {
        let ttl = Duration::from_secs(ttl);
        let status = if is_negative { 404 } else { 200 };
        let entry = Arc::new(entry(URL, reply(status), NOW, ttl));
        let moved = Duration::from_secs(step.unsigned_abs());
        let now = if step < 0 { NOW - moved } else { NOW + moved };
        let left = entry.times.expires_at.since(now);
        if of(&entry, Demand::Cached, now, &rules()) == Use::Serve(None) {
            prop_assert!(left <= ttl + CLOCK_DIFFERENCE);
        } else {
            prop_assert!(left.is_zero() || left > ttl + CLOCK_DIFFERENCE);
        }
    }

    /// A failure delays the next call for no longer than its pause.
    #[test]
    fn no_step_makes_a_pause_longer(pause in 10..60u64, step in -100_000..2_000i64) {
        let pause = Duration::from_secs(pause);
        let failed = with_failure(&stored_entry(), later(1000) + pause, pause);
        let moved = Duration::from_secs(step.unsigned_abs());
        let now = if step < 0 { later(1000) - moved } else { later(1000) + moved };
        if of(&failed, Demand::Cached, now, &rules()) == Use::Serve(Some(Detail::StaleIfError)) {
            prop_assert!((later(1000) + pause).since(now) <= pause);
        }
    }
}
