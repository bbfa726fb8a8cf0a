//! Throttled endpoints beside others of their host, and servers that state when to try again.

use std::time::Duration;

use crate::support::app::{Answer, TestApp};
use crate::support::github::Failure;

const COMMITS: &str = "/repos/octo/app/commits";
const RELEASES: &str = "/repos/octo/app/releases";
const TAGS: &str = "/repos/octo/app/tags";

async fn app() -> TestApp {
    let app = TestApp::builder().set("GITHUB_PATS", "a,b").start().await;
    for path in [COMMITS, RELEASES, TAGS, "/repos/octo/other/commits/main"] {
        app.github.document(path, "[]");
    }
    app
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.version(&format!("https://api.github.com{path}")).await
}

#[tokio::test]
async fn a_throttled_endpoint_cools_down_alone() {
    let app = app().await;
    app.github.fail_endpoint("commits").with(Failure::Throttled429);
    assert_eq!(get(&app, COMMITS).await.status, 429);
    let same = get(&app, "/repos/octo/other/commits/main").await;
    same.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(same.retry_after(), 60);
    assert_eq!(get(&app, RELEASES).await.status, 200);
    assert_eq!(get(&app, TAGS).await.status, 200);
    app.github.recover();
    app.advance(Duration::from_secs(60));
    assert_eq!(get(&app, COMMITS).await.status, 200);
}

#[tokio::test]
async fn the_same_endpoint_by_number_cools_down_too() {
    let app = app().await;
    app.github.fail_endpoint("commits").with(Failure::Throttled429);
    assert_eq!(get(&app, COMMITS).await.status, 429);
    assert_eq!(get(&app, "/repositories/7/commits").await.status, 503);
}

#[tokio::test]
async fn a_second_throttled_endpoint_cools_the_host_down() {
    let app = app().await;
    app.github.fail_endpoint("commits").with(Failure::Throttled429);
    app.github.fail_endpoint("releases").with(Failure::Throttled429);
    assert_eq!(get(&app, COMMITS).await.status, 429);
    assert_eq!(get(&app, RELEASES).await.status, 429);
    let calls = app.github.total_calls();
    assert_eq!(get(&app, TAGS).await.status, 503);
    assert_eq!(app.github.total_calls(), calls);
}

#[tokio::test]
async fn a_throttled_file_cools_its_repository_down_alone() {
    let app = app().await;
    let raw = |path: &str| format!("https://raw.githubusercontent.com{path}");
    let [one, other, third] =
        ["/octo/app/main/v.json", "/octo/other/main/v.json", "/octo/third/main/v.json"];
    for path in [one, other, third] {
        app.github.raw_document(path, "{}");
    }
    app.github.fail(one).with(Failure::RawThrottled429);
    assert_eq!(app.version(&raw(one)).await.status, 429);
    assert_eq!(app.version(&raw(other)).await.status, 200);
    app.github.fail(third).with(Failure::RawThrottled429);
    assert_eq!(app.version(&raw(third)).await.status, 429);
    assert_eq!(app.version(&raw("/octo/fourth/main/v.json")).await.status, 503);
}

#[tokio::test]
async fn a_503_with_retry_after_is_honored_and_passed_on() {
    let app = app().await;
    app.github.fail(COMMITS).with(Failure::Maintenance503(7)).times(1);
    let answer = get(&app, COMMITS).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after()), (503, 7));
    assert_eq!(app.github.calls(COMMITS), 1, "it is not asked again at once");
    app.advance(Duration::from_secs(3));
    let refused = get(&app, COMMITS).await;
    refused.assert_summary("503 MISS upstream=0 svm; detail=host-rests");
    assert_eq!(refused.retry_after(), 4);
    assert_eq!(get(&app, TAGS).await.status, 200, "another endpoint");
    app.advance(Duration::from_secs(4));
    assert_eq!(get(&app, COMMITS).await.status, 200);
}

#[tokio::test]
async fn two_endpoints_with_503_and_retry_after_cool_the_host_down() {
    let app = app().await;
    app.github.fail_all(Failure::Maintenance503(7));
    assert_eq!(get(&app, COMMITS).await.status, 503);
    assert_eq!(get(&app, TAGS).await.status, 503);
    let calls = app.github.total_calls();
    assert_eq!(get(&app, RELEASES).await.retry_after(), 7);
    assert_eq!(app.github.total_calls(), calls);
}

#[tokio::test]
async fn a_copy_stands_in_while_the_server_is_away() {
    let app = app().await;
    let document = get(&app, COMMITS).await;
    app.advance(Duration::from_secs(86_400));
    app.github.fail_all(Failure::Maintenance503(7));
    for _ in 0..3 {
        get(&app, COMMITS).await.assert_document(&document.body);
    }
    assert_eq!(app.github.calls(COMMITS), 2);
}
