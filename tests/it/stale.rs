//! Stale copies: the failures for which they are served, the time for which they may be, and the
//! memory of a failure.

mod failures;
mod memory;
mod slow;

use std::time::Duration;

use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::eventually::eventually;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Returns a service whose documents expire after an hour, and may be served stale for another two.
fn short_lived() -> TestAppBuilder {
    TestApp::builder().set("CACHE_HARD_TTL", "1h").set("CACHE_STALE_IF_ERROR", "2h")
}

/// Starts a service with a copy that expired this long ago.
async fn app_with_copy_expired_for(builder: TestAppBuilder, since: Duration) -> TestApp {
    let app = builder.start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app.advance(HOUR + since);
    app
}

async fn app_with_expired_copy() -> TestApp {
    app_with_copy_expired_for(short_lived(), Duration::ZERO).await
}

#[tokio::test]
async fn a_copy_stands_in_up_to_its_limit_and_not_after() {
    let app = app_with_copy_expired_for(short_lived(), 2 * HOUR - Duration::from_secs(1)).await;
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 200);
    app.advance(Duration::from_secs(1));
    assert_eq!(app.version(LATEST).await.status, 503);
}

#[tokio::test]
async fn nothing_stands_in_where_that_is_switched_off() {
    let app = TestApp::builder().set("CACHE_STALE_IF_ERROR", "0s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(24 * HOUR);
    app.github.fail_all(Failure::Unicorn503);
    assert_eq!(app.version(LATEST).await.status, 503);
    app.github.recover();
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED", "its validator is kept");
}

#[tokio::test]
async fn a_copy_from_l2_stands_in_after_a_restart() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.advance(24 * HOUR);
    app.github.go_down().await;
    app.version(LATEST)
        .await
        .assert_summary("200 HIT upstream=0 svm; fwd=stale; detail=stale-if-error");
}

#[tokio::test]
async fn stale_answers_are_counted_by_their_reason() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    for _ in 0..3 {
        let _ = app.version(LATEST).await;
    }
    let of = |reason: &str| format!("svm_stale_answers_total{{reason=\"{reason}\"}}");
    assert_eq!(app.metric(&of("stale-if-error")).await, 3.0);
    assert_eq!(app.metric(&of("stale-while-revalidate")).await, 0.0);
    assert_eq!(app.metric("svm_cache_hits_total").await, 3.0);
    assert_eq!(app.metric("svm_cache_misses_total").await, 1.0);
}

#[tokio::test]
async fn no_copy_is_served_to_anyone_once_the_document_is_gone() {
    let app = app_with_expired_copy().await;
    app.github.remove("octo/app", 404);
    assert_eq!(app.version(LATEST).await.status, 404);
    app.github.go_down().await;
    eventually(|| app.github.calls(LATEST_PATH) == 2).await;
    app.advance(HOUR);
    assert_eq!(app.version(LATEST).await.status, 502);
}
