//! The notices about the end of an endpoint, which clients show to people.

use reqwest::Method;

use crate::support::app::{Answer, TestApp};

const PATH: &str = "/repos/octo/app/issues";
const NOTICES: [&str; 2] = ["Fri, 10 Mar 2028 00:00:00 GMT", "Sat, 10 Mar 2029 00:00:00 GMT"];

fn notices(answer: &Answer) -> [&str; 2] {
    ["deprecation", "sunset"].map(|name| answer.header(name))
}

#[tokio::test]
async fn notices_of_an_end_are_passed_on() {
    let mut app = TestApp::start().await;
    app.github.deprecated(PATH, b"{}", NOTICES);
    let first = app.get(PATH).await;
    assert_eq!(notices(&first), NOTICES, "{}", first.head());
    let tag = first.header("etag");
    let unchanged = app.request(Method::GET, PATH).header("if-none-match", tag);
    let unchanged = Answer::of(unchanged).await;
    assert_eq!((unchanged.status.as_u16(), notices(&unchanged)), (304, NOTICES));
    assert_eq!(notices(&Answer::of(app.request(Method::HEAD, PATH)).await), NOTICES);

    let _ = app.restart().await;
    let stored = app.get(PATH).await;
    assert!(stored.header("cache-status").contains("detail=l2"), "{}", stored.head());
    assert_eq!(notices(&stored), NOTICES);
    app.advance(std::time::Duration::from_secs(25 * 60 * 60));
    let checked = app.get(PATH).await;
    assert_eq!((checked.header("x-cache"), notices(&checked)), ("REVALIDATED", NOTICES));
}

#[tokio::test]
async fn a_notice_that_is_no_date_is_left_out() {
    let app = TestApp::start().await;
    app.github.deprecated(PATH, b"{}", [&"x".repeat(65), "true"]);
    assert_eq!(notices(&app.get(PATH).await), ["", "true"]);
    app.github.document("/repos/octo/app/labels", "[]");
    assert_eq!(notices(&app.get("/repos/octo/app/labels").await), ["", ""]);
}
