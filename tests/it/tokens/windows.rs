//! A token for which GitHub alternates between two rate-limit windows.

use std::time::Duration;

use super::document;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;

const MINUTE: Duration = Duration::from_secs(60);
const REMAINING: &str = "svm_token_remaining{token=\"0\"}";
const RESET: &str = "svm_token_reset_timestamp_seconds{token=\"0\"}";
const SKIPPED: &str = "svm_revalidate_skipped_total{reason=\"quota\"}";

/// Starts a service with ten documents. One window has 100 requests left, the threshold, for 22
/// minutes; the other has 4950 left for 43 minutes.
async fn between_two_windows() -> (TestApp, Vec<String>) {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a")
        .set("REVALIDATE_INTERVAL", "100ms")
        .set("REVALIDATE_LOOKBACK", "2h")
        .start()
        .await;
    app.github.user("alice").token("a").used(4_895).resets_in(22 * 60).second_window(45, 43 * 60);
    let names: Vec<_> = (0..10).map(|n| format!("octo/r{n}")).collect();
    for name in &names {
        assert_eq!(app.version(&document(&app, name)).await.status, 200);
    }
    (app, names)
}

fn bump_all(app: &TestApp, names: &[String]) {
    names.iter().for_each(|name| app.github.bump_downloads(name));
}

#[tokio::test]
async fn the_window_with_less_left_is_the_one_of_the_metrics() {
    let (app, _) = between_two_windows().await;
    let now = app.clock.now();
    assert_eq!(app.metric(REMAINING).await, 100.0);
    assert_eq!(app.metric(RESET).await, (now + 22 * MINUTE).as_secs() as f64);
    app.advance(22 * MINUTE);
    app.until(async || app.metric(RESET).await == (now + 43 * MINUTE).as_secs() as f64).await;
}

#[tokio::test]
async fn the_background_stops_where_the_smaller_window_runs_low() {
    let (app, names) = between_two_windows().await;
    bump_all(&app, &names);
    let calls = app.github.total_calls();
    app.advance(Duration::from_millis(100));
    app.exceeds(SKIPPED, 10.0).await;
    let spent = app.github.total_calls() - calls;
    assert!((1..=2).contains(&spent), "{spent} of ten");
    for n in 0..20 {
        let answer = app.version(&document(&app, &format!("octo/new{n}"))).await;
        assert_eq!(answer.status, 200, "a miss goes on: {}", answer.summary());
    }
    assert!(app.metric(REMAINING).await >= 85.0);

    let calls = app.github.total_calls();
    app.advance(22 * MINUTE);
    bump_all(&app, &names);
    eventually(|| app.github.total_calls() >= calls + 10).await;
}
