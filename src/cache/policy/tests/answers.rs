//! The answers to waiters by the result of a flight: the outcomes, one by one.

use super::*;

fn exchanged(status: u16) -> ExchangeResult {
    verdict(URL, Some(&stored_entry()), Ok(reply(status)), later(10), &rules())
}

fn answered(demand: Demand, previous: Option<Arc<Entry>>, exchanged: ExchangeResult) -> Answer {
    let result = FlightResult::Exchange { previous, exchanged };
    answer(demand, &result, false, later(10), &rules()).unwrap()
}

fn status(outcome: Outcome, forward: Forward, code: u16) -> Status {
    let forward_status = Some(StatusCode::from_u16(code).unwrap());
    Status { forward_status, ..Status::forwarded(outcome, forward) }
}

#[test]
fn the_forward_reason_depends_on_demand_and_entry() {
    let negative = Arc::new(Entry { status: StatusCode::GONE, ..(*stored_entry()).clone() });
    for (demand, previous, outcome, forward) in [
        (Demand::Cached, None, Outcome::Miss, Forward::UriMiss),
        (Demand::Cached, Some(negative), Outcome::Miss, Forward::UriMiss),
        (Demand::Cached, Some(stored_entry()), Outcome::Miss, Forward::Stale),
        (Demand::Refresh, None, Outcome::Bypass, Forward::Request),
        (Demand::Refresh, Some(stored_entry()), Outcome::Bypass, Forward::Request),
    ] {
        let fetched = answered(demand, previous.clone(), exchanged(200)).status;
        let want = Status { stored: true, ttl: Some(1000), ..status(outcome, forward, 200) };
        assert_eq!(fetched, want, "{demand:?}");

        let gone = answered(demand, previous.clone(), exchanged(404));
        let detail = Some(Detail::Negative);
        let negative = Status { stored: true, ttl: Some(100), detail, ..want };
        let want = Status { forward_status: Some(StatusCode::NOT_FOUND), ..negative };
        assert_eq!(gone.status, want, "{demand:?}");
        assert!(matches!(gone.given, Payload::Passed { status: StatusCode::NOT_FOUND, .. }));

        let refused = answered(demand, previous, exchanged(451)).status;
        let detail = Some(Detail::Refused(Reason::OtherStatus));
        assert_eq!(refused, Status { detail, ..status(outcome, forward, 451) }, "{demand:?}");
    }
}

#[test]
fn a_confirmed_copy_is_revalidated_for_every_demand() {
    for (demand, forward) in [(Demand::Cached, Forward::Stale), (Demand::Refresh, Forward::Request)]
    {
        let got = answered(demand, Some(stored_entry()), exchanged(304));
        let want = status(Outcome::Revalidated, forward, 304);
        assert_eq!(got.status, Status { ttl: Some(1000), ..want }, "{demand:?}");
        assert!(matches!(got.given, Payload::Document(_)));
    }
}

#[test]
fn without_a_call_only_a_refresh_is_forwarded() {
    let without_call = || {
        ExchangeResult::NotStored(NotStored::Failed(Failure::without_call(
            Reason::NoToken,
            later(70),
        )))
    };
    for (demand, forward) in [(Demand::Cached, None), (Demand::Refresh, Some(Forward::Request))] {
        let got = answered(demand, None, without_call());
        assert_eq!(got.status.forward, forward, "{demand:?}");
        let Payload::Failed { retry_after, .. } = got.given else { panic!("{got:?}") };
        assert_eq!(retry_after, Some(Duration::from_secs(60)));
    }
}

#[test]
fn a_follower_has_a_status_of_its_own() {
    let result = FlightResult::Exchange { previous: None, exchanged: exchanged(200) };
    for collapsed in [false, true] {
        let got = answer(Demand::Cached, &result, collapsed, later(10), &rules()).unwrap();
        assert_eq!(got.status.collapsed, collapsed);
        assert_eq!(late(&stored_entry(), collapsed).status.collapsed, collapsed);
    }
    let late = late(&stored_entry(), false).status;
    let want = Status::forwarded(Outcome::Hit, Forward::Stale);
    assert_eq!(late, Status { detail: Some(Detail::StaleWhileRevalidate), ..want });
}

#[test]
fn an_entry_found_in_the_flight_is_a_hit_if_it_satisfies() {
    let found = |from_l2, demand, seconds| {
        let result = FlightResult::Found(FoundEntry { entry: stored_entry(), from_l2 });
        answer(demand, &result, true, later(seconds), &rules()).map(|answer| answer.status)
    };
    assert_eq!(found(false, Demand::Cached, 10), Some(Status::hit(990)));
    let from_l2 = Status { detail: Some(Detail::L2), ..Status::hit(990) };
    assert_eq!(found(true, Demand::Cached, 10), Some(from_l2));
    assert_eq!(found(true, Demand::Cached, 1000), None, "it has expired meanwhile");
    assert_eq!(found(false, Demand::Refresh, 10), None);
}

#[test]
fn a_copy_whose_pause_ends_meanwhile_still_stands_in() {
    let failure = RecentFailure {
        retry_at: later(1110),
        pause: Duration::from_secs(20),
        reason: Reason::ServerError,
    };
    let entry =
        Arc::new(Entry { extras: Extras::new(None, Some(failure)), ..(*stored_entry()).clone() });
    let result = FlightResult::Found(FoundEntry { entry, from_l2: false });
    for seconds in [1109, 1110] {
        let got = answer(Demand::Cached, &result, true, later(seconds), &rules()).unwrap();
        assert_eq!(got.status.detail, Some(Detail::StaleIfError), "after {seconds}");
    }
}

#[test]
fn a_negative_entry_gives_what_the_upstream_said() {
    let ExchangeResult::Forgotten(negative) = exchanged(410) else { panic!("not forgotten") };
    let Recall::Serve(answer) = recall(&negative, Demand::Cached, later(109), &rules()) else {
        panic!("not served")
    };
    assert_eq!(answer.status, Status::hit(1));
    assert!(matches!(answer.given, Payload::Passed { status: StatusCode::GONE, .. }));
    assert!(matches!(recall(&negative, Demand::Cached, later(110), &rules()), Recall::Ask));
}
