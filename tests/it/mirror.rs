//! The mirror: GitHub's own paths, for clients that do not know svm.

mod bodies;
mod errors;
mod failures;
mod lists;
mod notices;
mod representations;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::support::app::{Answer, Log, TestApp};
use crate::support::github::Failure;
use crate::support::raw::talk;
use crate::{LATEST, LATEST_PATH};

#[tokio::test]
async fn a_path_and_its_url_are_one_document() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let mirrored = app.get(LATEST_PATH).await;
    let document = app.version(LATEST).await;
    insta::assert_snapshot!(mirrored.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; fwd=uri-miss; fwd-status=200; stored; ttl=86400
    content-type: application/json; charset=utf-8
    etag: "eef9a276723353ba01a96521e384c9ab"
    last-modified: Mon, 01 Jun 2026 12:00:00 GMT
    vary: Accept, X-GitHub-Api-Version, Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: MISS
    x-github-media-type: github.v3; format=json
    x-upstream-status: 200
    "#);
    assert_eq!(document.header("x-cache"), "HIT");
    for path in [
        LATEST_PATH.to_owned(),
        format!("/api/v3{LATEST_PATH}"),
        format!("{LATEST_PATH}/"),
        format!("{LATEST_PATH}?"),
        format!("{LATEST_PATH}?&"),
        format!("{LATEST_PATH}?page=1"),
        LATEST_PATH.replace("octo", "%6fcto"),
        LATEST_PATH.replace("octo/app", "Octo/APP"),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(answer.body, document.body, "{path}");
        for name in ["etag", "x-cache-key", "x-cache"] {
            assert_eq!(answer.header(name), document.header(name), "{path}");
        }
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn a_client_that_has_the_document_gets_304() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let first = app.get(LATEST_PATH).await;
    let date = first.header("last-modified");
    assert!(!date.is_empty(), "{}", first.head());
    let ask = async |headers: &[(&str, &str)]| {
        let request = app.request(Method::GET, LATEST_PATH);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request).await.status.as_u16()
    };
    assert_eq!(ask(&[("if-none-match", first.header("etag"))]).await, 304);
    assert_eq!(ask(&[("if-modified-since", date)]).await, 304);
    assert_eq!(ask(&[("if-modified-since", "Wed, 01 Jan 2020 00:00:00 GMT")]).await, 200);
    assert_eq!(ask(&[("if-none-match", "\"x\""), ("if-modified-since", date)]).await, 200);
    // An updater that always sends `no-cache` is still served from L1.
    let answer =
        Answer::of(app.request(Method::GET, LATEST_PATH).header("cache-control", "no-cache"));
    assert_eq!(answer.await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn a_tag_is_known_again_in_another_coding() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    // The gzip form exists by now; an earlier client has the tag of the plain bytes.
    let gzip = app.compressed(LATEST).await.header("etag").to_owned();
    let plain = app.get(LATEST_PATH).await.header("etag").to_owned();
    assert_eq!(gzip, format!("{}-gzip\"", plain.trim_end_matches('"')));
    let ask = async |coding: &str, tag: &str| {
        let request = app.request(Method::GET, LATEST_PATH).header("accept-encoding", coding);
        Answer::of(request.header("if-none-match", tag)).await
    };
    for (coding, tag) in [("gzip", &plain), ("gzip", &gzip), ("identity", &gzip)] {
        for tag_sent in [tag.clone(), format!("\"x\", W/{tag}")] {
            let answer = ask(coding, &tag_sent).await;
            assert_eq!(answer.status, 304, "{coding} {tag_sent}");
            assert_eq!(answer.header("etag"), tag, "the one that the client has");
        }
    }
    assert_eq!(ask("gzip", "\"x\"").await.status, 200);
    assert_eq!(ask("gzip", "*").await.header("etag"), gzip);
}

#[tokio::test]
async fn head_tells_what_get_sends() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let got = app.get(LATEST_PATH).await;
    let head = Answer::of(app.request(Method::HEAD, LATEST_PATH)).await;
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), got.body.len().to_string());
    assert_eq!(head.header("etag"), got.header("etag"));
}

#[tokio::test]
async fn credentials_of_a_client_go_nowhere() {
    let (events, _listening) = Log::listen("svm::http::");
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let token = format!("ghp_{}", "c4nary".repeat(6));
    for value in [
        format!("Bearer {token}"),
        format!("token {token}"),
        format!("Basic {}", STANDARD.encode(format!("user:{token}"))),
        "Bearer dummy".to_owned(),
        "Basic eDp4".to_owned(),
        "x".repeat(4_000),
    ] {
        let request = app.request(Method::GET, LATEST_PATH).header("authorization", value);
        assert_eq!(Answer::of(request).await.status, 200);
    }
    assert_eq!(app.github.total_calls(), 1, "it is in no key");
    let sent = format!("{:?}", app.github.requests());
    assert!(!sent.contains("c4nary"));
    assert_eq!(app.metric("svm_client_tokens_total").await, 3.0);
    let warnings = events.text();
    assert_eq!(warnings.matches("a client sends a GitHub token").count(), 1, "{warnings}");
    assert!(![warnings, app.log()].concat().contains("c4nary"));
}

#[tokio::test]
async fn clients_find_the_pages_that_they_ask_for_first() {
    let app = TestApp::start().await;
    for prefix in ["", "/api/v3"] {
        let root = app.get(&format!("{prefix}/")).await.json();
        let base = format!("http://{}{prefix}", app.address());
        assert_eq!(root["rate_limit_url"], format!("{base}/rate_limit"));
        assert_eq!(root["repository_url"], format!("{base}/repos/{{owner}}/{{repo}}"));
        let limits = app.get(&format!("{prefix}/rate_limit")).await;
        let core = &limits.json()["resources"]["core"];
        assert_eq!((&core["limit"], &core["remaining"]), (&json!(5_000), &json!(5_000)));
        assert_eq!(core["reset"].as_u64().unwrap() % 3_600, 0);
        assert_eq!(limits.json()["rate"], *core);
        assert_eq!(limits.header("x-ratelimit-remaining"), "5000");
        let meta = app.get(&format!("{prefix}/meta")).await.json();
        assert_eq!(meta["verifiable_password_authentication"], false);
        assert_eq!(meta["installed_version"].is_string(), !prefix.is_empty());
    }
    for path in ["/api/v3", "/rate_limit/", "/api/v3/meta/"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn a_path_may_be_in_the_absolute_form() {
    let app = TestApp::builder().set("PUBLIC_URL", "https://svm.example/x").start().await;
    app.github.release("octo/app").serve();
    let ask = async |url: String, host: &str| {
        let head = format!("GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        talk(app.address(), head).await.remove(0)
    };
    for (authority, host, status) in [
        ("127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("SVM", "svm", 200),
        ("[::1]:8000", "[::1]:8000", 200),
        ("svm.example", "inner:8000", 200),
        ("svm:8000", "svm", 404),
        ("evil.example", "svm", 404),
        ("user@svm", "svm", 404),
    ] {
        for path in [LATEST_PATH, "/api/v3/meta", "/"] {
            let answer = ask(format!("http://{authority}{path}"), host).await;
            assert_eq!(answer.status, status, "{authority}{path}");
        }
    }
    let page = ask("http://svm/".to_owned(), "svm\r\nAccept: text/html").await;
    assert!(page.body.starts_with(b"<!"), "a browser gets the status page");
}

#[tokio::test]
async fn an_enterprise_server_is_mirrored_as_well() {
    let app = TestApp::builder()
        .set("ALLOWED_UPSTREAM_HOSTS", "uploads.github.com")
        .set("GITHUB_TOKEN_HOSTS", "uploads.github.com")
        .set("ALLOWED_API_PATHS", "/api/v3/repos/")
        .set("API_UPSTREAM", "https://uploads.github.com/api/v3")
        .start()
        .await;
    app.github.file_on("uploads.github.com", "/api/v3/repos/o/r", "{}");
    for path in ["/repos/o/r", "/api/v3/repos/o/r"] {
        let _ = app.get(path).await;
    }
    let asked: Vec<_> = app.github.requests().iter().map(|it| it.target.clone()).collect();
    assert_eq!(asked.first().map(String::as_str), Some("/api/v3/repos/o/r"));
    assert!(asked.iter().all(|target| target == "/api/v3/repos/o/r"), "{asked:?}");
    assert_eq!(app.get("/repositories/1").await.status, 404);
}

#[tokio::test]
async fn a_copy_stands_in_while_github_fails() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let first = app.get(LATEST_PATH).await;
    app.advance(std::time::Duration::from_secs(25 * 60 * 60));
    app.github.fail(LATEST_PATH).with(Failure::PrimaryLimit);
    let stale = app.get(LATEST_PATH).await;
    assert_eq!((stale.status.as_u16(), &stale.body), (200, &first.body));
    assert_eq!(stale.header("x-ratelimit-remaining"), "", "a client would stop asking");
}
