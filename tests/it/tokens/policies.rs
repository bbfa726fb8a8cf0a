//! A `403` that is not a limit but a policy about the account.

use super::{document, used};
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn trouble_with_a_second_token_does_not_hide_a_policy() {
    for trouble in [Failure::BadCredentials, Failure::SecondaryLimit(Some(60))] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.fail(LATEST_PATH).with(Failure::IpAllowList).for_token("a");
        app.github.fail(LATEST_PATH).with(trouble.clone()).for_token("b");
        let answer = app.version(LATEST).await;
        let told = answer.json()["message"]["message"].to_string();
        assert!(told.contains("IP allow list"), "{trouble:?}: {told}");
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (403, ""),
            "{trouble:?}"
        );
    }
}

#[tokio::test]
async fn a_policy_is_tried_with_one_other_token_and_blocks_none() {
    for failure in [Failure::IpAllowList, Failure::ClassicTokenBanned, Failure::TosBlocked403] {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b,c").start().await;
        app.github.release("octo/app").serve();
        app.github.fail(LATEST_PATH).with(failure.clone());
        let answer = app.version(LATEST).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (403, ""),
            "{failure:?}"
        );
        assert_eq!(used(&app), ["a", "b"], "{failure:?}");
        let url = document(&app, "octo/other");
        assert_eq!(app.version(&url).await.status, 200);
        assert_eq!(used(&app)[2], "c", "{failure:?}: no token cools down");
    }
}

#[tokio::test]
async fn a_policy_that_holds_for_one_account_alone_is_not_seen() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.release("octo/app").serve();
    app.github.fail(LATEST_PATH).with(Failure::ClassicTokenBanned).for_token("a");
    assert_eq!(app.version(LATEST).await.status, 200);
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(used(&app), ["a", "b", "b"]);
}
