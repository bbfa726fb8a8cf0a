//! A `403` that is not a limit but a policy about the account.

use std::time::Duration;

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

#[tokio::test]
async fn a_policy_against_the_token_of_a_copy_is_met_once() {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200);
    app.github.fail(LATEST_PATH).with(Failure::ClassicTokenBanned).for_token("a");
    for _ in 0..3 {
        assert_eq!(app.refresh(LATEST).await.status, 200);
    }
    assert_eq!(used(&app), ["a", "a", "b", "b", "b"]);
}

#[tokio::test]
async fn a_copy_survives_a_second_account_that_cannot_see_it() {
    const LIST: &str = "/repos/octo/app/releases";
    for (url, path) in
        [(LATEST, LATEST_PATH), ("https://api.github.com/repos/octo/app/releases", LIST)]
    {
        let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
        app.github.release("octo/app").serve();
        assert_eq!(app.version(url).await.status, 200);
        for path in [path, "/repos/octo/app/releases/tags/v1.0.0"] {
            app.github.fail(path).with(Failure::IpAllowList).for_token("a");
            app.github.fail(path).with(Failure::NotFound404).for_token("b");
        }
        app.advance(Duration::from_secs(86_400));
        let answer = app.version(url).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.summary().contains("fwd-status=403"), "{path}: {}", answer.summary());
        assert_eq!(app.refresh(url).await.status, 403, "{path}");
        assert_eq!(app.version(url).await.status, 200, "{path}: the copy is still there");
    }
}
