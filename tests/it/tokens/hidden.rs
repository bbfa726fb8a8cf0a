//! Private documents, which GitHub hides from all accounts but one: a `404` to another account
//! costs no copy.

use std::time::Duration;

use super::used;
use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::{Failure, Lie};
use crate::{LATEST, LATEST_PATH};

const TAG_PATH: &str = "/repos/octo/app/releases/tags/v1.0.0";
const LIST: &str = "https://api.github.com/repos/octo/app/releases";
const TAGS: &str = "https://api.github.com/repos/octo/app/tags";
const DAY: Duration = Duration::from_secs(86_400);

fn two_accounts() -> TestAppBuilder {
    TestApp::builder().set("GITHUB_PATS", "a,b")
}

fn path(url: &str) -> &str {
    url.trim_start_matches("https://api.github.com")
}

/// Hides the repository from every token but `a`.
fn hide(app: &TestApp) {
    for path in [LATEST_PATH, TAG_PATH, path(LIST), path(TAGS)] {
        app.github.fail(path).with(Failure::NotFound404).for_token("b");
    }
}

/// Starts a service that holds a document which only `a` can see.
async fn with(url: &str) -> TestApp {
    let app = two_accounts().start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(url).await.status, 200);
    hide(&app);
    app
}

async fn assert_copy(app: &TestApp, url: &str, case: &str) {
    let answer = app.version(url).await;
    assert_eq!(answer.status, 200, "{case}: {}", answer.summary());
    assert!(answer.summary().starts_with("200 HIT upstream=0"), "{case}: {}", answer.summary());
}

#[tokio::test]
async fn a_limited_account_keeps_the_copy_that_only_it_sees() {
    for url in [LATEST, LIST, TAGS] {
        for trouble in [
            Failure::PrimaryLimit,
            Failure::SecondaryLimit(Some(60)),
            Failure::BadCredentials,
            Failure::IpAllowList,
        ] {
            let case = format!("{url}, {trouble:?}");
            let app = with(url).await;
            app.github.fail_all(trouble).for_token("a");
            for _ in 0..2 {
                let _ = app.try_to_revalidate(url).await;
                assert_copy(&app, url, &case).await;
            }
            let refreshed = app.refresh(url).await;
            assert!(refreshed.status.as_u16() >= 401, "{case}: {}", refreshed.summary());
            assert_ne!(refreshed.status, 404, "{case}");
            assert_copy(&app, url, &case).await;
        }
    }
}

#[tokio::test]
async fn an_absence_beside_a_cooldown_states_its_end() {
    let app = with(TAGS).await;
    app.github.fail_all(Failure::SecondaryLimit(Some(90))).for_token("a");
    let limited = app.refresh(TAGS).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 90));
    app.advance(Duration::from_secs(30));
    let refused = app.refresh(TAGS).await;
    refused
        .assert_summary("503 BYPASS upstream=404 svm; fwd=request; fwd-status=404; detail=limited");
    assert_eq!(refused.retry_after(), 60);
    assert_eq!(used(&app), ["a", "a", "b", "b"]);
    app.advance(Duration::from_secs(60));
    app.github.recover();
    hide(&app);
    assert_eq!(app.refresh(TAGS).await.header("x-cache"), "REVALIDATED");
}

#[tokio::test]
async fn an_expired_copy_stands_in_and_spares_calls() {
    let app = with(TAGS).await;
    app.github.fail_all(Failure::BadCredentials).for_token("a");
    app.advance(DAY);
    let answer = app.version(TAGS).await;
    answer.assert_summary(
        "200 HIT upstream=401 svm; fwd=stale; fwd-status=401; detail=stale-if-error",
    );
    let calls = app.github.total_calls();
    for _ in 0..5 {
        assert_copy(&app, TAGS, "within the pause").await;
    }
    assert_eq!(app.github.total_calls(), calls);
}

#[tokio::test]
async fn a_refused_account_is_reported_as_no_limit() {
    let app = with(TAGS).await;
    app.github.fail_all(Failure::BadCredentials).for_token("a");
    for _ in 0..2 {
        let refused = app.refresh(TAGS).await;
        assert!(refused.status.as_u16() >= 401, "{}", refused.summary());
        let told = (refused.summary(), refused.text());
        assert!(!told.1.contains("a rate limit is in force"), "{told:?}");
    }
}

#[tokio::test]
async fn a_copy_that_may_not_stand_in_any_more_is_lost() {
    let app = with(TAGS).await;
    app.github.fail_all(Failure::BadCredentials).for_token("a");
    let _ = app.try_to_revalidate(TAGS).await;
    app.advance(2 * DAY);
    assert_eq!(app.version(TAGS).await.status, 404);
}

#[tokio::test]
async fn the_token_of_the_copy_decides_where_another_asks_first() {
    // A full last page is checked without a condition, by the tokens in turn.
    const PAGE: &str = "https://api.github.com/repos/octo/app/releases?per_page=1";
    let app = two_accounts().start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(PAGE).await.status, 200);
    app.github.fail(path(PAGE)).with(Failure::NotFound404).for_token("b");
    app.advance(Duration::from_secs(3_600));
    app.revalidate(PAGE).await;
    assert_copy(&app, PAGE, "it is private").await;
    assert_eq!(used(&app), ["a", "b", "a"]);

    app.github.recover();
    app.github.remove("octo/app", 404);
    app.advance(Duration::from_secs(3_600));
    app.revalidate(PAGE).await;
    assert_eq!(app.version(PAGE).await.status, 404, "it is deleted");
}

#[tokio::test]
async fn a_witness_that_another_account_cannot_see_is_silent() {
    let app = with(LATEST).await;
    app.github.lie(LATEST_PATH, Lie::Missing, 30);
    let _ = app.try_to_revalidate(LATEST).await;
    assert_eq!(app.version(LATEST).await.summary().rsplit(' ').next(), Some("detail=unconfirmed"));
    assert_eq!(used(&app), ["a", "a", "a"], "the witness is asked with the token of the copy");

    let app = with(LATEST).await;
    app.github.lie(LATEST_PATH, Lie::Missing, 30);
    app.github.fail(TAG_PATH).with(Failure::SecondaryLimit(Some(60))).for_token("a");
    let _ = app.try_to_revalidate(LATEST).await;
    assert_copy(&app, LATEST, "the witness of the other account counts for nothing").await;
}

#[tokio::test]
async fn a_copy_of_a_replaced_token_is_lost_for_all_tokens_only() {
    let mut app = two_accounts().start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(TAGS).await.status, 200);
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart_with("GITHUB_PATS", "b,c").await;
    app.github.fail(path(TAGS)).with(Failure::NotFound404).for_token("b");
    assert_eq!(app.refresh(TAGS).await.status, 200);
    assert_eq!(used(&app), ["a", "b", "c"]);

    app.restart_with("GITHUB_PATS", "b,d").await;
    app.github.fail_all(Failure::SecondaryLimit(Some(60))).for_token("d").times(1);
    assert_eq!(app.refresh(TAGS).await.status, 403, "`d` was not asked");
    for _ in 0..2 {
        assert_eq!(app.refresh(TAGS).await.status, 503, "`d` was not asked");
        assert_eq!(app.version(TAGS).await.status, 200);
    }
    app.advance(Duration::from_secs(60));
    app.github.fail(path(TAGS)).with(Failure::NotFound404).for_token("d");
    assert_eq!(app.refresh(TAGS).await.status, 404);
    assert_eq!(app.version(TAGS).await.status, 404);
    assert_eq!(used(&app), ["a", "b", "c", "b", "d", "b", "b", "d", "b"]);
}

#[tokio::test]
async fn a_file_behind_a_hidden_redirect_is_kept_too() {
    const PATH: &str = "/repos/octo/app/contents/v.json";
    let url = format!("https://api.github.com{PATH}");
    let app = two_accounts().start().await;
    app.github.raw_document("/octo/app/main/v.json", "{}");
    app.github.redirect(PATH, 302, "https://raw.githubusercontent.com/octo/app/main/v.json");
    assert_eq!(app.version(&url).await.status, 200);
    app.github.fail(PATH).with(Failure::NotFound404).for_token("b");
    app.revalidate(&url).await;
    app.github.fail(PATH).with(Failure::PrimaryLimit).for_token("a");
    for _ in 0..2 {
        let _ = app.try_to_revalidate(&url).await;
        assert_copy(&app, &url, "only the first account sees the redirect").await;
    }
}

#[tokio::test]
async fn a_token_that_must_not_be_used_keeps_no_copy() {
    let mut app = with(TAGS).await;
    app.github.user("alice").token("a").scopes("repo");
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart_with("REQUIRE_PUBLIC_TOKENS", "true").await;
    app.until(async || app.refresh(TAGS).await.status == 404).await;
}

#[tokio::test]
async fn a_stored_copy_is_kept_after_a_restart() {
    let mut app = with(TAGS).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;
    app.github.fail_all(Failure::PrimaryLimit).for_token("a");
    let _ = app.try_to_revalidate(TAGS).await;
    assert_copy(&app, TAGS, "from the store").await;
    app.restart().await;
    assert_copy(&app, TAGS, "still in the store").await;
}

#[tokio::test]
async fn with_one_account_an_absence_is_believed_at_once() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(TAGS).await.status, 200);
    app.github.remove("octo/app", 404);
    app.revalidate(TAGS).await;
    assert_eq!(app.version(TAGS).await.status, 404);
    assert_eq!(used(&app), ["a", "a"]);
}

#[tokio::test]
async fn a_limit_beside_a_silent_store_hides_no_copy() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut app = two_accounts().store(store.clone()).start().await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(TAGS).await.status, 200);
    hide(&app);
    assert_eq!(app.restart().await.lost, 0);
    app.reaches("svm_l2_up", 1.0).await;
    store.be(Mood::Fails);
    app.reaches("svm_l2_up", 0.0).await;
    app.github.fail_all(Failure::SecondaryLimit(Some(60))).for_token("a");
    let limited = app.version(TAGS).await;
    assert_eq!((limited.status.as_u16(), limited.retry_after()), (403, 60));
    store.be(Mood::Works);
    app.reaches("svm_l2_up", 1.0).await;
    assert_copy(&app, TAGS, "from the store").await;
}

#[tokio::test]
async fn without_a_copy_the_second_account_answers() {
    let app = two_accounts().start().await;
    app.github.fail_all(Failure::PrimaryLimit).for_token("a");
    assert_eq!(app.version(LATEST).await.status, 404);
}
