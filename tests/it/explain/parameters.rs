//! The parameters of `/explain`: those of a request for the document, and paths of the mirror.

use serde_json::{Value, json};

use super::last_sentence;
use crate::support::app::{TestApp, encode};
use crate::{LATEST, LATEST_PATH};

async fn explain(app: &TestApp, query: &str) -> Value {
    let answer = app.get(&format!("/explain?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_path_of_the_mirror_is_the_document_of_its_url() {
    let app = TestApp::start().await;
    let by_url = explain(&app, &format!("url={LATEST}")).await;
    for path in [LATEST_PATH, &format!("/api/v3{LATEST_PATH}")] {
        let by_path = explain(&app, &format!("url={path}")).await;
        assert_eq!((&by_path["key"], &by_path["url"]), (&by_url["key"], &json!(LATEST)), "{path}");
    }
    let list = explain(&app, "url=/repos/octo/app/releases?per_page=1").await;
    assert_eq!(list["url"], "https://api.github.com/repos/octo/app/releases?per_page=1");
    let user = app.get("/explain?url=/user").await;
    user.assert_error(400, "Invalid parameter", "upstream path is not allowlisted");
}

#[tokio::test]
async fn a_refresh_asks_although_the_copy_is_fresh() {
    let app = TestApp::builder().set("REFRESH_MIN_INTERVAL", "10s").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    let query = format!("url={LATEST}&refresh=true");
    let lately = explain(&app, &query).await;
    assert_eq!(
        (&lately["refresh"], &lately["request_now"]["asks_github"]),
        (&json!(true), &json!("no"))
    );
    let recent = "A request now is answered from the cache: the last check is more recent than REFRESH_MIN_INTERVAL.";
    assert_eq!(last_sentence(&lately), recent);
    app.advance(std::time::Duration::from_secs(11));
    let refreshed = explain(&app, &query).await;
    assert_eq!(refreshed["request_now"]["asks_github"], "yes");
    let sentences = refreshed["sentences"].to_string();
    assert!(sentences.contains("With refresh=true a fresh copy does not suffice."), "{sentences}");
    assert_eq!(explain(&app, &format!("url={LATEST}")).await["request_now"]["asks_github"], "no");
}

#[tokio::test]
async fn a_minimum_age_is_about_the_list() {
    let app = TestApp::start().await;
    let query = format!("url={}&min_age=7d&pointer=/tag_name", encode(LATEST));
    let explained = explain(&app, &query).await;
    let list = "https://api.github.com/repos/octo/app/releases?per_page=100";
    assert_eq!(explained["url"], list);
    assert_eq!(
        (&explained["min_age"], &explained["pointer"]),
        (&json!(604_800), &json!("/tag_name"))
    );
    let sentences = explained["sentences"].to_string();
    for sentence in [
        "Of this list, the newest release that is 7days old is the answer.",
        "The value at /tag_name is the answer, as far as there is one.",
    ] {
        assert!(sentences.contains(sentence), "{sentences}");
    }
    let other = "https://api.github.com/repos/octo/app";
    assert_eq!(app.get(&format!("/explain?url={other}&min_age=7d")).await.status, 400);
}
