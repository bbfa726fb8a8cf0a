//! Charged `304` answers, as GitHub once gave for a while.

use std::time::Duration;

use crate::LATEST;
use crate::support::app::TestApp;

fn cost(quota: &str) -> String {
    format!("svm_upstream_not_modified_total{{quota=\"{quota}\"}}")
}

#[tokio::test]
async fn a_charged_304_is_detected_by_the_used_quota() {
    let app = TestApp::builder().set("GITHUB_PATS", "ghp_first").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    for _ in 0..3 {
        assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    }
    assert_eq!(app.metric(&cost("free")).await, 3.0);
    assert_eq!(app.metric(&cost("charged")).await, 0.0);

    app.github.charge_not_modified();
    for _ in 0..2 {
        assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    }
    assert_eq!(app.metric(&cost("free")).await, 3.0);
    assert_eq!(app.metric(&cost("charged")).await, 2.0);
}

/// Returns a service whose check waits for its allowance, after some twenty minutes with charged
/// `304` answers and little quota.
async fn after_charged_304s() -> TestApp {
    let app = TestApp::builder()
        .set("GITHUB_PATS", "a")
        .set("API_USAGE_THRESHOLD", "4")
        .set("REVALIDATE_INTERVAL", "100ms")
        .start()
        .await;
    app.github.user("alice").token("a").limit(44);
    app.github.release("octo/app").serve();
    app.github.charge_not_modified();
    for minute in 1.. {
        assert_eq!(app.version(LATEST).await.status, 200);
        let (done, waits) = (
            "svm_revalidate_done_total{result=\"unchanged\"}",
            "svm_revalidate_skipped_total{reason=\"budget\"}",
        );
        let (checked, waited) = (app.metric(done).await, app.metric(waits).await);
        app.advance(Duration::from_secs(60));
        // A check that only had its call would end after the next minute has begun.
        app.until(async || app.metric(done).await > checked || app.metric(waits).await > waited)
            .await;
        if minute >= 18 && app.metric(waits).await > waited {
            break;
        }
    }
    app
}

#[tokio::test]
async fn charged_304s_keep_to_the_share_of_the_background() {
    let app = after_charged_304s().await;
    // Ten show that each is charged. Then the bucket has one, and gets one in a few minutes.
    let charged = app.github.charged();
    assert!((11..=16).contains(&charged), "{charged}");
}

#[tokio::test]
async fn a_check_that_waits_for_its_allowance_says_so() {
    let app = after_charged_304s().await;
    let explained = app.get(&format!("/explain?url={LATEST}")).await.json();
    assert_eq!(explained["next_check_waits_for"], "budget", "{explained}");
}
