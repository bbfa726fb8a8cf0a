//! Parts of documents: a value at a pointer, and the newest release that is old enough.

use std::time::Duration;

use reqwest::Method;

use crate::support::app::{Answer, TestApp, encode};
use crate::{LATEST, LATEST_PATH};

const LIST_PATH: &str = "/repos/octo/app/releases?per_page=100";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn part(url: &str, parameters: &str) -> String {
    format!("/version?url={}&{parameters}", encode(url))
}

async fn asked(app: &TestApp, path: &str, header: (&str, &str)) -> Answer {
    Answer::of(app.request(Method::GET, path).header(header.0, header.1)).await
}

#[tokio::test]
async fn a_pointer_answers_the_value_alone() {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1.2.3").assets(2).serve();
    let release = app.version(LATEST).await;
    let asset = release.json()["assets"][1].clone();
    for (pointer, value) in [
        ("/tag_name", serde_json::json!("v1.2.3")),
        ("/assets/1/name", asset["name"].clone()),
        ("/assets/1", asset),
        ("/draft", serde_json::json!(false)),
        ("", release.json()),
    ] {
        for status in ["HIT", "HIT", "HIT"] {
            let answer = app.get(&part(LATEST, &format!("pointer={}", encode(pointer)))).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-cache")), (200, status));
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.json(), value, "{pointer}");
            assert!(release.text().contains(&answer.text()), "the stored bytes");
        }
    }
    assert_eq!(app.github.calls(LATEST_PATH), 1);
}

#[tokio::test]
async fn a_part_has_a_tag_and_a_length_of_its_own() {
    let app = TestApp::start().await;
    app.github.release("octo/app").assets(3).serve();
    let path = part(LATEST, "pointer=/assets");
    let whole = app.version(LATEST).await;
    for _ in 0..3 {
        let answer = app.get(&path).await;
        assert_ne!(answer.header("etag"), whole.header("etag"));
        let known = asked(&app, &path, ("if-none-match", answer.header("etag"))).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
        let other = asked(&app, &path, ("if-none-match", whole.header("etag"))).await;
        assert_eq!(other.body, answer.body);
        let head = Answer::of(app.request(Method::HEAD, &path)).await;
        assert_eq!(head.header("content-length"), answer.body.len().to_string());
    }
    // The part is cached by now, and has a gzip form.
    let compressed = asked(&app, &path, ("accept-encoding", "gzip")).await;
    assert_eq!(compressed.gunzipped(), app.get(&path).await.body);
    // The value stays while the rest of the document changes, and so does its tag.
    let tag = part(LATEST, "pointer=/tag_name");
    let before = app.get(&tag).await;
    app.github.bump_downloads("octo/app");
    let _ = app.refresh(LATEST).await;
    let after = app.get(&tag).await;
    assert_eq!(before.header("etag"), after.header("etag"));
    app.github.publish("octo/app", "v9.0.0");
    let _ = app.refresh(LATEST).await;
    assert_eq!(app.get(&tag).await.text(), "\"v9.0.0\"");
}

#[tokio::test]
async fn a_pointer_to_nothing_is_a_404() {
    let app = TestApp::start().await;
    app.github.release("octo/app").assets(1).serve();
    for pointer in ["/none", "/assets/1", "/tag_name/0", "/assets/-"] {
        for _ in 0..3 {
            let answer = app.get(&part(LATEST, &format!("pointer={pointer}"))).await;
            let detail = format!("the document has nothing at {pointer}");
            answer.assert_error(404, "Not in the document", &detail);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
    for pointer in ["tag_name", "/~2", "%23/tag_name"] {
        let answer = app.get(&part(LATEST, &format!("pointer={pointer}"))).await;
        assert_eq!(answer.status, 400, "{pointer}");
    }
    // An answer that is no document stays unchanged.
    let absent = part("https://api.github.com/repos/octo/none", "pointer=/id");
    assert_eq!(app.get(&absent).await.json()["error"], "Upstream API error");
}

#[tokio::test]
async fn a_minimum_age_chooses_from_the_list_without_a_call() {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1").serve();
    app.advance(DAY * 5);
    app.github.publish("octo/app", "v2");
    app.github.release("octo/app").tag("v3-rc").prerelease().serve();
    app.advance(DAY * 5);
    app.github.publish("octo/app", "v3");
    let tag = async |age: &str| {
        let answer = app.get(&part(LATEST, &format!("min_age={age}&pointer=/tag_name"))).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    };
    for (age, expected) in [("0s", "v3"), ("1h", "v2"), ("5d", "v2"), ("121h", "v1"), ("7d", "v1")]
    {
        for _ in 0..3 {
            assert_eq!(tag(age).await, format!("\"{expected}\""), "{age}");
        }
    }
    let list = "https://api.github.com/repos/octo/app/releases?per_page=100";
    let release = app.get(&part(list, "min_age=7d")).await;
    assert_eq!(release.json()["tag_name"], "v1", "a list is chosen from as well");
    assert!(app.version(list).await.text().contains(&release.text()), "the stored bytes");
    assert_eq!((app.github.total_calls(), app.github.calls(LIST_PATH)), (1, 1));
}

#[tokio::test]
async fn a_release_is_served_as_soon_as_it_is_old_enough() {
    let app = TestApp::builder().set("CACHE_HARD_TTL", "60d").start().await;
    app.github.release("octo/app").tag("v1").serve();
    let path = part(LATEST, "min_age=7d");
    let detail = "none of the 1 releases in the list is at least 7days old (drafts and prereleases do not count)";
    for _ in 0..3 {
        app.get(&path).await.assert_error(404, "Not in the document", detail);
    }
    app.advance(DAY * 7 - Duration::from_secs(1));
    assert_eq!(app.get(&path).await.status, 404);
    app.advance(Duration::from_secs(1));
    for _ in 0..3 {
        assert_eq!(app.get(&path).await.json()["tag_name"], "v1");
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn an_age_where_there_are_no_releases_is_refused() {
    let app = TestApp::start().await;
    for url in [
        "https://api.github.com/repos/octo/app",
        "https://api.github.com/repos/octo/app/releases/tags/v1",
        "https://api.github.com/repos/octo/app/tags",
        "https://raw.githubusercontent.com/octo/app/main/releases",
    ] {
        let answer = app.get(&part(url, "min_age=7d")).await;
        let detail = "min_age parameter is for URLs of releases/latest and of lists of releases of a repository";
        answer.assert_error(400, "Invalid parameter", detail);
    }
    let answer = app.get(&part(LATEST, "min_age=soon")).await;
    let detail = "min_age parameter must be a duration such as 7d or 36h";
    answer.assert_error(400, "Invalid parameter", detail);
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn parts_of_large_documents_are_found_too() {
    let app = TestApp::start().await;
    let url = "https://api.github.com/repos/octo/app/big";
    let text = "x".repeat(300_000);
    let document = format!(r#"{{"text":"{text}","last":{{"id":7}}}}"#);
    app.github.document("/repos/octo/app/big", document);
    for _ in 0..3 {
        assert_eq!(app.get(&part(url, "pointer=/last/id")).await.text(), "7");
        assert_eq!(app.get(&part(url, "pointer=/text")).await.json(), text.as_str());
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn odd_ages_get_an_error_text() {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1").serve();
    for (age, status) in [
        ("0s", 200),
        ("0", 200),
        ("1ms", 404),
        ("584000000y", 400),
        ("36500d", 404),
        ("18446744073709551615s", 400),
        ("18446744073709551616s", 400),
        ("99999999999999999999999999d", 400),
        ("-1d", 400),
        ("1e9d", 400),
        ("7", 400),
        ("7D", 400),
        ("%00", 400),
        ("", 400),
        ("7d&min_age=8d", 400),
    ] {
        let answer = app.get(&part(LATEST, &format!("min_age={age}"))).await;
        assert_eq!(answer.status, status, "{age}: {}", answer.text());
        assert!(status == 200 || answer.json()["detail"].is_string(), "{age}");
        for parameters in [format!("min_age={age}&pointer=/id"), format!("min_age={age}&pointer=")]
        {
            let path = part(LATEST, &parameters);
            let head = Answer::of(app.request(Method::HEAD, &path)).await;
            assert_eq!((head.status.as_u16(), head.body.len()), (status, 0), "{parameters}");
        }
    }
    assert_eq!(app.github.total_calls(), 1);
}

#[tokio::test]
async fn a_part_of_a_part_has_conditions_and_gzip() {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1").assets(3).serve();
    app.advance(DAY * 8);
    app.github.publish("octo/app", "v2");
    let path = part(LATEST, "min_age=7d&pointer=/assets");
    for _ in 0..3 {
        let answer = app.get(&path).await;
        assert!(answer.text().contains("v1") && !answer.text().contains("v2"));
        for condition in [answer.header("etag"), "*", &format!("W/{}", answer.header("etag"))] {
            let known = asked(&app, &path, ("if-none-match", condition)).await;
            assert_eq!((known.status.as_u16(), known.body.len()), (304, 0), "{condition}");
            assert_eq!(known.header("etag"), answer.header("etag"));
            let head = app.request(Method::HEAD, &path).header("if-none-match", condition);
            assert_eq!(Answer::of(head).await.status, 304, "{condition}");
        }
        let other = asked(&app, &path, ("if-none-match", "\"other\"")).await;
        assert_eq!(other.body, answer.body);
    }
    let compressed = asked(&app, &path, ("accept-encoding", "gzip")).await;
    assert_eq!(compressed.gunzipped(), app.get(&path).await.body);
    assert_ne!(compressed.header("etag"), "");
}

#[tokio::test]
async fn an_unchanged_part_is_a_304_after_each_change_elsewhere() {
    let app = TestApp::start().await;
    let path = part(LATEST, "pointer=/large");
    let serve = |number: usize| {
        let document = format!("{{\"number\":{number},\"large\":\"{}\"}}", "x".repeat(1_500));
        app.github.document(LATEST_PATH, document);
    };
    let mut tag = "\"none\"".to_owned();
    for number in 0..3 {
        serve(number);
        let _ = app.refresh(LATEST).await;
        for _ in 0..3 {
            let request = app.request(Method::GET, &path).header("accept-encoding", "gzip");
            let answer = Answer::of(request.header("if-none-match", &tag)).await;
            let status = if tag == "\"none\"" { 200 } else { 304 };
            assert_eq!(answer.status, status, "{number}: {tag}");
            tag = answer.header("etag").to_owned();
        }
        // A client that got the compressed part has its tag.
        tag = tag.replace("-gzip", "").trim_end_matches('"').to_owned() + "-gzip\"";
    }
}
