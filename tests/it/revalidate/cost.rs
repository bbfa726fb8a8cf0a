//! The cost of checks in the background: it matches their value.

use std::time::Duration;

use super::{INTERVAL, sweeping, two_sweeps, url};
use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::eventually::eventually;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a service that checks any number of due documents in one sweep.
fn hasty() -> TestAppBuilder {
    sweeping().set("REVALIDATE_MAX_RPS", "1000").set("REVALIDATE_PER_WORKER_RPS", "1000")
}

fn path(name: &str) -> String {
    format!("/repos/octo/{name}/releases/latest")
}

/// Publishes a body that no request has received yet.
fn change(app: &TestApp, name: &str, version: usize) {
    app.github.document(&path(name), serde_json::json!({ "tag_name": version }));
}

/// Plays an interval in which all of these documents change, after which each must have been
/// fetched so many times. On a busy machine the check may have to wait for another sweep.
async fn interval_of_changes<const N: usize>(
    app: &TestApp,
    names: [&str; N],
    version: usize,
    want: [u64; N],
) {
    let calls = || names.map(|name| app.github.calls(&path(name)));
    names.iter().for_each(|name| change(app, name, version));
    app.advance(INTERVAL);
    eventually(|| calls() == want).await;
    two_sweeps(app).await;
    assert_eq!(calls(), want, "after {version} intervals");
}

#[tokio::test]
async fn charged_checks_that_nobody_uses_become_rare() {
    let app = hasty().start().await;
    let names = ["a", "b", "c"];
    for name in names {
        change(&app, name, 0);
        assert_eq!(app.version(&url(name)).await.status, 200);
    }
    for version in 1..16 {
        let checks = [1, 3, 7, 15].iter().filter(|at| version >= **at).count() as u64;
        interval_of_changes(&app, names, version, [1 + checks; 3]).await;
    }

    assert_eq!(app.version(&url("a")).await.header("x-cache"), "HIT");
    // One is in use again.
    interval_of_changes(&app, names, 16, [6, 5, 5]).await;
}

#[tokio::test]
async fn charged_checks_in_steady_use_go_on() {
    let app = hasty().start().await;
    change(&app, "app", 0);
    for version in 1..8 {
        assert_eq!(app.version(&url("app")).await.status, 200);
        interval_of_changes(&app, ["app"], version, [1 + version as u64]).await;
    }
}

#[tokio::test]
async fn charged_checks_take_half_of_what_is_left() {
    let interval = Duration::from_millis(400);
    let app = hasty().set("REVALIDATE_INTERVAL", "400ms").set("GITHUB_PATS", "ghp_first");
    let app = app.start().await;
    let names: Vec<_> = (0..10).map(|number| format!("app-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    // After all requests, 32 more than the threshold are left.
    app.github.user("octocat").token("ghp_first").limit(143);
    app.github.release("octo/steady").serve();
    for version in 0..6u64 {
        names.iter().for_each(|name| change(&app, name, version as usize));
        for name in &names {
            assert_eq!(app.version(&url(name)).await.status, 200);
        }
        assert_eq!(app.version(&url("steady")).await.status, 200);
        app.advance(interval);
        eventually(|| app.github.calls(&path("steady")) == version + 2).await;
    }
    let charged = || names.iter().map(|name| app.github.counts(&path(name)).charged).sum::<u64>();
    let in_background = || charged() - 10;
    eventually(|| in_background() >= 10).await;
    two_sweeps(&app).await;
    assert!(in_background() <= 16, "{} of 32 that were left", in_background());
    assert!(app.metric("svm_revalidate_skipped_total{reason=\"budget\"}").await > 0.0);
    assert_eq!(app.github.calls(&path("steady")), 7, "free checks do not wait");

    let before = charged();
    app.advance(Duration::from_secs(3600));
    for name in &names {
        assert_eq!(app.version(&url(name)).await.status, 200);
    }
    eventually(|| charged() > before).await;
}

#[tokio::test]
async fn a_document_by_full_hash_is_not_checked() {
    let app = hasty().start().await;
    let commit = format!("/repos/octo/app/git/commits/{}", "0123456789".repeat(4));
    let by_hash = format!("https://api.github.com{commit}");
    app.github.document(&commit, serde_json::json!({ "message": "a commit" }));
    app.github.release("octo/app").serve();
    for _ in 0..4 {
        assert_eq!(app.version(&by_hash).await.status, 200);
        assert_eq!(app.version(&url("app")).await.status, 200);
        app.advance(INTERVAL);
        two_sweeps(&app).await;
    }
    assert_eq!(app.github.calls(&path("app")), 5);
    assert_eq!(app.github.calls(&commit), 1);
    assert_eq!(app.metric("svm_revalidate_overdue").await, 0.0);
}

#[tokio::test]
async fn a_pinned_release_is_checked_once_a_day() {
    let app = hasty().set("CACHE_HARD_TTL", "90d").start().await;
    app.github.release("octo/app").tag("v1").serve();
    let pinned = "/repos/octo/app/releases/tags/v1";
    let by_tag = format!("https://api.github.com{pinned}");
    assert_eq!(app.version(&by_tag).await.status, 200);
    app.advance(INTERVAL);
    two_sweeps(&app).await;
    assert_eq!(app.github.calls(pinned), 2, "it is young");

    app.advance(DAY * 31);
    assert_eq!(app.version(&by_tag).await.status, 200);
    eventually(|| app.github.calls(pinned) == 3).await;
    for _ in 0..4 {
        assert_eq!(app.version(&by_tag).await.header("x-cache"), "HIT");
        app.advance(INTERVAL * 10);
        two_sweeps(&app).await;
    }
    assert_eq!(app.github.calls(pinned), 3);
    app.advance(DAY);
    eventually(|| app.github.calls(pinned) == 4).await;
}
