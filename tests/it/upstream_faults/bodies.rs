//! A `200` with an invalid body, or with odd but valid JSON.

use super::{DOCUMENT, MAX_BODY_BYTES, NOT_JSON, app, ok, refused, taken};
use crate::LATEST_PATH;
use crate::support::github::Failure;

const DEPTH: usize = 100_000;

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    refused(
        NOT_JSON,
        [
            ("a page for people", Failure::HtmlWith200),
            ("nothing at all", ok("")),
            ("blanks", ok(" \r\n\t")),
            ("a mark of byte order", ok(format!("\u{feff}{DOCUMENT}"))),
            ("bytes that are no UTF-8", Failure::InvalidUtf8),
            ("a surrogate half in the form of UTF-8", ok(b"\"\xed\xa0\x80\"")),
            ("an overlong slash", ok(b"\"\xc0\xaf\"")),
            ("UTF-16", ok(b"\xff\xfe{\0}\0")),
            ("a NUL in a string", ok(b"{\"tag_name\":\"v\0\"}")),
            ("a NUL behind", ok([DOCUMENT.as_bytes(), b"\0"].concat())),
            ("nothing but NULs", ok([0; 1024])),
            ("garbage behind", ok(format!("{DOCUMENT} x"))),
            ("a page behind", ok(format!("{DOCUMENT}<html>"))),
            ("two documents", ok(format!("{DOCUMENT}{DOCUMENT}"))),
            ("a guard in front", ok(format!(")]}}'\n{DOCUMENT}"))),
            ("half of it", ok(&DOCUMENT[..9])),
        ],
    )
    .await;
}

#[tokio::test]
async fn depth_costs_no_stack() {
    let (arrays, objects) = ("[".repeat(DEPTH), r#"{"a":"#.repeat(DEPTH / 4));
    refused(NOT_JSON, [("open arrays", ok(arrays)), ("open objects", ok(objects))]).await;
    let arrays = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    // The depth is the most that the limit of the body allows.
    let depth = MAX_BODY_BYTES / 6 - 1;
    let objects = format!("{}0{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let deep = format!("{}{}", "[".repeat(90_000), "]".repeat(90_000));
    let release = format!(r#"{{"published_at":{deep},"assets":[]}}"#);
    let assets = format!(r#"{{"published_at":"2020-01-01T00:00:00Z","assets":{deep}}}"#);
    taken([
        ("arrays", Failure::DeepJson, arrays.as_bytes()),
        ("objects", ok(&objects), objects.as_bytes()),
        ("where a release has its date", ok(&release), release.as_bytes()),
        ("where a release has its assets", ok(&assets), assets.as_bytes()),
    ])
    .await;
}

#[tokio::test]
async fn odd_json_is_served_to_the_letter() {
    let digits = format!("[{}, -0.0e-999999999, 1e999999999]", "9".repeat(10_000));
    for odd in [
        r#"{"tag_name":"\ud800","name":"\udc00\ud800"}"#,
        r#"{"tag_name":"v1","tag_name":"v2","tag_name":null}"#,
        r#"{"":{"":[{}]},"\u0000":"\u0000"}"#,
        r#"{"published_at":-1,"assets":{"state":18446744073709551616}}"#,
        " \n[ ]\t",
        "null",
        &digits,
    ] {
        taken([(&odd[..odd.len().min(40)], ok(odd), odd.as_bytes())]).await;
    }
}

#[tokio::test]
async fn a_body_of_just_the_limit_is_taken() {
    let app = app().await;
    let of_size = |size: usize| format!("\"{}\"", "x".repeat(size - 2)).into_bytes();
    app.github.document_bytes("/repos/octo/app/fits", of_size(MAX_BODY_BYTES));
    app.github.document_bytes("/repos/octo/app/over", of_size(MAX_BODY_BYTES + 1));
    assert_eq!(app.version("https://api.github.com/repos/octo/app/fits").await.status, 200);
    assert_eq!(app.version("https://api.github.com/repos/octo/app/over").await.status, 502);
    assert_eq!(app.github.calls(LATEST_PATH), 0);
}
