//! What clients are told where no token is left: of the limit, not of what came along with it, and when it ends.

use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::github::Failure;

async fn app_with_two_tokens() -> TestApp {
    TestApp::builder().set("GITHUB_PATS", "a,b").start().await
}

#[tokio::test]
async fn a_refused_token_is_not_promised_while_another_only_rests() {
    let app = app_with_two_tokens().await;
    app.github.fail_all(Failure::SecondaryLimit(Some(600))).for_token("a");
    app.github.revoke("b");
    let _ = app.version(LATEST).await;
    let resting = app.version(LATEST).await;
    resting.assert_summary("503 MISS upstream=0 svm; detail=no-token");
    assert_eq!(resting.retry_after(), 600);
}
