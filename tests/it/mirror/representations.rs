//! Representations: each is a separate document, and their number is small.

use reqwest::Method;

use crate::support::app::{Answer, TestApp};
use crate::{LATEST, LATEST_PATH};

async fn ask(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = app.request(Method::GET, path);
    Answer::of(headers.iter().fold(request, |it, (name, value)| it.header(*name, *value))).await
}

fn full() -> [(&'static str, &'static str); 1] {
    [("accept", "application/vnd.github.v3.full+json")]
}

#[tokio::test]
async fn a_representation_is_a_document_of_its_own() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let default = app.version(LATEST).await;
    let first = ask(&app, LATEST_PATH, &full()).await;
    assert_eq!(first.header("x-cache"), "MISS");
    assert_ne!(first.header("x-cache-key"), default.header("x-cache-key"));
    assert_eq!(ask(&app, LATEST_PATH, &full()).await.header("x-cache"), "HIT");
    let types =
        [&first, &app.get(LATEST_PATH).await].map(|it| it.header("x-github-media-type").to_owned());
    assert_eq!(types, ["github.v3; param=full; format=json", "github.v3; format=json"]);
    let accepts: Vec<_> = app.github.requests_for(LATEST_PATH);
    let accepts: Vec<_> =
        accepts.iter().map(|it| it.header("accept").unwrap().to_owned()).collect();
    assert_eq!(accepts, ["application/vnd.github+json", "application/vnd.github.full+json"]);

    let _ = app.restart().await;
    let stored = ask(&app, LATEST_PATH, &full()).await;
    assert!(stored.header("cache-status").contains("detail=l2"), "{}", stored.head());
    assert_eq!(stored.header("x-cache-key"), first.header("x-cache-key"));
    assert_eq!(app.github.total_calls(), 2);
}

#[tokio::test]
async fn a_representation_is_checked_by_its_own_tag() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = ask(&app, LATEST_PATH, &full()).await;
    app.advance(std::time::Duration::from_secs(25 * 60 * 60));
    let checked = ask(&app, LATEST_PATH, &full()).await;
    assert_eq!(checked.header("x-cache"), "REVALIDATED", "{}", checked.head());
    assert_eq!(app.github.free(), 1);
}

#[tokio::test]
async fn the_newer_version_of_the_api_is_another_document() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let version = [("x-github-api-version", "2026-03-10")];
    assert_eq!(ask(&app, LATEST_PATH, &version).await.header("x-cache"), "MISS");
    assert_eq!(ask(&app, LATEST_PATH, &version).await.header("x-cache"), "HIT");
    assert_eq!(app.get(LATEST_PATH).await.header("x-cache"), "MISS");
    let asked = app.github.requests_for(LATEST_PATH);
    let versions: Vec<_> = asked.iter().map(|it| it.header("x-github-api-version")).collect();
    assert_eq!(versions, [Some("2026-03-10"), Some("2022-11-28")]);
}

#[tokio::test]
async fn a_url_has_at_most_five_representations() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let words = ["full", "html", "text", "raw", "json", "FULL", "mercy-preview", "x"];
    for number in 0..40 {
        for word in words {
            let accept =
                format!("application/x{number}, application/vnd.github.v{number}.{word}+json");
            let answer = ask(&app, LATEST_PATH, &[("accept", &accept)]).await;
            assert_eq!(answer.status, 200, "{accept}");
        }
        let headers = [("accept", "*/*"), ("x-github-api-version", "2026-03-10")];
        assert_eq!(ask(&app, LATEST_PATH, &headers).await.status, 200);
    }
    assert_eq!(app.github.total_calls(), 5);
    assert_eq!(app.metric("svm_l1_entries").await, 5.0);
}

#[tokio::test]
async fn the_media_type_names_the_representation_of_the_body() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let [accept] = full();
    // The newer version has no rendered texts.
    let headers = [accept, ("x-github-api-version", "2026-03-10")];
    let answer = ask(&app, LATEST_PATH, &headers).await;
    assert_eq!(answer.header("x-github-media-type"), "github.v3; format=json");
}
