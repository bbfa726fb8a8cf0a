//! The rules, by tables of cases and by properties.

mod answers;
mod asked;
mod confirmed;
mod lifetimes;
mod recalled;
mod set_back;
mod stands_in;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use proptest::prelude::*;

use super::freshness::may_stand_in;
use super::verdict::{PAUSE, entry};
use super::*;
use crate::cache::answer::{Answer, Payload};
use crate::cache::flight::CopyUse;
use crate::cache::flight_result::{ExchangeResult, FlightResult, FoundEntry, NotStored};
use crate::cache::status::{Detail, Forward, Outcome, Status};
use crate::clock::Timestamp;
use crate::config;
use crate::entry::{
    Check, Doubt, Entry, Extras, Links, Loss, LossClaim, Moved, Notices, Persisted, Pin, Reason,
    RecentFailure, Times, Validator, Validators,
};
use crate::upstream::{Failure, Redirection, Reply};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const URL: &str = "https://api.github.com/repos/octo/app";

pub(super) fn rules() -> config::Cache {
    config::Cache {
        hard_ttl: Duration::from_secs(1000),
        negative_ttl: Duration::from_secs(100),
        release_negative_ttl: Duration::from_secs(60),
        stale_if_error: Duration::from_secs(500),
        stale_after: Duration::from_secs(2),
        refresh_min_interval: Duration::ZERO,
        confirm_losses: true,
        audit_interval: Duration::from_secs(600),
        check_interval: Duration::from_secs(60),
        l1_max_bytes: 1 << 20,
        store_read_budget: Duration::from_millis(25),
    }
}

fn reply(status: u16) -> Reply {
    Reply {
        links: Links::default(),
        notices: Notices::default(),
        status: StatusCode::from_u16(status).unwrap(),
        body: Bytes::from_static(b"{}"),
        validators: Validators { etag: Some("\"new\"".into()), ..Validators::default() },
        token: None,
        asked_by: Validator::Etag,
        is_full_check: true,
        route: Redirection::Direct,
        limited_until: (status == 429).then_some(NOW),
        retry_at: None,
        is_about_token: false,
    }
}

pub(super) fn stored_entry() -> Arc<Entry> {
    Arc::new(Entry {
        validators: Validators { etag: Some("\"old\"".into()), ..Validators::default() },
        ..entry(URL, reply(200), NOW, rules().hard_ttl)
    })
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[test]
fn a_status_decides_what_becomes_of_the_entry() {
    let previous = stored_entry();
    for status in 200..600 {
        let got = verdict(URL, Some(&previous), Ok(reply(status)), later(10), &rules());
        let as_told = match (status, &got) {
            (200, ExchangeResult::Stored(entry)) => entry.times.expires_at == later(1010),
            (304, ExchangeResult::Freshened(entry)) => entry.times.expires_at == later(1010),
            (404 | 410, ExchangeResult::Forgotten(entry)) => entry.times.expires_at == later(110),
            (200 | 304 | 404 | 410, _) => false,
            (401 | 403 | 429 | 500.., ExchangeResult::NotStored(kept)) => kept.is_failure(),
            (_, ExchangeResult::NotStored(kept)) => !kept.is_failure(),
            _ => false,
        };
        assert!(as_told, "{status}: {got:?}");
    }
}

#[test]
fn a_body_that_comes_again_keeps_its_gzip_form() {
    let sent = |text: &str| Reply { body: Bytes::from(text.repeat(1_000)), ..reply(200) };
    let previous = Arc::new(entry(URL, sent("once"), NOW, rules().hard_ttl));
    let form = previous.body.gzip_or_make().unwrap().as_ptr();
    let form_of = |text| {
        let got = verdict(URL, Some(&previous), Ok(sent(text)), later(10), &rules());
        let ExchangeResult::Stored(entry) = got else { panic!("{got:?}") };
        assert_eq!((&entry.body[..4], entry.times.fetched_at), (text.as_bytes(), later(10)));
        entry.body.gzip().map(|form| form.as_ptr())
    };
    assert_eq!(form_of("once"), Some(form));
    assert_eq!(form_of("anew"), None);
}

#[test]
fn a_304_moves_times_and_nothing_else() {
    let failed = RecentFailure {
        retry_at: later(60),
        pause: Duration::from_secs(60),
        reason: Reason::ServerError,
    };
    let previous =
        Arc::new(Entry { extras: Extras::new(None, Some(failed)), ..(*stored_entry()).clone() });
    let got = verdict(URL, Some(&previous), Ok(reply(304)), later(10), &rules());
    let ExchangeResult::Freshened(fresh) = got else { panic!("{got:?}") };
    let times = Times {
        checked_at: later(10),
        fully_checked_at: later(10),
        expires_at: later(1010),
        ..previous.times
    };
    assert_eq!(*fresh, Entry { times, extras: Extras::default(), ..(*previous).clone() });
}

#[test]
fn a_304_without_an_entry_is_a_failure() {
    let got = verdict(URL, None, Ok(reply(304)), NOW, &rules());
    assert!(matches!(got, ExchangeResult::NotStored(NotStored::Failed(_))), "{got:?}");
}

#[test]
fn a_failed_call_is_remembered_where_a_copy_may_stand_in() {
    let copy = stored_entry();
    let remember =
        |kept: NotStored, seconds| remember_failure(&copy, &kept, later(seconds), &rules());
    let pauses = RecentFailure {
        retry_at: later(1000) + PAUSE.first,
        pause: PAUSE.first,
        reason: Reason::ServerError,
    };
    let remembered = remember(NotStored::Passed(reply(503)), 1000).unwrap();
    assert_eq!(remembered, Entry { extras: Extras::new(None, Some(pauses)), ..(*copy).clone() });
    assert!(remember(NotStored::Failed(Failure::new(Reason::Timeout)), 1499).is_some());
    assert!(remember(NotStored::Passed(reply(503)), 1500).is_none(), "too old to stand in");
    assert!(remember(NotStored::Passed(reply(451)), 1000).is_none(), "no failure");
    let no_call = Failure::without_call(Reason::NoToken, later(2000));
    assert!(remember(NotStored::Failed(no_call), 1000).is_none(), "no call");
}

/// The loss time of a tier that has lost nothing.
const NEVER: Timestamp = Timestamp::from_millis(0);

#[test]
fn an_entry_that_the_tier_has_lost_is_written_again() {
    let entry = |checked: u64| Entry {
        persisted: Persisted::until(NOW + rules().hard_ttl),
        times: Times {
            checked_at: later(checked),
            fully_checked_at: later(checked),
            expires_at: later(checked) + rules().hard_ttl,
            ..stored_entry().times
        },
        ..(*stored_entry()).clone()
    };
    assert!(!is_worth_persisting(&entry(60), NEVER, &rules()));
    assert!(is_worth_persisting(&entry(60), later(30), &rules()));
    let again = Entry { persisted: Persisted::until(entry(60).times.expires_at), ..entry(120) };
    assert!(!is_worth_persisting(&again, later(30), &rules()), "it was written since");
}

#[test]
fn a_move_of_the_expiry_by_a_tenth_is_worth_a_write() {
    let entry = |moved: u64| Entry {
        persisted: Persisted::until(later(1000)),
        times: Times { expires_at: later(1000 + moved), ..stored_entry().times },
        ..(*stored_entry()).clone()
    };
    assert!(!is_worth_persisting(&entry(0), NEVER, &rules()));
    assert!(!is_worth_persisting(&entry(100), NEVER, &rules()));
    assert!(is_worth_persisting(&entry(101), NEVER, &rules()));
    assert!(is_worth_persisting(
        &Entry { persisted: Persisted::default(), ..entry(0) },
        NEVER,
        &rules()
    ));
}

#[test]
fn an_expired_entry_is_kept_for_its_validator() {
    let strict = config::Cache { stale_if_error: Duration::ZERO, ..rules() };
    assert_eq!(keep_until(&stored_entry(), &strict), later(1000 + 24 * 3600));
    let week = Duration::from_secs(7 * 24 * 3600);
    let lenient = config::Cache { stale_if_error: week, ..rules() };
    assert_eq!(keep_until(&stored_entry(), &lenient), later(1000) + week);
}

proptest! {
    /// An entry that is served without a call is fresh, or it is marked as stale and is young
    /// enough.
    #[test]
    fn nothing_old_is_served_as_fresh(
        seconds in 0..3000u64,
        failed in proptest::option::of((0..2000u64, 1..60u64)),
        refresh in any::<bool>(),
    ) {
        let failure = failed.map(|(retry_at, pause)| RecentFailure {
            retry_at: later(retry_at),
            pause: Duration::from_secs(pause), reason: Reason::ServerError
        });
        let entry = Arc::new(Entry { extras: Extras::new(None, failure), ..(*stored_entry()).clone() });
        let demand = if refresh { Demand::Refresh } else { Demand::Cached };
        match recall(&entry, demand, later(seconds), &rules()) {
            Recall::Serve(answer) | Recall::ServeAndRetry(answer) => {
                prop_assert_eq!(demand, Demand::Cached);
                prop_assert_eq!(answer.status.outcome, Outcome::Hit);
                prop_assert_eq!(answer.status.is_stale(), seconds >= 1000);
                prop_assert_eq!(answer.status.ttl, Some(1000 - seconds as i64));
                prop_assert!(seconds < 1500 && (seconds < 1000 || failure.is_some()));
            }
            Recall::Ask => prop_assert!(refresh || seconds >= 1000),
        }
    }

    /// Each consecutive failure lengthens the pause, between ten seconds and a minute.
    #[test]
    fn rests_double_within_their_bounds(failures in 1..12usize) {
        let mut entry = (*stored_entry()).clone();
        let mut pauses = Vec::new();
        for _ in 0..failures {
            let failed = NotStored::Failed(Failure::new(Reason::Unreachable));
            entry = remember_failure(&entry, &failed, later(1000), &rules()).unwrap();
            pauses.push(entry.extras.failure().unwrap().pause.as_secs());
        }
        let want: Vec<_> = (0..failures as u32).map(|n| (10 << n.min(3)).min(60)).collect();
        prop_assert_eq!(pauses, want);
    }
}
