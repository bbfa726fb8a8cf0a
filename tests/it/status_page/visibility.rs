//! The clients that get the page, and the headers that protect it.

use reqwest::Method;

use super::{BROWSER, browse};
use crate::support::app::{Answer, TestApp};

#[tokio::test]
async fn browsers_get_the_page_and_others_the_root() {
    let app = TestApp::start().await;
    let page = browse(&app, "/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    for accept in ["*/*", "application/json", "application/vnd.github+json"] {
        let root = Answer::of(app.request(Method::GET, "/").header("accept", accept)).await;
        assert!(root.json()["rate_limit_url"].is_string(), "{accept}: {}", root.text());
        assert_eq!(root.header("vary"), "Accept");
    }
    assert_eq!(page.header("vary"), "Accept");
    // The root of the API of a GitHub Enterprise server is not a page.
    assert!(browse(&app, "/api/v3/").await.json()["rate_limit_url"].is_string());
}

#[tokio::test]
async fn no_other_origin_can_read_or_frame_it() {
    let app = TestApp::start().await;
    for path in ["/", "/status.json"] {
        let request = app.request(Method::GET, path).header("accept", BROWSER);
        let answer = Answer::of(request.header("origin", "https://evil.example")).await;
        assert_eq!(answer.status, 200);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        let cors = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control"));
        assert_eq!(cors.count(), 0, "{path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body_and_post_is_405() {
    let app = TestApp::start().await;
    for path in ["/", "/status.json"] {
        let with = |method| app.request(method, path).header("accept", BROWSER);
        let get = Answer::of(with(Method::GET)).await;
        let head = Answer::of(with(Method::HEAD)).await;
        assert_eq!(head.head(), get.head(), "{path}");
        assert!(head.body.is_empty() && head.header("content-length") != "0");
        let post = Answer::of(with(Method::POST)).await;
        post.assert_error(405, "Method not allowed", "use GET or HEAD");
        assert_eq!(post.header("allow"), "GET, HEAD");
    }
}

#[tokio::test]
async fn without_it_the_paths_are_as_others() {
    let app = TestApp::builder().set("STATUS_PAGE", "off").start().await;
    assert!(browse(&app, "/").await.json()["rate_limit_url"].is_string());
    assert_eq!(browse(&app, "/status.json").await.status, 404);
}

#[tokio::test]
async fn localhost_is_a_peer_and_a_host() {
    let app = TestApp::builder().set("STATUS_PAGE", "localhost").start().await;
    let status = async |pairs: &[(&str, &str)]| {
        let request = app.request(Method::GET, "/status.json");
        let request =
            pairs.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request).await.status.as_u16()
    };
    assert_eq!(status(&[]).await, 200, "at 127.0.0.1");
    assert_eq!(status(&[("host", "localhost:8000")]).await, 200);
    assert_eq!(status(&[("host", "evil.example")]).await, 404, "a name that leads here");
    assert_eq!(status(&[("x-forwarded-for", "192.0.2.1")]).await, 404, "a proxy on the machine");
    assert_eq!(status(&[("forwarded", "for=192.0.2.1")]).await, 404);
    assert!(browse(&app, "/").await.text().starts_with("<!doctype html>"));
    let rebound = app.request(Method::GET, "/").header("accept", BROWSER);
    let rebound = Answer::of(rebound.header("host", "evil.example")).await;
    assert!(rebound.json()["rate_limit_url"].is_string(), "the root, as without the page");
}

#[tokio::test]
async fn a_trusted_proxy_on_the_machine_is_not_local() {
    let app = TestApp::builder()
        .set("STATUS_PAGE", "localhost")
        .set("FORWARDED_ALLOW_IPS", "127.0.0.1")
        .start()
        .await;
    assert_eq!(app.get("/status.json").await.status, 404);
}
