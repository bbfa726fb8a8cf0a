//! The outcomes with a copy that has expired.

use std::time::Duration;

use super::{DAY, app_with_expired_copy};
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn a_copy_stands_in_after_a_failure_and_while_it_is_remembered() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::Unicorn503);
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 86400
    cache-control: no-cache
    cache-status: svm; fwd=stale; fwd-status=503; detail=stale-if-error
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 503
    "#);
    app.advance(Duration::from_secs(9));
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 86409
    cache-control: no-cache
    cache-status: svm; hit; ttl=-9; detail=stale-if-error
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
}

#[tokio::test]
async fn a_copy_stands_in_where_there_is_no_answer_at_all() {
    let app = app_with_expired_copy().await;
    app.github.go_down().await;
    insta::assert_snapshot!(app.version(LATEST).await.summary(), @"200 HIT upstream=0 svm; fwd=stale; detail=stale-if-error");
}

#[tokio::test]
async fn a_copy_stands_in_where_no_call_is_possible() {
    let app = app_with_expired_copy().await;
    app.github.fail_all(Failure::SecondaryLimit(Some(60)));
    let _ = app.version("https://api.github.com/repos/octo/other").await;
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 86400
    cache-control: no-cache
    cache-status: svm; hit; ttl=0; detail=stale-if-error
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
    assert_eq!(app.github.calls(LATEST_PATH), 1, "no call but the one that fetched it");
}

#[tokio::test]
async fn a_copy_stands_in_while_the_upstream_is_slow() {
    let app = TestApp::builder().set("STALE_AFTER", "20ms").start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    let _ = app.version(LATEST).await;
    app.advance(DAY);
    let gate = app.github.hold(LATEST_PATH);
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 86400
    cache-control: no-cache
    cache-status: svm; fwd=stale; detail=stale-while-revalidate
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
    gate.open();
}
