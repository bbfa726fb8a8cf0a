//! A difference between our clock and GitHub's: svm converts GitHub's times by `Date`.

use std::time::Duration;

use crate::support::app::{Log, TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::{Failure, GitHub};
use crate::{LATEST, LATEST_PATH};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const OFFSET: &str = "svm_upstream_clock_offset_seconds";
const RESTING: &str = "svm_token_resting{token=\"0\"}";
const APART: &str = "the clock of this machine and that of GitHub differ";
const AGREED: &str = "the clock of this machine and that of GitHub agree again";
/// The seconds by which GitHub's clock is ahead of ours.
const OFFSETS: [i64; 6] = [30 * MINUTE, -30 * MINUTE, 3 * HOUR, -3 * HOUR, 5 * DAY, -5 * DAY];

fn one_token() -> TestAppBuilder {
    TestApp::builder().set("GITHUB_PATS", "a")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn document(app: &TestApp, name: &str) -> String {
    app.github.release(&format!("octo/{name}")).serve();
    format!("https://api.github.com/repos/octo/{name}/releases/latest")
}

#[tokio::test]
async fn a_spent_token_cools_down_until_its_real_reset() {
    for offset in OFFSETS {
        let app = one_token().start().await;
        app.github.clock_ahead(offset);
        app.github.user("alice").token("a").exhaust().resets_in(20 * 60);
        let limited = app.version(LATEST).await;
        assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 1200), "{offset}");
        app.advance(seconds(1199));
        let url = document(&app, "app");
        assert_eq!(app.version(&url).await.retry_after(), 1, "{offset}");
        app.advance(seconds(1));
        assert_eq!(app.version(&url).await.status, 200, "{offset}");
    }
}

#[tokio::test]
async fn the_background_keeps_the_threshold_by_any_clock() {
    for offset in OFFSETS {
        let app = one_token().set("REVALIDATE_INTERVAL", "100ms").start().await;
        app.github.clock_ahead(offset);
        app.github.user("alice").token("a").limit(120).used(20).resets_in(20 * 60);
        let url = document(&app, "app");
        assert_eq!(app.version(&url).await.status, 200);
        app.advance(seconds(1));
        app.exceeds("svm_revalidate_skipped_total{reason=\"quota\"}", 2.0).await;
        assert_eq!(app.github.total_calls(), 1, "{offset}");
        let reset = (app.clock.now() + seconds(1199)).as_secs() as f64;
        let told = app.metric("svm_token_reset_timestamp_seconds{token=\"0\"}").await;
        assert!((told - reset).abs() <= 1.0, "{offset}: {told} is not {reset}");
        app.advance(seconds(1201));
        eventually(|| app.github.total_calls() == 2).await;
    }
}

#[tokio::test]
async fn a_wait_until_a_date_ends_at_that_date() {
    for offset in OFFSETS {
        let app = one_token().start().await;
        app.github.clock_ahead(offset);
        app.github.waits_are_dates();
        app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(90))).times(1);
        let limited = app.version(LATEST).await;
        let wait = limited.retry_after();
        assert_eq!(limited.status, 403);
        assert!((89..=91).contains(&wait), "{offset}: {wait}");
        app.advance(seconds(92));
        app.github.release("octo/app").serve();
        assert_eq!(app.version(LATEST).await.status, 200, "{offset}");
    }
}

#[tokio::test]
async fn days_until_a_token_expires_are_those_of_github() {
    for offset in [5 * DAY, -5 * DAY] {
        let app = one_token().start().await;
        app.github.clock_ahead(offset);
        let theirs = (app.clock.now().as_secs() as i64 + offset + 10 * DAY + HOUR) as u64;
        let expires = svm::clock::Timestamp::from_secs(theirs).to_string();
        let expires = format!("{} {} UTC", &expires[..10], &expires[11..19]);
        app.github.user("alice").token("a").expires(&expires);
        let _ = app.version(&document(&app, "app")).await;
        let days = "svm_token_expires_days{token=\"0\"}";
        assert_eq!(app.metric(days).await, 10.0, "{offset}");

        // Our clock is corrected; the header stays the same.
        app.github.clock_ahead(0);
        app.github.follow(svm::clock::Clock::Manual(svm::clock::ManualClock::at(
            svm::clock::Timestamp::from_secs((app.clock.now().as_secs() as i64 + offset) as u64),
        )));
        match offset {
            0.. => app.clock.advance(seconds(offset as u64)),
            _ => app.clock.set_back(seconds(offset.unsigned_abs())),
        }
        let _ = app.version(&document(&app, "other")).await;
        assert_eq!(app.metric(days).await, 10.0, "{offset}, set right");
    }
}

#[tokio::test]
async fn without_a_usable_date_our_own_clock_has_to_do() {
    type Spoil = fn(&GitHub);
    let spoilers: [Spoil; 5] = [
        GitHub::no_date,
        |github| github.date("yesterday"),
        |github| github.date("Thu, 01 Jan 1970 00:00:00 GMT"),
        |github| github.date("Fri, 31 Dec 9999 23:59:59 GMT"),
        |github| github.date(""),
    ];
    for (number, spoil) in spoilers.into_iter().enumerate() {
        let (log, _guard) = Log::listen("svm::upstream::");
        let app = one_token().start().await;
        spoil(&app.github);
        app.github.user("alice").token("a").exhaust().resets_in(20 * 60);
        assert_eq!(app.version(LATEST).await.retry_after(), 1200, "{number}");
        assert_eq!(app.metric(OFFSET).await, 0.0, "{number}");
        assert!(!log.text().contains(APART), "{number}");
    }
}

#[tokio::test]
async fn a_date_by_which_no_window_could_end_then_is_not_believed() {
    for date in ["Mon, 01 Jan 2024 00:00:00 GMT", "Wed, 01 Jan 2070 00:00:00 GMT"] {
        let app = one_token().start().await;
        app.github.date(date);
        app.github.user("alice").token("a").exhaust().resets_in(20 * 60);
        assert_eq!(app.version(LATEST).await.retry_after(), 1200, "{date}");
    }
}

#[tokio::test]
async fn an_answer_of_a_cache_shows_no_other_clock() {
    let app = one_token().start().await;
    app.github.aged(15 * 60);
    app.github.user("alice").token("a").exhaust().resets_in(20 * 60);
    assert_eq!(app.version(LATEST).await.retry_after(), 1200);
    assert_eq!(app.metric(OFFSET).await, 0.0);
}

#[tokio::test]
async fn a_difference_is_a_metric_and_a_warning() {
    for (offset, is_told) in [(30 * MINUTE, true), (-2 * DAY, true), (50, false), (3, false)] {
        let (log, _guard) = Log::listen("svm::upstream::");
        let app = one_token().start().await;
        app.github.clock_ahead(offset);
        for name in ["one", "two", "three"] {
            let _ = app.version(&document(&app, name)).await;
        }
        let told = app.metric(OFFSET).await;
        let want = if offset.abs() > 5 { offset as f64 } else { 0.0 };
        assert!((told - want).abs() <= 1.0, "{told} is not {want}");
        let lines = log.text().lines().filter(|line| line.contains(APART)).count();
        assert_eq!(lines, usize::from(is_told), "{offset}: once");

        app.github.clock_ahead(0);
        for name in ["four", "five"] {
            let _ = app.version(&document(&app, name)).await;
        }
        assert_eq!(app.metric(OFFSET).await, 0.0);
        assert_eq!(log.text().contains(AGREED), is_told);
    }
}

#[tokio::test]
async fn one_answer_with_another_date_is_no_difference() {
    let (log, _guard) = Log::listen("svm::upstream::");
    let app = one_token().start().await;
    for (number, date) in ["", "Wed, 01 Jan 2070 00:00:00 GMT", "", "Mon, 01 Jan 2024 00:00:00 GMT"]
        .into_iter()
        .enumerate()
    {
        match date {
            "" => app.github.own_date(),
            date => app.github.date(date),
        }
        let _ = app.version(&document(&app, &format!("r{number}"))).await;
        assert_eq!(app.metric(OFFSET).await, 0.0, "{number}");
    }
    assert!(!log.text().contains(APART));
}

#[tokio::test]
async fn hosts_of_files_say_nothing_of_githubs_clock() {
    let app = one_token().start().await;
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.clock_ahead(HOUR);
    let raw = "https://raw.githubusercontent.com/octo/app/main/v.json";
    assert_eq!(app.version(raw).await.status, 200);
    assert_eq!(app.metric(OFFSET).await, 0.0);
}

#[tokio::test]
async fn a_limit_that_an_inquiry_meets_is_read_by_githubs_clock() {
    let github = GitHub::start().await;
    let gate = github.hold("/user");
    let app = one_token().identifying().start_with(github).await;
    gate.arrived(1).await;
    // From the start of the service on, it shares a clock with GitHub.
    app.github.clock_ahead(3 * HOUR);
    app.github.user("alice").token("a").exhaust().resets_in(20 * 60);
    gate.open();
    app.reaches(RESTING, 1.0).await;
    let wait = app.version(LATEST).await.retry_after();
    assert!((1195..=1200).contains(&wait), "{wait}");
}
