//! The failures for which a copy stands in, and the status of that answer.

use super::*;

/// Returns the answer to a waiter after a failure, this many seconds after the fetch of the entry.
fn answered(demand: Demand, previous: &Arc<Entry>, kept: NotStored, seconds: u64) -> Answer {
    let (previous, exchanged) = (Some(Arc::clone(previous)), ExchangeResult::NotStored(kept));
    let result = FlightResult::Exchange { previous, exchanged };
    answer(demand, &result, false, later(seconds), &rules()).unwrap()
}

fn failed(reason: Reason) -> NotStored {
    NotStored::Failed(Failure::new(reason))
}

#[test]
fn a_copy_stands_in_for_every_reason_but_another_status() {
    for reason in Reason::ALL {
        let got = answered(Demand::Cached, &stored_entry(), failed(reason), 1000);
        let want = match reason {
            Reason::OtherStatus => Detail::Refused(reason),
            _ => Detail::StaleIfError,
        };
        assert_eq!(got.status.detail, Some(want), "{reason:?}");
        let is_copy = matches!(got.given, Payload::Document(_));
        assert_eq!(is_copy, reason != Reason::OtherStatus, "{reason:?}");
    }
}

#[test]
fn a_copy_that_stood_in_without_a_call_was_not_forwarded() {
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::OtherStatus) {
        let status = answered(Demand::Cached, &stored_entry(), failed(reason), 1000).status;
        let called = !reason.is_without_call();
        assert_eq!(status.outcome, Outcome::Hit, "{reason:?}");
        assert_eq!(status.forward, called.then_some(Forward::Stale), "{reason:?}");
        assert_eq!(status.ttl, (!called).then_some(0), "{reason:?}");
    }
}

/// A plain request may join the flight of a refresh, and get its result before it gets the copy.
#[test]
fn a_copy_that_is_fresh_stands_in_for_nothing() {
    for reason in Reason::ALL.into_iter().filter(|reason| *reason != Reason::OtherStatus) {
        let got = answered(Demand::Cached, &stored_entry(), failed(reason), 10);
        assert_eq!(got.status, Status::hit(990), "{reason:?}");
        assert!(matches!(got.given, Payload::Document(_)), "{reason:?}");
    }
}

#[test]
fn a_stale_copy_has_the_status_of_the_upstream() {
    for status in [403, 429, 500, 503] {
        let got = answered(Demand::Cached, &stored_entry(), NotStored::Passed(reply(status)), 1000)
            .status;
        assert_eq!(got.forward_status.map(|code| code.as_u16()), Some(status));
    }
}

#[test]
fn nothing_stands_in_for_a_refresh() {
    let negative = Arc::new(Entry { status: StatusCode::NOT_FOUND, ..(*stored_entry()).clone() });
    for reason in Reason::ALL {
        for (demand, entry, seconds) in [
            (Demand::Refresh, stored_entry(), 1000),
            (Demand::Cached, Arc::clone(&negative), 1000),
            (Demand::Cached, stored_entry(), 1500),
        ] {
            let got = answered(demand, &entry, failed(reason), seconds);
            assert_eq!(got.status.detail, Some(Detail::Refused(reason)), "{demand:?}");
            assert!(matches!(got.given, Payload::Failed { .. }), "{demand:?}, {reason:?}");
        }
    }
}

#[test]
fn only_a_positive_copy_is_announced_for_the_impatient() {
    let negative = Entry { status: StatusCode::GONE, ..(*stored_entry()).clone() };
    for (demand, seconds, want) in [
        (Demand::Cached, 999, CopyUse::Now),
        (Demand::Cached, 1000, CopyUse::AfterPatience),
        (Demand::Cached, 1499, CopyUse::AfterPatience),
        (Demand::Cached, 1500, CopyUse::Never),
        (Demand::Refresh, 1000, CopyUse::Never),
        (Demand::Revalidate, 1000, CopyUse::Never),
    ] {
        assert_eq!(serves(&stored_entry(), demand, later(seconds), &rules()), want);
        if seconds >= 1000 {
            assert_eq!(serves(&negative, demand, later(seconds), &rules()), CopyUse::Never);
        }
    }
}
