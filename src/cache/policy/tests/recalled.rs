//! The use of a stored entry on its own: by demand, by age, after a failure, after another
//! replica's check.

use super::*;

/// The use of an entry, as the tests compare it.
#[derive(Debug, PartialEq)]
pub(super) enum Use {
    Serve(Option<Detail>),
    ServeAndRetry,
    Ask,
}

pub(super) fn of(entry: &Arc<Entry>, demand: Demand, now: Timestamp, rules: &config::Cache) -> Use {
    match recall(entry, demand, now, rules) {
        Recall::Serve(answer) => Use::Serve(answer.status.detail),
        Recall::ServeAndRetry(answer) => {
            assert_eq!(answer.status.detail, Some(Detail::StaleIfError));
            Use::ServeAndRetry
        }
        Recall::Ask => Use::Ask,
    }
}

#[test]
fn an_entry_is_served_up_to_its_expiry() {
    for (demand, seconds, want) in [
        (Demand::Cached, 0, Use::Serve(None)),
        (Demand::Cached, 999, Use::Serve(None)),
        (Demand::Cached, 1000, Use::Ask),
        (Demand::Refresh, 0, Use::Ask),
        (Demand::Revalidate, 0, Use::Ask),
    ] {
        assert_eq!(of(&stored_entry(), demand, later(seconds), &rules()), want, "{demand:?}");
    }
}

#[test]
fn a_full_check_within_the_interval_answers_a_refresh() {
    let rules = config::Cache { refresh_min_interval: Duration::from_secs(10), ..rules() };
    let refreshed = |seconds| of(&stored_entry(), Demand::Refresh, later(seconds), &rules);
    assert_eq!(refreshed(9), Use::Serve(None));
    assert_eq!(refreshed(10), Use::Ask);
    let times = Times { checked_at: later(5), ..stored_entry().times };
    let by_date = Arc::new(Entry { times, ..(*stored_entry()).clone() });
    assert_eq!(of(&by_date, Demand::Refresh, later(10), &rules), Use::Ask);
    for demand in [Demand::Another, Demand::Revalidate] {
        assert_eq!(of(&stored_entry(), demand, later(1), &rules), Use::Ask, "{demand:?}");
    }
}

#[test]
fn a_claim_within_the_interval_answers_a_refresh() {
    let claim = LossClaim { loss: Loss::ListEmptied, release: None };
    let (since, asked_at) = (later(0), later(100));
    let doubt = Doubt { claim, since, agreed_since: None, asked_at, token: None };
    let entry = (*stored_entry()).clone();
    let extras = entry.extras.clone().with_doubt(Some(doubt));
    let doubted = Arc::new(Entry { extras, ..entry });
    let rules = config::Cache { refresh_min_interval: Duration::from_secs(10), ..rules() };
    for (demand, seconds, want) in [
        (Demand::Refresh, 109, Use::Serve(Some(Detail::Unconfirmed))),
        (Demand::Refresh, 110, Use::Ask),
        (Demand::Another, 109, Use::Ask),
        (Demand::Revalidate, 101, Use::Ask),
        (Demand::Cached, 110, Use::Serve(Some(Detail::Unconfirmed))),
    ] {
        assert_eq!(of(&doubted, demand, later(seconds), &rules), want, "{demand:?} {seconds}");
    }
}

#[test]
fn an_overdue_check_of_a_claim_waits_for_the_pause() {
    let claim = LossClaim { loss: Loss::ListEmptied, release: None };
    let (since, asked_at) = (later(0), later(100));
    let doubt = Doubt { claim, since, agreed_since: None, asked_at, token: None };
    let (pause, reason) = (Duration::from_secs(20), Reason::ServerError);
    let failure = |retry_at| RecentFailure { retry_at: later(retry_at), pause, reason };
    for (failure, seconds, retries) in [
        (None, 249, false),
        (None, 250, true),
        (Some(failure(280)), 259, true),
        (Some(failure(280)), 260, false),
        (Some(failure(280)), 279, false),
        (Some(failure(280)), 280, true),
    ] {
        let extras = Extras::new(None, failure).with_doubt(Some(doubt));
        let doubted = Arc::new(Entry { extras, ..(*stored_entry()).clone() });
        let got = recall(&doubted, Demand::Cached, later(seconds), &rules());
        assert_eq!(matches!(got, Recall::ServeAndRetry(_)), retries, "{failure:?} {seconds}");
    }
}

#[test]
fn a_page_in_doubt_that_is_outdated_needs_an_answer() {
    let claim = LossClaim { loss: Loss::ListEmptied, release: None };
    let (since, agreed_since, asked_at) = (later(0), Some(later(9)), later(100));
    let doubt = Doubt { claim, since, agreed_since, asked_at, token: None };
    let (pause, reason) = (Duration::from_secs(20), Reason::ServerError);
    let failure = RecentFailure { retry_at: later(110), pause, reason };
    for (failure, want) in
        [(None, Use::Ask), (Some(failure), Use::Serve(Some(Detail::Unconfirmed)))]
    {
        let extras = Extras::new(None, failure).with_doubt(Some(doubt));
        let doubted = Arc::new(outdated(&Entry { extras, ..(*stored_entry()).clone() }));
        assert_eq!(of(&doubted, Demand::Cached, later(101), &rules()), want, "{failure:?}");
        let kept = doubted.extras.doubt().map(|doubt| (doubt.since, doubt.agreed_since));
        assert_eq!(kept, Some((since, agreed_since)), "answers still confirm each other");
    }
}

#[test]
fn after_a_failure_the_copy_is_served_until_its_pause_ends() {
    let failure = RecentFailure {
        retry_at: later(1110),
        pause: Duration::from_secs(20),
        reason: Reason::ServerError,
    };
    let failed =
        Arc::new(Entry { extras: Extras::new(None, Some(failure)), ..(*stored_entry()).clone() });
    let stands_in = || Use::Serve(Some(Detail::StaleIfError));
    for (demand, seconds, want) in [
        (Demand::Cached, 999, Use::Serve(None)),
        (Demand::Cached, 1000, Use::Ask),
        (Demand::Cached, 1090, stands_in()),
        (Demand::Cached, 1109, stands_in()),
        (Demand::Cached, 1110, Use::ServeAndRetry),
        (Demand::Cached, 1129, Use::ServeAndRetry),
        (Demand::Cached, 1130, Use::Ask),
        (Demand::Refresh, 1109, Use::Ask),
        (Demand::Revalidate, 1109, Use::Ask),
    ] {
        let got = of(&failed, demand, later(seconds), &rules());
        assert_eq!(got, want, "{demand:?} after {seconds}");
    }
    let strict = config::Cache { stale_if_error: Duration::from_secs(100), ..rules() };
    assert_eq!(of(&failed, Demand::Cached, later(1099), &strict), stands_in());
    assert_eq!(of(&failed, Demand::Cached, later(1100), &strict), Use::Ask);
}

#[test]
fn seconds_left_are_rounded_up_and_seconds_over_down() {
    let at = |millis| stored_entry().seconds_left(NOW + Duration::from_millis(millis));
    for (millis, want) in [(0, 1000), (1, 1000), (1000, 999), (999_999, 1), (1_000_000, 0)] {
        assert_eq!(at(millis), want, "{millis}");
    }
    assert_eq!((at(1_000_999), at(1_001_000), at(1_100_000)), (0, -1, -100));
}

#[test]
fn a_later_check_of_a_replica_counts_for_the_same_body() {
    let entry = stored_entry();
    let check = |at, fetched_at| {
        confirmed_by_replica(&entry, Check { at, fetched_at }, later(20), &rules())
    };
    let fresh = check(later(10), NOW).unwrap();
    assert_eq!((fresh.times.checked_at, fresh.times.expires_at), (later(10), later(1010)));
    assert_eq!(check(NOW, NOW), None, "no later than ours");
    assert_eq!(check(later(10), later(1)), None, "of another body");
    let ahead = check(later(25), NOW).unwrap();
    assert_eq!(ahead.times.checked_at, later(20), "never ahead of our clock");
    assert_eq!(check(later(26), NOW), None, "too far ahead");

    let gone = Entry { status: StatusCode::NOT_FOUND, ..(*entry).clone() };
    assert_eq!(
        confirmed_by_replica(&gone, Check { at: later(10), fetched_at: NOW }, later(20), &rules()),
        None
    );
}
