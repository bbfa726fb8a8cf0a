//! Odd validators: the document is accepted, and its next check does no harm.

use super::{DOCUMENT, app, with};
use crate::{LATEST, LATEST_PATH};

/// Checks the validator of the second request, for the header of the first answer.
async fn check(header: &str, name: &str, sent: Option<&str>) {
    let row: String = header.chars().take(60).collect();
    let app = app().await;
    app.github.fail_all(with(header, DOCUMENT)).times(1);
    app.version(LATEST).await.assert_document(DOCUMENT);
    // svm's own tag does not depend on that of the upstream.
    let own = app.version(LATEST).await;
    assert_eq!(own.header("etag").len(), own.header("etag").trim_matches('"').len() + 2, "{row}");

    assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v1.0.0", "{row}");
    let asked = app.github.requests_for(LATEST_PATH);
    assert_eq!(asked[1].header(name), sent, "{row}");
    assert_eq!(asked.len(), 2, "{row}");
    // The next request has the validator of the newest answer.
    assert_eq!(app.refresh(LATEST).await.header("x-upstream-status"), "304", "{row}");
}

#[tokio::test]
async fn a_tag_is_sent_back_as_it_came_or_not_at_all() {
    let long = "x".repeat(600);
    let longest = format!("\"{}\"", "x".repeat(60_000));
    for (tag, sent) in [
        ("\"abc\"", Some("\"abc\"")),
        ("W/\"abc\"", Some("W/\"abc\"")),
        ("\"!#~\"", Some("\"!#~\"")),
        ("w/\"abc\"", None),
        ("W/abc", None),
        ("abc", None),
        ("\"", None),
        ("\"\"", Some("\"\"")),
        ("*", None),
        ("\"a\", \"b\"", None),
        ("", None),
        ("\"odd, \u{e9}tag\"", None),
        ("\"tab\tin it\"", None),
        (&long, None),
        (&longest, None),
    ] {
        check(&format!("etag: {tag}"), "if-none-match", sent).await;
    }
}

#[tokio::test]
async fn an_invalid_date_is_not_sent_back() {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "yesterday",
        "-1",
        "18446744073709551616",
        "",
        "\u{e9}\u{e9}",
    ] {
        check(&format!("last-modified: {date}"), "if-modified-since", None).await;
    }
}

#[tokio::test]
async fn of_two_tags_the_first_counts() {
    check("etag: \"a\"\netag: \"b\"", "if-none-match", Some("\"a\"")).await;
}
