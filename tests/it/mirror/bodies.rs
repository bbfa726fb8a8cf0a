//! Bodies whose URLs lead to svm, and downloads, which svm does not serve.

use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::support::app::{Answer, TestApp};
use crate::{LATEST, LATEST_PATH};

const SVM: &str = "https://svm.example/github";

async fn with_public_url() -> TestApp {
    let app = TestApp::builder().set("PUBLIC_URL", SVM).start().await;
    app.github.release("octo/app").serve();
    app
}

#[tokio::test]
async fn urls_of_a_document_lead_to_svm() {
    let app = with_public_url().await;
    let plain = app.version(LATEST).await;
    let mirrored = app.get(LATEST_PATH).await;
    let (plain_json, json) = (plain.json(), mirrored.json());
    let url = plain_json["url"].as_str().unwrap();
    let own = url.replace("https://api.github.com", &format!("{SVM}/api/v3"));
    assert_eq!(json["url"], own.as_str());
    for name in ["html_url", "upload_url", "tag_name"] {
        assert_eq!(json[name], plain_json[name], "{name}");
    }
    assert!(!mirrored.text().contains("\"https://api.github.com/repos/"));
    assert_eq!(app.version(LATEST).await.body, plain.body, "byte for byte");
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn the_form_for_svm_has_tags_and_gzip_of_its_own() {
    let app = with_public_url().await;
    let plain = app.version(LATEST).await;
    let mirrored = app.get(LATEST_PATH).await;
    let etag = mirrored.header("etag");
    assert_ne!(etag, plain.header("etag"));
    let ask = async |name: &str, value: &str| {
        Answer::of(app.request(Method::GET, LATEST_PATH).header(name, value)).await
    };
    assert_eq!(ask("if-none-match", etag).await.status, 304);
    assert_eq!(ask("if-none-match", plain.header("etag")).await.status, 200);
    let compressed = ask("accept-encoding", "gzip").await;
    assert_eq!(compressed.header("content-encoding"), "gzip");
    assert_eq!(compressed.gunzipped(), mirrored.body);
    assert_eq!(compressed.header("etag"), format!("{}-gzip\"", etag.trim_end_matches('"')));
    // A changed body gets another gzip form.
    app.github.publish("octo/app", "v9");
    let _ = app.refresh(LATEST).await;
    let changed = app.get(LATEST_PATH).await;
    assert_eq!(changed.json()["tag_name"], "v9");
    assert_ne!(changed.header("etag"), etag);
}

#[tokio::test]
async fn links_of_a_page_lead_to_the_public_address() {
    let app = with_public_url().await;
    app.github.publish("octo/app", "v2");
    let page = app.get("/repos/octo/app/releases?per_page=1").await;
    let want = format!("<{SVM}/repos/octo/app/releases?per_page=1&page=2>; rel=\"next\"");
    assert!(page.header("link").starts_with(&want), "{}", page.header("link"));
    let root = app.get("/").await.json();
    assert_eq!(root["rate_limit_url"], format!("{SVM}/rate_limit"));
}

#[tokio::test]
async fn an_address_may_end_with_the_prefix_of_the_api() {
    // A client's base URL may have this form.
    let own = "https://svm.example/api/v3";
    let app = TestApp::builder().set("PUBLIC_URL", own).start().await;
    app.github.release("octo/app").serve();
    app.github.publish("octo/app", "v2");
    let url = app.get(LATEST_PATH).await.json()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{own}/repos/octo/app/releases/")), "{url}");
    for prefix in ["", "/api/v3"] {
        let page = app.get(&format!("{prefix}/repos/octo/app/releases?per_page=1")).await;
        let want = format!("<{own}/repos/octo/app/releases?per_page=1&page=2>; rel=\"next\"");
        assert!(page.header("link").starts_with(&want), "{}", page.header("link"));
        let root = app.get(&format!("{prefix}/")).await.json();
        assert_eq!(root["rate_limit_url"], format!("{own}/rate_limit"));
    }
}

#[tokio::test]
async fn text_that_looks_like_a_url_stays() {
    let app = with_public_url().await;
    let body = json!({
        "body": "see https://api.github.com/repos/o/r and \"https://api.github.com/repos/o/r\"",
        "url": "https://api.github.com/repos/octo/app/releases/7",
        "users": "https://api.github.com/users/octo",
    });
    app.github.document("/repos/octo/app/releases/7", &body);
    let answer = app.get("/repos/octo/app/releases/7").await.json();
    let want = json!({
        "body": body["body"],
        "url": format!("{SVM}/api/v3/repos/octo/app/releases/7"),
        "users": body["users"],
    });
    assert_eq!(answer, want);
}

#[tokio::test]
async fn a_large_document_is_rewritten_as_a_whole() {
    let app = with_public_url().await;
    let url = "https://api.github.com/repos/octo/app/releases/assets/1";
    let list = vec![json!({ "url": url, "text": "x".repeat(1_000) }); 9_000];
    app.github.document("/repos/octo/app/large", Value::from(list));
    for _ in 0..2 {
        let answer = app.get("/repos/octo/app/large").await;
        assert_eq!(
            answer.text().matches("\"https://svm.example/github/api/v3/repos/").count(),
            9_000
        );
        assert_eq!(answer.text().matches("api.github.com").count(), 0);
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn under_the_name_of_github_nothing_is_rewritten() {
    let app = TestApp::builder().set("PUBLIC_URL", "https://api.github.com/").start().await;
    app.github.release("octo/app").serve();
    let mirrored = app.get(LATEST_PATH).await;
    assert_eq!(mirrored.body, app.version(LATEST).await.body);
}

#[tokio::test]
async fn a_download_is_somewhere_else() {
    let app = TestApp::start().await;
    let place = "https://github.com/octo/app/releases/download/v1/app.tar.gz";
    let other = "https://github.com/octo/other/releases/download/v1/app.tar.gz";
    for (id, url) in [(1, place), (2, "https://evil.example/app.tar.gz"), (4, other)] {
        let asset = json!({ "id": id, "browser_download_url": url });
        app.github.document(&format!("/repos/octo/app/releases/assets/{id}"), asset);
    }
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let ask = async |path: &str, accept: &str| {
        let url = format!("http://{}{path}", app.address());
        let answer = Answer::of(client.get(url).header("accept", accept)).await;
        (answer.status.as_u16(), answer.header("location").to_owned())
    };
    const BYTES: &str = "application/octet-stream";
    let asset = "/repos/octo/app/releases/assets";
    assert_eq!(ask(&format!("{asset}/1"), BYTES).await, (302, place.to_owned()));
    assert_eq!(ask(&format!("/api/v3{asset}/1"), BYTES).await, (302, place.to_owned()));
    for (path, accept) in [
        (format!("{asset}/1"), "Application/Octet-Stream"),
        (format!("{asset}/1/"), "text/plain, application/octet-stream;q=0.1"),
        ("/repos/octo/app/releases/%61ssets/1".to_owned(), BYTES),
    ] {
        assert_eq!(ask(&path, accept).await, (302, place.to_owned()), "{path} {accept}");
    }
    assert_eq!(ask(&format!("{asset}/1"), "application/json").await, (200, String::new()));
    assert_eq!(ask(&format!("{asset}/2"), BYTES).await, (404, String::new()));
    assert_eq!(ask(&format!("{asset}/3"), BYTES).await, (404, String::new()));
    assert_eq!(ask(&format!("{asset}/4"), BYTES).await, (404, String::new()));
    let former = asset.replace("app", "former");
    app.github.redirect(&format!("{former}/4"), 301, &format!("{asset}/4"));
    assert_eq!(ask(&format!("{former}/4"), BYTES).await, (302, other.to_owned()), "renamed");
    let archive = "https://codeload.github.com/octo/app/legacy.tar.gz/v1".to_owned();
    assert_eq!(ask("/repos/octo/app/tarball/v1", "*/*").await, (302, archive));
    let archive = "https://codeload.github.com/octo/app/legacy.zip/HEAD".to_owned();
    assert_eq!(ask("/repos/octo/app/zipball", "*/*").await, (302, archive));
    assert_eq!(app.github.total_calls(), 4 + 2, "one for each asset, two for the renamed one");
}

#[tokio::test]
async fn an_archive_whose_place_is_unknown_is_404() {
    let app = TestApp::start().await;
    for path in [
        "/repositories/17/tarball/v1",
        "/api/v3/repositories/17/zipball/refs/heads/main",
        "/repositories/17/%74arball/",
    ] {
        let answer = app.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["message"]), (404, &"Not Found".into()));
    }
    assert_eq!(app.get("/repositories/17/tarballs").await.header("x-upstream-status"), "404");
    assert_eq!(app.github.total_calls(), 1, "only the last path is no archive");
    let root = "https://raw.githubusercontent.com/api/v3";
    let app = TestApp::builder().set("API_UPSTREAM", root).start().await;
    for path in ["/repos/octo/app/tarball/v1", "/api/v3/repos/octo/app/zipball"] {
        assert_eq!(app.get(path).await.status, 404, "{path}");
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn a_download_of_another_server_is_on_its_own_site() {
    const HOST: &str = "raw.githubusercontent.com";
    let app =
        TestApp::builder().set("API_UPSTREAM", &format!("https://{HOST}/api/v3")).start().await;
    let download = "/octo/app/releases/download/v1/app.tar.gz";
    for (id, host, want) in [(1, HOST, 302), (2, "github.com", 404)] {
        let path = format!("/repos/octo/app/releases/assets/{id}");
        let place = format!("https://{host}{download}");
        let asset = json!({ "id": id, "browser_download_url": place }).to_string();
        app.github.file_on(HOST, &format!("/api/v3{path}"), &asset);
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let request = client.get(format!("http://{}{path}", app.address()));
        let answer = Answer::of(request.header("accept", "application/octet-stream")).await;
        let location = if want == 302 { place } else { String::new() };
        assert_eq!((answer.status.as_u16(), answer.header("location")), (want, location.as_str()));
    }
}
