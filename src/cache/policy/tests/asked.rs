//! The request about an entry: whether a date suffices, and the place of the document.

use super::*;
use crate::target::{Policy, Target};
use crate::upstream::{DateCheck, Priority};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// The body of a release that was published ten days before [`NOW`].
const SETTLED: &str = r#"{"published_at":"1970-01-02T00:00:00Z","assets":[{"state":"uploaded"}]}"#;

/// The facts that decide about a check by date.
#[derive(Clone, Copy)]
struct Case {
    demand: Demand,
    path: &'static str,
    last_modified: Option<&'static str>,
    body: &'static str,
    fully_checked_at: Timestamp,
}

/// A case in which a check by date suffices: the next check, a minute later, is still in time for
/// the full check.
const GOOD: Case = Case {
    demand: Demand::Revalidate,
    path: "/repos/octo/app/releases/latest",
    last_modified: Some("Thu, 01 Jan 1970 00:00:00 GMT"),
    body: SETTLED,
    fully_checked_at: Timestamp::from_secs(1_000_000 - 540),
};

fn may_use_date(case: Case) -> bool {
    let url = format!("https://api.github.com{}", case.path);
    let target = Target::parse(&url, &Policy::default()).unwrap();
    let last_modified = case.last_modified.map(Into::into);
    let entry = Entry {
        body: Bytes::from_static(case.body.as_bytes()).into(),
        validators: Validators { last_modified, ..reply(200).validators },
        times: Times { fully_checked_at: case.fully_checked_at, ..stored_entry().times },
        ..(*stored_entry()).clone()
    };
    let stored = asked(&entry, &target, case.demand, Priority::Background, NOW, &rules());
    match stored.date_check {
        DateCheck::Never => false,
        DateCheck::If(suffices) => suffices(stored.body, NOW),
        DateCheck::Preferred | DateCheck::Only => panic!("no pin, and an ETag"),
    }
}

#[test]
fn a_date_suffices_for_a_settled_release_in_the_background() {
    for path in [
        "/repos/octo/app/releases/latest",
        "/repos/octo/app/releases/tags/v1",
        "/repos/octo/app/releases/4711",
    ] {
        assert!(may_use_date(Case { path, ..GOOD }), "{path}");
    }
}

/// Returns true if a date is preferred for a release with this pin, this many days after its last
/// full check.
fn prefers_date(pin: Option<Pin>, demand: Demand, days: u64) -> bool {
    let target = Target::parse(&format!("{URL}/releases/tags/v1"), &Policy::default()).unwrap();
    let validators =
        Validators { last_modified: GOOD.last_modified.map(Into::into), ..reply(200).validators };
    let extras = Extras::default().with_pin(pin);
    let fetched = entry(URL, reply(200), later(100 * DAY), rules().hard_ttl);
    let entry = Entry { validators, extras, ..fetched };
    let asked =
        asked(&entry, &target, demand, Priority::Background, later((100 + days) * DAY), &rules());
    matches!(asked.date_check, DateCheck::Preferred)
}

#[test]
fn a_date_is_preferred_for_pinned_releases() {
    let (locked, old) = (Some(Pin::Locked), Some(Pin::Unchanged(later(60 * DAY))));
    for (why, pin, demand, days, want) in [
        ("locked", locked, Demand::Revalidate, 300, true),
        ("a client waits", locked, Demand::Cached, 1, false),
        ("a client wants to be sure", locked, Demand::Refresh, 1, false),
        ("old", old, Demand::Revalidate, 6, true),
        ("an asset may have been added", old, Demand::Revalidate, 7, false),
        ("young", Some(Pin::Unchanged(later(90 * DAY))), Demand::Revalidate, 1, false),
        ("another document", None, Demand::Revalidate, 1, false),
    ] {
        assert_eq!(prefers_date(pin, demand, days), want, "{why}");
    }
}

#[test]
fn a_date_will_not_do_where_one_condition_is_missing() {
    let audited = |ago: u64| Timestamp::from_secs(1_000_000 - ago);
    for (why, case) in [
        ("a client waits", Case { demand: Demand::Cached, ..GOOD }),
        ("a client wants to be sure", Case { demand: Demand::Refresh, ..GOOD }),
        ("a list", Case { path: "/repos/octo/app/releases", ..GOOD }),
        ("not a release", Case { path: "/repos/octo/app/tags", ..GOOD }),
        ("no date", Case { last_modified: None, ..GOOD }),
        (
            "no assets",
            Case { body: r#"{"published_at":"1970-01-02T00:00:00Z","assets":[]}"#, ..GOOD },
        ),
        (
            "published just now",
            Case {
                body: r#"{"published_at":"1970-01-12T13:46:40Z","assets":[{"state":"uploaded"}]}"#,
                ..GOOD
            },
        ),
        (
            "an upload under way",
            Case {
                body: r#"{"published_at":"1970-01-02T00:00:00Z","assets":[{"state":"open"}]}"#,
                ..GOOD
            },
        ),
        ("an audit is due", Case { fully_checked_at: audited(600), ..GOOD }),
        ("the next check is too late for it", Case { fully_checked_at: audited(541), ..GOOD }),
        ("an audit that a clock puts into the future", Case { fully_checked_at: later(6), ..GOOD }),
    ] {
        assert!(!may_use_date(case), "{why}");
    }
    assert!(may_use_date(Case { fully_checked_at: audited(0), ..GOOD }));
    assert!(may_use_date(Case { fully_checked_at: later(5), ..GOOD }), "clocks differ a little");
}

#[test]
fn the_new_place_of_a_document_is_believed_for_a_day() {
    let target = Target::parse(URL, &Policy::default()).unwrap();
    let to = "https://api.github.com/repositories/17";
    let told_after = |seconds: u64| {
        let extras = Extras::new(Some(Moved { to: to.into(), seen_at: NOW }), None);
        let entry = Entry { extras, ..(*stored_entry()).clone() };
        let request =
            asked(&entry, &target, Demand::Cached, Priority::Background, later(seconds), &rules());
        request.moved_to.map(str::to_owned)
    };
    assert_eq!(told_after(0).as_deref(), Some(to));
    assert_eq!(told_after(DAY - 1).as_deref(), Some(to));
    assert_eq!(told_after(DAY), None);
    assert_eq!(
        asked(&stored_entry(), &target, Demand::Cached, Priority::Background, NOW, &rules())
            .moved_to,
        None
    );
}

#[test]
fn the_new_place_is_forgotten_where_the_clock_was_set_back() {
    let target = Target::parse(URL, &Policy::default()).unwrap();
    for (seconds_ahead, is_known) in [(0, true), (5, true), (6, false), (10 * DAY, false)] {
        let extras =
            Extras::new(Some(Moved { to: URL.into(), seen_at: later(seconds_ahead) }), None);
        let entry = Entry { extras, ..(*stored_entry()).clone() };
        let request = asked(&entry, &target, Demand::Cached, Priority::Background, NOW, &rules());
        assert_eq!(request.moved_to.is_some(), is_known, "{seconds_ahead} s ahead");
    }
}
