//! Documents as gzip: the clients that get them, their headers, and the time of their compression.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app
}

/// Starts a service that does not write to its store: only the compressor makes gzip forms.
async fn app_without_writes() -> TestApp {
    let app = TestApp::builder().set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app
}

async fn ask(app: &TestApp, method: Method, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = app.request(method, &format!("/version?url={}", encode(url)));
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request).await
}

async fn made(app: &TestApp) -> [f64; 2] {
    let smaller = app.metric("svm_gzip_made_total{result=\"smaller\"}").await;
    [smaller, app.metric("svm_gzip_made_total{result=\"no-smaller\"}").await]
}

#[tokio::test]
async fn a_client_that_takes_gzip_gets_it() {
    let app = app().await;
    let plain = app.version(LATEST).await;
    let answer = app.compressed(LATEST).await;
    assert_eq!(answer.gunzipped(), plain.body);
    assert!(answer.body.len() < plain.body.len() / 2);
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    insta::assert_snapshot!(answer.head(), @r#"
    200
    age: 0
    cache-control: public, max-age=60
    cache-status: svm; hit; ttl=86400
    content-encoding: gzip
    content-type: application/json
    etag: "eef9a276723353ba01a96521e384c9ab-gzip"
    vary: Accept-Encoding
    x-cache-key: v1:4af519b9880eec7dd02ca2362c45ce95c39feca98f053aa75bb61e1831096e5a
    x-cache: HIT
    x-upstream-status: 0
    "#);

    let head = ask(&app, Method::HEAD, LATEST, &[("accept-encoding", "br, x-gzip;q=0.1")]).await;
    assert_eq!((head.head(), head.body.len()), (answer.head(), 0));
    assert_eq!(head.header("content-length"), answer.header("content-length"));
}

#[tokio::test]
async fn a_client_that_takes_none_gets_the_bytes() {
    let app = app().await;
    let plain = app.version(LATEST).await;
    let _ = app.compressed(LATEST).await;
    let hit = app.version(LATEST).await;
    assert_eq!((&hit.body, hit.header("content-encoding")), (&plain.body, ""));
    for accepted in
        ["", "identity", "gzip;q=0", "br", "*;q=0, identity;q=0", "identity, gzip;q=0.5"]
    {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&app, method, LATEST, &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.head(), hit.head(), "{accepted}");
            assert_eq!(answer.header("content-length"), plain.body.len().to_string());
        }
    }
}

#[tokio::test]
async fn all_lines_of_the_header_count() {
    let app = app().await;
    let _ = app.version(LATEST).await;
    let _ = app.compressed(LATEST).await;
    let of = async |headers: &[(&str, &str)]| {
        ask(&app, Method::GET, LATEST, headers).await.header("content-encoding").to_owned()
    };
    let (br, gzip, none) =
        (("accept-encoding", "br"), ("accept-encoding", "gzip"), ("accept-encoding", "gzip;q=0"));
    assert_eq!(of(&[br, gzip]).await, "gzip");
    assert_eq!(of(&[br, gzip, none]).await, "");
}

#[tokio::test]
async fn every_document_comes_out_as_it_went_in() {
    let app = TestApp::start().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/github/repos");
    let mut folders = vec![folder];
    let mut documents = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let json: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let body = serde_json::to_vec(&json).unwrap();
            let target = format!("/repos/octo/app/document-{documents}");
            app.github.document_bytes(&target, body.clone());
            let url = format!("https://api.github.com{target}");
            app.version(&url).await.assert_document(&body);
            assert_eq!(app.compressed(&url).await.gunzipped(), body);
            documents += 1;
        }
    }
    assert!(documents >= 9, "{documents}");
}

#[tokio::test]
async fn the_tag_of_either_form_gets_a_304() {
    let app = app().await;
    let plain = app.version(LATEST).await.header("etag").to_owned();
    let gzip = app.compressed(LATEST).await.header("etag").to_owned();
    let check = async |accepted: &str, condition: &str, tag: &str| {
        for method in [Method::GET, Method::HEAD] {
            let headers = [("accept-encoding", accepted), ("if-none-match", condition)];
            let answer = ask(&app, method, LATEST, &headers).await;
            assert_eq!(answer.status, 304, "{accepted}, {condition}");
            assert_eq!(answer.header("etag"), tag, "{accepted}, {condition}");
            assert_eq!(answer.header("vary"), "Accept-Encoding");
            let content = ["content-encoding", "content-type"].map(|name| answer.header(name));
            assert_eq!((content, answer.body.len()), (["", ""], 0));
        }
    };
    for (accepted, own, other) in [("gzip", &gzip, &plain), ("identity", &plain, &gzip)] {
        check(accepted, own, own).await;
        check(accepted, &format!("W/{own}"), own).await;
        check(accepted, &format!("\"x\", {other}, {own}"), own).await;
        check(accepted, "*", own).await;
        check(accepted, other, other).await;
        check(accepted, &format!("W/{other}"), other).await;
        check(accepted, &format!("\"x\", {other}"), other).await;
    }
}

#[tokio::test]
async fn a_small_body_is_sent_as_it_is() {
    let app = app_without_writes().await;
    let url = "https://api.github.com/repos/octo/app/small";
    let of_length = |length: usize| format!("\"{}\"", "x".repeat(length - 2)).into_bytes();
    app.github.document_bytes("/repos/octo/app/small", of_length(1_024));
    let small = app.version_as_gzip(url).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), ("", "Accept-Encoding"));
    app.github.document_bytes("/repos/octo/app/large", of_length(1_025));
    let _ = app.version("https://api.github.com/repos/octo/app/large").await;
    app.reaches("svm_gzip_made_total{result=\"smaller\"}", 1.0).await;
    assert_eq!(app.version_as_gzip(url).await.header("content-encoding"), "");
    assert_eq!(app.metric("svm_gzip_waiting").await, 0.0);
}

#[tokio::test]
async fn an_answer_that_is_no_document_is_never_compressed() {
    let app = app().await;
    app.github.fail("/repos/octo/app/gone").with(Failure::Unicorn503);
    let missing = "https://api.github.com/repos/octo/none/releases/latest";
    let is_plain = |answer: &Answer| {
        let said = ["vary", "content-encoding"].map(|name| answer.header(name));
        assert_eq!(said, ["", ""], "{}", answer.head());
    };
    for _ in 0..2 {
        is_plain(&app.version_as_gzip(missing).await);
    }
    is_plain(&app.version_as_gzip("https://api.github.com/repos/octo/app/gone").await);
    is_plain(&app.version_as_gzip("http://not.allowed/").await);
    for path in ["/metrics", "/healthz", "/ping", "/nothing"] {
        let answer = Answer::of(app.request(Method::GET, path).header("accept-encoding", "gzip"));
        is_plain(&answer.await);
    }
}

#[tokio::test]
async fn revalidated_and_stale_copies_keep_their_form() {
    let app = app_without_writes().await;
    let plain = app.version(LATEST).await;
    let _ = app.compressed(LATEST).await;
    app.advance(DAY);
    let revalidated = app.version_as_gzip(LATEST).await;
    assert_eq!(revalidated.header("x-cache"), "REVALIDATED");
    assert_eq!(revalidated.gunzipped(), plain.body);

    app.advance(DAY);
    app.github.fail(LATEST_PATH).with(Failure::Unicorn503);
    for _ in 0..2 {
        let stale = app.version_as_gzip(LATEST).await;
        assert!(stale.header("cache-status").ends_with("detail=stale-if-error"));
        assert_eq!(stale.gunzipped(), plain.body);
        assert_eq!(stale.header("vary"), "Accept-Encoding");
    }
    assert_eq!(made(&app).await, [1.0, 0.0]);
}

#[tokio::test]
async fn a_new_body_gets_a_form_of_its_own() {
    let app = app_without_writes().await;
    let _ = app.version(LATEST).await;
    let first = app.compressed(LATEST).await;
    app.github.publish("octo/app", "v2.0.0");
    let plain = app.refresh(LATEST).await;
    app.reaches("svm_gzip_made_total{result=\"smaller\"}", 2.0).await;
    let second = app.version_as_gzip(LATEST).await;
    assert_eq!(second.gunzipped(), plain.body);
    assert_ne!(first.header("etag"), second.header("etag"));
}

#[tokio::test]
async fn after_a_restart_the_form_is_there_at_once() {
    let mut app = app().await;
    let plain = app.version(LATEST).await;
    let before = app.compressed(LATEST).await;
    app.restart().await;
    let answer = app.version_as_gzip(LATEST).await;
    assert_eq!(answer.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
    assert_eq!((answer.gunzipped(), answer.body), (plain.body.to_vec(), before.body));
    assert_eq!(answer.headers["etag"], before.headers["etag"]);
    assert_eq!(app.version(LATEST).await.headers["etag"], plain.headers["etag"]);
    assert_eq!(made(&app).await, [0.0, 0.0]);
}

#[tokio::test]
async fn a_record_of_an_earlier_version_is_compressed_once() {
    let store = FaultyStore::in_mood(Mood::KnowsNoForms);
    let mut app = TestApp::builder().store(store).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    let plain = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    app.restart().await;
    let promoted = app.version_as_gzip(LATEST).await;
    assert_eq!(promoted.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
    assert_eq!(promoted.header("vary"), "Accept-Encoding");
    app.reaches("svm_gzip_made_total{result=\"smaller\"}", 1.0).await;
    assert_eq!(app.version_as_gzip(LATEST).await.gunzipped(), plain.body);
}

#[tokio::test]
async fn the_saved_bytes_are_counted() {
    let app = app().await;
    let plain = app.version(LATEST).await;
    let form = app.compressed(LATEST).await;
    let counts = async || {
        let names = ["svm_gzip_answers_total", "svm_gzip_saved_bytes_total"];
        [app.metric(names[0]).await, app.metric(names[1]).await]
    };
    let before = counts().await;
    let _ = app.version_as_gzip(LATEST).await;
    let after = counts().await;
    let saved = (plain.body.len() - form.body.len()) as f64;
    assert_eq!([after[0] - before[0], after[1] - before[1]], [1.0, saved]);

    let gzip = ("accept-encoding", "gzip");
    let _ = ask(&app, Method::HEAD, LATEST, &[gzip]).await;
    let _ = ask(&app, Method::GET, LATEST, &[gzip, ("if-none-match", "*")]).await;
    let _ = app.version(LATEST).await;
    assert_eq!(counts().await, after, "no body, or none that is compressed");
}
