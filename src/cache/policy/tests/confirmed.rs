//! The effect of a `304`, by the validator of its request, and the waiters that it satisfies.

use super::*;
use crate::entry::Validator;
use crate::secret::Fingerprint;

const PLACE: &str = "https://api.github.com/repositories/17";

/// An entry with everything that a `304` might touch.
fn previous() -> Arc<Entry> {
    Arc::new(Entry {
        validators: Validators {
            etag: Some("\"old\"".into()),
            last_modified: Some("Thu, 01 Jan 1970 00:00:00 GMT".into()),
            follows_rule: true,
        },
        token: Some(Fingerprint::from_bits(1)),
        extras: Extras::new(Some(Moved { to: PLACE.into(), seen_at: NOW }), None),
        ..(*stored_entry()).clone()
    })
}

/// Returns a `304` for another token, with other validators.
fn not_modified(asked_by: Validator, route: Redirection) -> Reply {
    let (token, is_full_check) = (Some(Fingerprint::from_bits(2)), asked_by.is_full());
    Reply { token, asked_by, is_full_check, route, ..reply(304) }
}

fn freshened(reply: Reply) -> Entry {
    let got = verdict(URL, Some(&previous()), Ok(reply), later(10), &rules());
    let ExchangeResult::Freshened(entry) = got else { panic!("{got:?}") };
    Arc::unwrap_or_clone(entry)
}

#[test]
fn a_check_by_date_is_no_audit() {
    for (asked_by, fully_checked_at) in
        [(Validator::Etag, later(10)), (Validator::ComputedEtag, later(10)), (Validator::Date, NOW)]
    {
        let want = Times {
            fetched_at: NOW,
            checked_at: later(10),
            fully_checked_at,
            expires_at: later(1010),
        };
        let got = freshened(not_modified(asked_by, Redirection::Direct)).times;
        assert_eq!(got, want, "{asked_by:?}");
        assert_eq!(got.last_check_was_full(), asked_by.is_full());
    }
}

#[test]
fn a_check_by_another_replica_is_no_audit() {
    let check = Check { at: later(10), fetched_at: NOW };
    let got = confirmed_by_replica(&previous(), check, later(10), &rules()).unwrap().times;
    let want = Times {
        fetched_at: NOW,
        checked_at: later(10),
        fully_checked_at: NOW,
        expires_at: later(1010),
    };
    assert_eq!(got, want);
}

#[test]
fn a_check_by_date_is_not_written() {
    let times = Times { expires_at: later(2000), ..previous().times };
    let audited = Entry { times, persisted: Persisted::until(NOW), ..(*previous()).clone() };
    assert!(is_worth_persisting(&audited, NEVER, &rules()));
    let dated = Entry { times: Times { checked_at: later(1000), ..times }, ..audited };
    assert!(!is_worth_persisting(&dated, NEVER, &rules()));
}

#[test]
fn a_304_brings_neither_validators_nor_a_token() {
    for asked_by in [Validator::Etag, Validator::ComputedEtag, Validator::Date] {
        for route in [Redirection::Direct, Redirection::Moved(URL.into()), Redirection::Remembered]
        {
            let fresh = freshened(not_modified(asked_by, route));
            let (times, extras) = (fresh.times, fresh.extras.clone());
            assert_eq!(fresh, Entry { times, extras, ..(*previous()).clone() }, "{asked_by:?}");
        }
    }
}

#[test]
fn a_redirect_shows_the_new_place_of_a_document() {
    let seen_before = Some(Moved { to: PLACE.into(), seen_at: NOW });
    let seen_now = Some(Moved { to: "https://elsewhere/".into(), seen_at: later(10) });
    for (route, want) in [
        (Redirection::Direct, None),
        (Redirection::Moved("https://elsewhere/".into()), seen_now),
        (Redirection::Remembered, seen_before),
    ] {
        for status in [200, 304] {
            let reply = Reply { route: route.clone(), ..reply(status) };
            let got = verdict(URL, Some(&previous()), Ok(reply), later(10), &rules());
            let (ExchangeResult::Stored(entry) | ExchangeResult::Freshened(entry)) = got else {
                panic!("{got:?}")
            };
            assert_eq!(entry.extras.moved(), want.as_ref(), "{route:?}, {status}");
        }
    }
}

#[test]
fn a_document_that_is_gone_is_nowhere() {
    let reply = Reply { route: Redirection::Moved(PLACE.into()), ..reply(404) };
    let got = verdict(URL, Some(&previous()), Ok(reply), later(10), &rules());
    let ExchangeResult::Forgotten(negative) = got else { panic!("{got:?}") };
    assert_eq!(negative.extras.moved(), None);
}

#[test]
fn a_refresh_is_not_satisfied_by_a_check_by_date_and_others_are() {
    for (asked_by, demand, is_satisfied) in [
        (Validator::Date, Demand::Refresh, false),
        (Validator::Date, Demand::Cached, true),
        (Validator::Date, Demand::Revalidate, true),
        (Validator::Etag, Demand::Refresh, true),
        (Validator::ComputedEtag, Demand::Refresh, true),
    ] {
        let entry = freshened(not_modified(asked_by, Redirection::Direct));
        let result = FlightResult::Exchange {
            previous: Some(previous()),
            exchanged: ExchangeResult::Freshened(Arc::new(entry)),
        };
        let got = answer(demand, &result, true, later(10), &rules());
        assert_eq!(got.is_some(), is_satisfied, "{demand:?} by {asked_by:?}");
        assert!(got.is_none_or(|got| got.status.outcome == Outcome::Revalidated));
    }
}
