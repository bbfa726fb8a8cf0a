//! The lifetimes of documents that hardly ever change, and the times for which they stand in.

use super::*;

const DAY: u64 = 24 * 60 * 60;

/// Returns a time so late that a release can have been published a month before.
fn then(seconds: u64) -> Timestamp {
    later(100 * DAY + seconds)
}

fn with_pin(pin: Option<Pin>) -> Arc<Entry> {
    pinned(Arc::new(entry(URL, reply(200), then(0), rules().hard_ttl)), pin, &rules())
}

fn old() -> Option<Pin> {
    Some(Pin::Unchanged(then(0) - Duration::from_secs(31 * DAY)))
}

#[test]
fn a_pin_decides_the_lifetime() {
    for (pin, seconds) in [
        (None, 1000),
        (Some(Pin::Unchanged(then(0) - Duration::from_secs(29 * DAY))), 1000),
        (old(), 2 * DAY),
        (Some(Pin::Locked), 2 * DAY),
        (Some(Pin::Hash), 3650 * DAY),
    ] {
        let entry = with_pin(pin);
        assert_eq!(entry.times.expires_at, then(seconds), "{pin:?}");
        let reply = Ok(reply(304));
        let ExchangeResult::Freshened(entry) =
            verdict(URL, Some(&entry), reply, then(10), &rules())
        else {
            panic!("a 304 freshens")
        };
        assert_eq!(entry.times.expires_at, then(seconds + 10), "{pin:?}, after a check");
        assert_eq!(entry.extras.pin(), pin);
    }
}

#[test]
fn a_pinned_release_stands_in_for_thirty_days() {
    let off = config::Cache { stale_if_error: Duration::ZERO, ..rules() };
    for (pin, lifetime, stands_in) in [
        (None, 1000, 500),
        (old(), 2 * DAY, 30 * DAY),
        (Some(Pin::Locked), 2 * DAY, 30 * DAY),
        (Some(Pin::Hash), 3650 * DAY, 500),
    ] {
        let (entry, end) = (with_pin(pin), lifetime + stands_in);
        assert!(may_stand_in(&entry, then(end - 1), &rules()), "{pin:?}");
        assert!(!may_stand_in(&entry, then(end), &rules()), "{pin:?}");
        assert!(!may_stand_in(&entry, then(lifetime), &off), "{pin:?}, switched off");
        assert!(keep_until(&entry, &rules()) >= then(end), "{pin:?}");
    }
}

#[test]
fn a_check_by_date_of_a_pinned_release_is_worth_a_write() {
    let checked = |pin| {
        let entry = with_pin(pin);
        let times = Times { checked_at: then(DAY), expires_at: then(9 * DAY), ..entry.times };
        let entry = Entry { times, ..Entry::clone(&entry) };
        is_worth_persisting(&entry, NEVER, &rules())
    };
    assert!(checked(old()) && checked(Some(Pin::Locked)));
    assert!(!checked(None), "a date vouches for no body");
}

#[test]
fn a_check_is_overdue_by_the_interval_of_the_document() {
    for (pin, limit) in [
        (None, Some(120)),
        (old(), Some(2 * DAY)),
        (Some(Pin::Locked), Some(2 * DAY)),
        (Some(Pin::Hash), None),
    ] {
        let entry = with_pin(pin);
        let limit_or = limit.unwrap_or(100 * DAY);
        assert!(!is_overdue(&entry, then(limit_or), &rules()), "{pin:?}");
        assert_eq!(is_overdue(&entry, then(limit_or + 1), &rules()), limit.is_some(), "{pin:?}");
    }
}

#[test]
fn a_failure_behind_a_redirect_is_remembered_for_a_while() {
    let limited = Failure::without_call(Reason::Limited, later(20));
    let after = |failure: &Failure, status: u16| Failure {
        status: StatusCode::from_u16(status).ok(),
        ..failure.clone()
    };
    let longer = Failure::without_call(Reason::Limited, later(7200));
    let broken = Failure::new(Reason::Unreachable);
    for (failure, want) in [
        (after(&limited, 302), Some(20)),
        (after(&longer, 301), Some(60)),
        (after(&broken, 302), Some(10)),
        (after(&Failure::new(Reason::Crowded), 302), None),
        (after(&limited, 404), None),
        (limited, None),
        (broken, None),
    ] {
        let kept = NotStored::Failed(failure);
        let remembered = remember_refusal(URL, None, &kept, NOW, &rules());
        let lifetime = remembered.map(|entry| entry.times.expires_at.since(NOW).as_secs());
        assert_eq!(lifetime, want, "{kept:?}");
    }
}

#[test]
fn a_refusal_is_remembered_while_it_is_likely_to_last() {
    let retry = |seconds: u64| Some(later(seconds));
    for (status, retry_at, want) in [
        (202, None, Some(5)),
        (202, retry(0), Some(1)),
        (202, retry(20), Some(20)),
        (202, retry(7200), Some(3600)),
        (409, None, Some(100)),
        (422, None, Some(100)),
        (451, retry(20), Some(100)),
        (403, retry(20), Some(60)),
        (429, retry(20), None),
        (500, retry(20), None),
    ] {
        let reply = Reply { retry_at, ..reply(status) };
        let about_token = NotStored::Passed(Reply { is_about_token: true, ..reply.clone() });
        let kept = NotStored::Passed(reply);
        let remembered = remember_refusal(URL, None, &kept, NOW, &rules());
        let lifetime = remembered.map(|entry| entry.times.expires_at.since(NOW).as_secs());
        assert_eq!(lifetime, want, "{status} with {retry_at:?}");
        assert!(remember_refusal(URL, None, &about_token, NOW, &rules()).is_none(), "{status}");
    }
}

#[test]
fn a_check_that_counts_from_earlier_ends_earlier() {
    let at = |fetched, checked, fully, expires| {
        let [fetched_at, checked_at, fully_checked_at, expires_at] =
            [fetched, checked, fully, expires].map(later);
        Times { fetched_at, checked_at, fully_checked_at, expires_at }
    };
    for (times, want) in [
        (at(20, 20, 20, 1_020), at(15, 15, 15, 1_015)),
        (at(10, 20, 20, 1_020), at(10, 15, 15, 1_015)),
        (at(5, 20, 10, 1_020), at(5, 15, 10, 1_015)),
    ] {
        let entry = Entry { times, ..(*stored_entry()).clone() };
        assert_eq!(checked_at(&entry, later(15)).times, want);
    }
}
