//! Hits, and the requests that share one key.

use std::time::Duration;

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn the_client_gets_githubs_bytes() {
    let app = TestApp::start().await;
    // Forms that a parser would not reproduce: escapes, numbers, the order of keys, a duplicate
    // key.
    let body = br#"{"z":1,"a":1.0,"e":"\u00e9\/","n":123456789012345678901234567890,"z":2}"#;
    app.github.document_bytes("/repos/octo/app/odd", body.to_vec());
    let url = "https://api.github.com/repos/octo/app/odd";
    app.version(url).await.assert_document(body);
    app.version(url)
        .await
        .assert_document(body)
        .assert_summary("200 HIT upstream=0 svm; hit; ttl=86400");
}

#[tokio::test]
async fn a_url_is_one_key_raw_or_encoded_and_in_any_order() {
    let app = TestApp::start().await;
    let target = "/repos/octo/app/commits?a=1&sha=master";
    app.github.document(target, r#"[{"sha":"abc"}]"#);
    let url = format!("https://api.github.com{target}");
    let first = app.version(&url).await;
    let key = first.header("x-cache-key").to_owned();
    for spelling in [
        format!("/version?url={}", encode(&url)),
        format!(
            "/version?url={}",
            encode("HTTPS://API.GitHub.com:443/repos/octo/app/commits?sha=master&a=1")
        ),
        format!(
            "/version?refresh=false&url={}",
            encode("https://api.github.com/repos/%6fcto/app/commits?sha=master&a=%31")
        ),
    ] {
        let answer = app.get(&spelling).await;
        assert_eq!(answer.header("x-cache"), "HIT", "{spelling}");
        assert_eq!(answer.header("x-cache-key"), key, "{spelling}");
    }
    assert_eq!(app.github.calls(target), 1);
}

#[tokio::test]
async fn a_raw_url_with_a_query_of_its_own_is_read_whole() {
    let app = TestApp::start().await;
    let target = "/repos/octo/app/commits?sha=master";
    app.github.document(target, r#"[{"sha":"abc"}]"#);
    let raw = format!("/version?url=https://api.github.com{target}");
    assert_eq!(
        app.get(&raw).await.summary(),
        "200 MISS upstream=200 svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400"
    );
    assert_eq!(
        app.version(&format!("https://api.github.com{target}")).await.header("x-cache"),
        "HIT"
    );
}

#[tokio::test]
async fn a_document_is_fresh_for_its_hard_ttl() {
    let app = TestApp::builder().set("CACHE_HARD_TTL", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.advance(Duration::from_secs(3599));
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=1");
    app.advance(Duration::from_secs(1));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
    app.advance(Duration::from_secs(3599));
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=1");
    assert_eq!(app.github.calls(LATEST_PATH), 2);
}

#[tokio::test]
async fn nothing_of_the_client_reaches_the_upstream_or_the_key() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let path = format!("/version?url={}", encode(LATEST));
    let request = app
        .request(Method::GET, &path)
        .header("accept", "application/octet-stream")
        .header("authorization", "Bearer clients-own")
        .header("cookie", "a=b")
        .header("user-agent", "curl/8.0")
        .header("x-github-api-version", "1999-01-01")
        .header("if-modified-since", "Mon, 01 Jan 2024 00:00:00 GMT");
    let first = Answer::of(request).await;
    assert_eq!(first.status, 200);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");

    let sent = &app.github.requests_for(LATEST_PATH)[0];
    let mut names: Vec<_> = sent.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "host",
            "user-agent",
            "x-github-api-version"
        ]
    );
    assert_eq!(sent.header("accept"), Some("application/vnd.github+json"));
    assert_eq!(sent.header("authorization"), Some("Bearer ghp_first"));
    assert_eq!(sent.header("x-github-api-version"), Some("2022-11-28"));
    assert!(sent.header("user-agent").unwrap().starts_with("svm/"));
}
