//! Charged `304` answers, as GitHub once gave for a while.

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
