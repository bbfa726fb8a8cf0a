//! Every outcome that an answer can have, with all of its headers: the table of outcomes in
//! docs/http-api.md, row by row.

mod stale;

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app
}

/// Starts a service that holds the document past its expiry.
async fn app_with_expired_copy() -> TestApp {
    let app = app().await;
    let _ = app.version(LATEST).await;
    app.advance(DAY);
    app
}

#[tokio::test]
async fn nothing_stored_fetched_and_then_fresh_from_l1() {
    let app = app().await;
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 200
    "#);
    app.advance(Duration::from_secs(90));
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 90
    cache-control: public, max-age=150
    cache-status: svm; hit; ttl=86310
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
}

#[tokio::test]
async fn fresh_from_l2() {
    let mut app = app().await;
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.advance(Duration::from_secs(60));
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 60
    cache-control: public, max-age=120
    cache-status: svm; hit; ttl=86340; detail=l2
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
    insta::assert_snapshot!(app.version(LATEST).await.summary(), @"200 HIT upstream=0 svm; hit; ttl=86340");
}

#[tokio::test]
async fn expired_with_a_new_body() {
    let app = app_with_expired_copy().await;
    app.github.publish("octo/app", "v2.0.0");
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=stale; fwd-status=200; stored; ttl=86400
    content-type: application/json
    etag: "7676ee00e7f048839fae93dd700241f7"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 200
    "#);
}

#[tokio::test]
async fn expired_and_not_modified() {
    let app = app_with_expired_copy().await;
    insta::assert_snapshot!(app.version(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=stale; fwd-status=304; ttl=86400
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: REVALIDATED
    x-upstream-status: 304
    "#);
}

#[tokio::test]
async fn a_refresh_not_modified() {
    let app = app().await;
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(60));
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=request; fwd-status=304; ttl=86400
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: REVALIDATED
    x-upstream-status: 304
    "#);
}

#[tokio::test]
async fn a_refresh_with_a_new_body() {
    let app = app().await;
    let _ = app.version(LATEST).await;
    app.github.publish("octo/app", "v2.0.0");
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=request; fwd-status=200; stored; ttl=86400
    content-type: application/json
    etag: "2b0b45a4bd81f661581bf094059b8c4e"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: BYPASS
    x-upstream-status: 200
    "#);
}

#[tokio::test]
async fn a_refresh_of_nothing_stored() {
    let app = app().await;
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=request; fwd-status=200; stored; ttl=86400
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: BYPASS
    x-upstream-status: 200
    "#);
}

#[tokio::test]
async fn a_refresh_that_fails() {
    let app = app().await;
    let _ = app.version(LATEST).await;
    app.github.fail_all(Failure::Unicorn503);
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @"
    503
    cache-control: no-store
    cache-status: svm; fwd=request; fwd-status=503; detail=server-error
    content-type: application/json
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: BYPASS
    x-upstream-status: 503
    ");
    app.github.go_down().await;
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @"
    502
    cache-control: no-store
    cache-status: svm; fwd=request; detail=unreachable
    content-type: application/json
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: BYPASS
    x-upstream-status: 0
    ");
    insta::assert_snapshot!(app.version(LATEST).await.summary(), @"200 HIT upstream=0 svm; hit; ttl=86400");
}

#[tokio::test]
async fn a_follower_of_a_flight() {
    let app = app().await;
    let gate = app.github.hold(LATEST_PATH);
    let leader = app.version(LATEST);
    let follower = async {
        gate.arrived(1).await;
        let asked = app.version(LATEST);
        let opened = async {
            app.reaches("svm_flight_followers_total", 1.0).await;
            gate.open();
        };
        tokio::join!(asked, opened).0
    };
    let (leader, follower) = tokio::join!(leader, follower);
    insta::assert_snapshot!(leader.summary(), @"200 MISS upstream=200 svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400");
    insta::assert_snapshot!(follower.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400; collapsed
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 200
    "#);
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn the_upstream_has_no_such_document() {
    let app = app().await;
    let missing = "https://api.github.com/repos/octo/none/releases/latest";
    let answer = app.version(missing).await;
    insta::assert_snapshot!(answer.head(), @"
    404
    cache-control: no-store
    cache-status: svm; fwd=uri-miss; fwd-status=404; stored; ttl=300; detail=negative
    content-type: application/json
    x-cache-key: v1:dbaa390585f13dd7abe0fdac455c940395e7e36d62034868311374fb86dcabb3
    x-cache: MISS
    x-upstream-status: 404
    ");
    insta::assert_snapshot!(answer.text(), @r#"{"error":"Upstream API error","message":{"message":"Not Found","documentation_url":"https://docs.github.com/rest/releases/releases#get-the-latest-release","status":"404"}}"#);
    app.advance(Duration::from_secs(10));
    insta::assert_snapshot!(app.version(missing).await.head(), @"
    404
    cache-control: no-store
    cache-status: svm; hit; ttl=290
    content-type: application/json
    x-cache-key: v1:dbaa390585f13dd7abe0fdac455c940395e7e36d62034868311374fb86dcabb3
    x-cache: HIT
    x-upstream-status: 0
    ");
}

#[tokio::test]
async fn the_upstream_fails_and_there_is_no_copy() {
    let app = app().await;
    app.github.fail_all(Failure::ServerError502);
    let answer = app.version(LATEST).await;
    insta::assert_snapshot!(answer.head(), @"
    502
    cache-control: no-store
    cache-status: svm; fwd=uri-miss; fwd-status=502; detail=server-error
    content-type: application/json
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 502
    ");
    insta::assert_snapshot!(answer.text(), @r#"
    {"error":"Upstream API error","message":{
      "message": "Server Error"
    }}
    "#);
    app.github.recover();
    app.github.go_down().await;
    let answer = app.version(LATEST).await;
    insta::assert_snapshot!(answer.head(), @"
    502
    cache-control: no-store
    cache-status: svm; fwd=uri-miss; detail=unreachable
    content-type: application/json
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 0
    ");
    insta::assert_snapshot!(answer.text(), @r#"{"error":"Upstream unreachable","detail":"the upstream could not be reached"}"#);
}

#[tokio::test]
async fn the_upstream_fails_and_the_copy_is_too_old_to_stand_in() {
    let app = app_with_expired_copy().await;
    app.advance(DAY);
    app.github.fail_all(Failure::Unicorn503);
    insta::assert_snapshot!(app.version(LATEST).await.head(), @"
    503
    cache-control: no-store
    cache-status: svm; fwd=stale; fwd-status=503; detail=server-error
    content-type: application/json
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 503
    ");
}

#[tokio::test]
async fn no_call_is_possible_and_there_is_no_copy() {
    let app = app().await;
    app.github.fail_all(Failure::PrimaryLimit);
    let limited = app.version(LATEST).await;
    insta::assert_snapshot!(limited.summary(), @"403 MISS upstream=403 svm; fwd=uri-miss; fwd-status=403; detail=limited");
    let answer = app.version(LATEST).await;
    insta::assert_snapshot!(answer.head(), @"
    503
    cache-control: no-store
    cache-status: svm; detail=no-token
    content-type: application/json
    retry-after: 3600
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-upstream-status: 0
    ");
    insta::assert_snapshot!(answer.text(), @r#"{"error":"Upstream rate limited","detail":"no token is usable for another 3600 seconds"}"#);
}

#[tokio::test]
async fn no_call_is_possible_and_a_refresh_is_demanded() {
    let app = app().await;
    app.github.fail_all(Failure::PrimaryLimit);
    let _ = app.version(LATEST).await;
    insta::assert_snapshot!(app.refresh(LATEST).await.head(), @"
    503
    cache-control: no-store
    cache-status: svm; fwd=request; detail=no-token
    content-type: application/json
    retry-after: 3600
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: BYPASS
    x-upstream-status: 0
    ");
}

#[tokio::test]
async fn a_request_that_is_refused_before_the_cache() {
    let app = app().await;
    let answer = app.version("http://api.github.com/repos/octo/app").await;
    insta::assert_snapshot!(answer.head(), @"
    400
    cache-control: no-store
    cache-status: svm; detail=invalid-parameter
    content-type: application/json
    x-cache-key: 
    x-cache: BYPASS
    x-upstream-status: 0
    ");
    insta::assert_snapshot!(answer.text(), @r#"{"error":"Invalid parameter","detail":"url must be an absolute https URL"}"#);
}
