//! Pages of lists: their links to other pages, and the time for which svm believes them.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::LINK;
use serde_json::json;

use crate::support::app::{Answer, TestApp, encode};

const PAGE_2: &str = "https://api.github.com/repos/octo/app/releases?per_page=2&page=2";
const LAST: &str = "https://api.github.com/repos/octo/app/releases?page=3&per_page=2";
const TARGET: &str = "/repos/octo/app/releases?page=3&per_page=2";

/// Starts a service in front of a list of `count` releases.
async fn serving(count: usize) -> TestApp {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v0").serve();
    (1..count).for_each(|number| app.github.publish("octo/app", &format!("v{number}")));
    app
}

#[tokio::test]
async fn a_page_has_the_links_that_github_gave() {
    let mut app = serving(6).await;
    let first = app.version(PAGE_2).await;
    let link = first.header("link").to_owned();
    let url = |page: u8, relation: &str| {
        let id = link.split('/').nth(4).unwrap();
        let list = format!("https://api.github.com/repositories/{id}/releases");
        format!("<{list}?per_page=2&page={page}>; rel=\"{relation}\"")
    };
    let all = [url(1, "prev"), url(3, "next"), url(3, "last"), url(1, "first")];
    assert_eq!(link, all.join(", "));

    let path = format!("/version?url={}", encode(PAGE_2));
    let head = Answer::of(app.request(Method::HEAD, &path)).await;
    let etag = first.header("etag");
    let not_modified = Answer::of(app.request(Method::GET, &path).header("if-none-match", etag));
    let not_modified = not_modified.await;
    assert_eq!((head.status.as_u16(), not_modified.status.as_u16()), (200, 304));
    app.revalidate(PAGE_2).await;
    let checked = app.version(PAGE_2).await;
    app.restart().await;
    let stored = app.version(PAGE_2).await;
    assert!(stored.header("cache-status").contains("detail=l2"), "{}", stored.head());
    for answer in [head, not_modified, checked, stored] {
        assert_eq!(answer.header("link"), link, "{}", answer.head());
    }
    // The next request of the client.
    let next = link.split('<').nth(2).unwrap().split('>').next().unwrap();
    assert_eq!(app.version(next).await.status, 200);
}

#[tokio::test]
async fn a_document_of_one_page_has_no_link() {
    let app = serving(1).await;
    for url in [PAGE_2.replace("&page=2", ""), crate::LATEST.to_owned()] {
        assert_eq!(app.version(&url).await.header("link"), "");
    }
}

#[tokio::test]
async fn a_full_last_page_gets_its_next_link() {
    let app = serving(6).await;
    let full = app.version(LAST).await;
    assert!(!full.header("link").contains("next"), "{}", full.head());
    // GitHub's ETag does not cover the links: the body of this page stays the same.
    app.github.document_with_link(
        TARGET,
        &full.body,
        r#"<https://api.github.com/repositories/1/releases?page=4>; rel="next""#,
    );
    app.revalidate(LAST).await;
    let grown = app.version(LAST).await;
    assert_eq!(grown.body, full.body);
    assert!(grown.header("link").contains("page=4>; rel=\"next\""), "{}", grown.head());
    assert_eq!(app.github.free(), 0, "no check was conditional");
}

#[tokio::test]
async fn the_last_page_is_looked_for_once_an_hour() {
    let app = serving(6).await;
    let _ = app.version(PAGE_2).await;
    app.revalidate(PAGE_2).await;
    assert_eq!((app.github.charged(), app.github.free()), (1, 1));
    app.advance(Duration::from_secs(3_600));
    app.revalidate(PAGE_2).await;
    app.revalidate(PAGE_2).await;
    assert_eq!((app.github.charged(), app.github.free()), (2, 2));
}

#[tokio::test]
async fn links_of_a_lying_upstream_are_dropped() {
    let app = TestApp::start().await;
    let good = "<https://api.github.com/repositories/1/releases?page=9>; rel=\"last\"";
    let long = "x".repeat(30_000);
    for (number, (link, want)) in [
        ("<https://evil.example/x?page=2>; rel=\"next\"".to_owned(), ""),
        ("<http://api.github.com/x>; rel=\"next\"".to_owned(), ""),
        (format!("<https://evil.example/>; rel=\"next\", {good}"), good),
        (format!("<https://api.github.com/{long}>; rel=\"next\""), ""),
        (format!("{}{good}", "<https://api.github.com/x>; rel=x, ".repeat(1_000)), ""),
        ("<<<>>>,,;;\"\"".to_owned(), ""),
    ]
    .into_iter()
    .enumerate()
    {
        let target = format!("/repos/octo/lying/{number}");
        app.github.document_with_link(&target, json!([1]).to_string().as_bytes(), &link);
        let answer = app.version(&format!("https://api.github.com{target}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header(LINK.as_str())),
            (200, want),
            "{link:.80}"
        );
    }
}
