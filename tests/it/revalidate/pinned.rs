//! Documents that rarely change: their checks, and their copies while GitHub is down.

use std::time::Duration;

use futures_util::future::join_all;

use super::{INTERVAL, sweeping, two_sweeps};
use crate::support::app::TestApp;

const RELEASES: usize = 500;
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DONE: &str = "svm_revalidate_done_total{result=\"unchanged\"}";

fn repository(number: usize) -> String {
    format!("octo/app{number}")
}

fn url(number: usize) -> String {
    format!("https://api.github.com/repos/{}/releases/tags/v1.0.0", repository(number))
}

/// Starts a service that sweeps as fast as possible, in front of immutable and of old releases.
async fn with_releases() -> TestApp {
    let app = sweeping()
        .set("REVALIDATE_PER_WORKER_RPS", "1000")
        .set("REVALIDATE_MAX_RPS", "100000")
        .start()
        .await;
    for number in 0..RELEASES {
        let release = app.github.release(&repository(number));
        if number % 5 == 0 { release.serve() } else { release.immutable().serve() }
    }
    app.advance(31 * DAY);
    app
}

/// Requests all documents. Returns the number of those without a document as the answer.
async fn ask_all(app: &TestApp) -> usize {
    let answers = join_all((0..RELEASES).map(|number| app.ask(&url(number)))).await;
    answers.iter().filter(|answer| answer.status != 200).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_pinned_releases_costs_one_call_each() {
    let app = with_releases().await;
    assert_eq!(ask_all(&app).await, 0);
    assert_eq!(app.github.total_calls(), RELEASES as u64);
    for hour in 0..23 {
        (0..RELEASES).for_each(|number| app.github.bump_downloads(&repository(number)));
        app.advance(HOUR);
        if hour % 8 == 0 {
            assert_eq!(ask_all(&app).await, 0);
        }
        two_sweeps(&app).await;
    }
    assert_eq!(app.github.total_calls(), RELEASES as u64, "none since the first");

    app.advance(HOUR);
    app.reaches(DONE, RELEASES as f64).await;
    assert_eq!(app.github.free(), RELEASES as u64, "by date, although downloads were counted");
    assert_eq!(app.github.total_calls(), 2 * RELEASES as u64);
    assert_eq!(ask_all(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pinned_releases_are_served_for_seven_days_without_github() {
    let mut app = with_releases().await;
    assert_eq!(ask_all(&app).await, 0);
    app.reaches("svm_l2_writes_total", RELEASES as f64).await;
    app.github.go_down().await;
    for day in 1..=7 {
        app.advance(DAY);
        assert_eq!(ask_all(&app).await, 0, "after {day} days");
        if day == 4 {
            app.restart().await;
        }
    }
}

#[tokio::test]
async fn a_rolling_release_is_checked_in_each_interval() {
    let app = sweeping().start().await;
    app.github.release(&repository(0)).serve();
    app.advance(31 * DAY);
    app.github.grow_asset(&repository(0));
    let _ = app.version(&url(0)).await;
    app.github.grow_asset(&repository(0));
    app.advance(INTERVAL);
    app.reaches("svm_revalidate_done_total{result=\"changed\"}", 1.0).await;
    let assets = app.version(&url(0)).await.json()["assets"].as_array().map(Vec::len);
    assert_eq!(assets, Some(3));
}

#[tokio::test]
async fn a_document_by_its_hash_never_expires() {
    let app = sweeping().start().await;
    let path = "/repos/octo/app/git/commits/0123456789abcdef0123456789abcdef01234567";
    let url = format!("https://api.github.com{path}");
    app.github.document(path, r#"{"sha":"0123456789abcdef0123456789abcdef01234567"}"#);
    let _ = app.version(&url).await;
    for _ in 0..3 {
        app.advance(100 * DAY + INTERVAL);
        two_sweeps(&app).await;
        assert_eq!(app.version(&url).await.header("x-cache"), "HIT");
    }
    assert_eq!(app.github.calls(path), 1);
    assert_eq!(app.refresh(&url).await.header("x-cache"), "REVALIDATED");
}
