//! Clients that already have the document.

use reqwest::Method;

use crate::LATEST;
use crate::support::app::{Answer, TestApp, encode};

async fn ask(app: &TestApp, method: Method, if_none_match: &str) -> Answer {
    let path = format!("/version?url={}", encode(LATEST));
    Answer::of(app.request(method, &path).header("if-none-match", if_none_match)).await
}

#[tokio::test]
async fn a_client_that_holds_the_body_gets_304() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let first = app.version(LATEST).await;
    let etag = first.header("etag");
    for tag in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()]
    {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&app, method, &tag).await;
            assert_eq!(answer.status, 304, "{tag}");
            assert!(answer.body.is_empty());
            assert_eq!(answer.header("etag"), etag);
            assert_eq!(answer.header("content-type"), "");
        }
    }
    insta::assert_snapshot!(ask(&app, Method::GET, etag).await.head(), @r#"
    304
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; hit; ttl=86400
    etag: "eef9a276723353ba01a96521e384c9ab"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);
}

#[tokio::test]
async fn a_client_that_holds_another_body_gets_this_one() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let first = app.version(LATEST).await;
    assert_eq!(ask(&app, Method::GET, "\"other\"").await.status, 200);
    app.github.publish("octo/app", "v2");
    let second = app.refresh(LATEST).await;
    assert_ne!(first.header("etag"), second.header("etag"));
    assert_eq!(ask(&app, Method::GET, first.header("etag")).await.status, 200);
    assert_eq!(ask(&app, Method::GET, second.header("etag")).await.status, 304);
}

#[tokio::test]
async fn the_tag_survives_a_revalidation_and_a_restart() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let etag = app.version(LATEST).await.header("etag").to_owned();
    assert_eq!(app.refresh(LATEST).await.header("etag"), etag);
    app.restart().await;
    assert_eq!(ask(&app, Method::GET, &etag).await.status, 304);
}

#[tokio::test]
async fn an_error_is_never_304() {
    let app = TestApp::start().await;
    assert_eq!(ask(&app, Method::GET, "*").await.status, 404);
}
