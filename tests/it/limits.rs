//! Rate limits from the clients' point of view: one token limited, all tokens limited, and the time
//! after.

mod endpoints;
mod shares;
mod window;

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::app::{Answer, TestApp};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const WINDOW: &str = "svm_upstream_window";
const SKIPPED: &str = "svm_revalidate_skipped_total{reason=\"quota\"}";
const HOUR: Duration = Duration::from_secs(60 * 60);
const RAW: &str = "https://raw.githubusercontent.com/octo/app/main/v.json";
const RAW_PATH: &str = "/octo/app/main/v.json";

/// Creates new documents. Returns their URLs.
fn documents(app: &TestApp, group: &str, count: usize) -> Vec<String> {
    let names = (0..count).map(|number| format!("octo/{group}-{number}"));
    names
        .map(|name| {
            app.github.release(&name).serve();
            format!("https://api.github.com/repos/{name}/releases/latest")
        })
        .collect()
}

/// Requests all of them at once.
async fn ask_all(app: &TestApp, urls: &[String]) -> Vec<Answer> {
    join_all(urls.iter().map(|url| app.ask(url))).await
}

#[track_caller]
fn assert_all(answers: &[Answer], status: u16, context: &str) {
    for answer in answers {
        assert_eq!(answer.status, status, "{context}: {}", answer.summary());
    }
}

async fn cooling_down(app: &TestApp) -> [f64; 2] {
    let token = |index| format!("svm_token_resting{{token=\"{index}\"}}");
    [app.metric(&token(0)).await, app.metric(&token(1)).await]
}

#[tokio::test]
async fn requests_without_a_call_are_no_exchanges_with_a_duration() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.fail(LATEST_PATH).with(Failure::SecondaryLimit(Some(60)));
    assert_eq!(app.version(LATEST).await.status, 403);
    for answer in ask_all(&app, &documents(&app, "new", 10)).await {
        answer.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    }
    // Alerts divide the failures of GitHub by the exchanges that had a call.
    assert_eq!(app.metric("svm_upstream_duration_seconds_count").await, 1.0);
    assert_eq!(app.metric("svm_upstream_errors_total").await, 1.0);
    let without_call = r#"svm_upstream_exchanges_total{outcome="no-token",priority="foreground"}"#;
    assert_eq!(app.metric(without_call).await, 10.0);
}

#[tokio::test]
async fn one_token_limited_is_seen_by_none_of_forty_clients() {
    for failure in [
        Failure::PrimaryLimit,
        Failure::SecondaryLimit(Some(60)),
        Failure::SecondaryLimit(None),
        Failure::BadCredentials,
    ] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.fail_all(failure.clone()).for_token("a");
        let context = format!("{failure:?}");
        assert_all(&ask_all(&app, &documents(&app, "first", 40)).await, 200, &context);
        let with_a = app.github.token_counts("a").requests;
        assert!(with_a >= 1, "{context}");
        assert_all(&ask_all(&app, &documents(&app, "second", 40)).await, 200, &context);
        assert_eq!(app.github.token_counts("a").requests, with_a, "{context}: it is not asked");
    }
}

#[tokio::test]
async fn a_policy_cools_no_token_down_and_slows_nobody_down() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.fail(LATEST_PATH).with(Failure::IpAllowList);
    let others = documents(&app, "other", 20);
    let (policy, others) = tokio::join!(app.version(LATEST), ask_all(&app, &others));
    assert_eq!((policy.status.as_u16(), policy.header("retry-after")), (403, ""));
    assert_all(&others, 200, "others");
    assert_eq!(cooling_down(&app).await, [0.0, 0.0]);
    assert_eq!(app.metric(WINDOW).await, 64.0);
}

#[tokio::test]
async fn a_throttled_endpoint_cools_its_host_down_and_nothing_else() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.raw_document(RAW_PATH, "{}");
    let stored = documents(&app, "stored", 5);
    assert_all(&ask_all(&app, &stored).await, 200, "stored");
    app.github.fail(LATEST_PATH).with(Failure::Throttled429);
    assert_eq!(app.version(LATEST).await.status, 429);

    let calls = app.github.total_calls();
    let new = ask_all(&app, &documents(&app, "new", 10)).await;
    assert_all(&new, 503, "new");
    assert!(new.iter().all(|answer| answer.retry_after() == 60));
    for answer in ask_all(&app, &stored).await {
        answer.assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
    }
    assert_eq!(app.github.total_calls(), calls);
    assert_eq!(app.version(RAW).await.status, 200, "another host");
    assert_eq!(cooling_down(&app).await, [0.0, 0.0]);
    assert_eq!(app.metric(WINDOW).await, 64.0);
    app.advance(Duration::from_secs(60));
    assert_all(&ask_all(&app, &documents(&app, "later", 10)).await, 200, "later");
}

#[tokio::test]
async fn with_all_tokens_limited_copies_are_served_and_misses_refused() {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a,b")
        .set("CACHE_HARD_TTL", "1h")
        .set("REVALIDATE_INTERVAL", "100ms")
        .set("REVALIDATE_LOOKBACK", "30m");
    let app = app.start().await;
    let [expired, fresh, due] = ["expired", "fresh", "due"].map(|name| documents(&app, name, 1));
    let _ = app.version(&expired[0]).await;
    app.advance(HOUR);
    let _ = app.version(&fresh[0]).await;
    // The window of one token ends ten minutes before that of the other.
    app.github.user("alice").token("a").exhaust();
    app.advance(Duration::from_secs(600));
    let _ = app.version(&due[0]).await;
    app.github.user("bob").token("b").exhaust();
    app.advance(Duration::from_secs(1));
    let _ = app.version(LATEST).await;

    let skipped = app.metric(SKIPPED).await;
    app.exceeds(SKIPPED, skipped).await;
    let calls = app.github.total_calls();
    for url in [&fresh[0], &due[0]] {
        let answer = app.version(url).await;
        let cache = answer.header("cache-status");
        assert_eq!(answer.status, 200);
        assert!(cache.starts_with("svm; hit; ttl=") && !cache.contains("stale"), "{cache}");
    }
    app.version(&expired[0])
        .await
        .assert_summary("200 HIT upstream=0 svm; hit; ttl=-601; detail=stale-if-error");
    let new = documents(&app, "new", 10);
    for left in [2999, 1] {
        for answer in ask_all(&app, &new).await {
            answer.assert_summary("503 MISS upstream=0 svm; detail=no-token");
            assert_eq!(answer.retry_after(), left);
        }
        app.advance(Duration::from_secs(left - 1));
    }
    assert_eq!(app.github.total_calls(), calls, "nobody was asked in vain");
    app.advance(Duration::from_secs(1));
    assert_all(&ask_all(&app, &new).await, 200, "after the reset");
}
