//! Deliveries as bytes on the wire.

use super::*;
use crate::support::raw::talk;

/// Returns an event whose body has the characters that svm replaces elsewhere.
fn event(id: usize) -> String {
    format!(r##"{{"repository":{{"id":{id},"full_name":"octo/r{id}"}},"text":"#^|#"}}"##)
}

fn head(target: &str, event: &str, fields: &str) -> String {
    let signature = signature(SECRET, event);
    format!(
        "POST {target} HTTP/1.1\r\nHost: svm\r\nX-Hub-Signature-256: {signature}\r\nConnection: close\r\n{fields}\r\n"
    )
}

#[tokio::test]
async fn any_head_within_its_limit_leaves_the_body_as_it_is() {
    let app = with_secrets().await;
    let large = format!("X-A: {}\r\n", "a".repeat(10_000));
    let two = format!("X-A: {}\r\nX-B: {}\r\n", "a".repeat(7_000), "#".repeat(20_000));
    let cases = [
        ("", PATH, ""),
        ("", PATH, &large),
        ("", PATH, &two),
        ("\r\n", PATH, ""),
        ("", "http://svm/webhooks/github", ""),
    ];
    for (id, (before, target, fields)) in cases.into_iter().enumerate() {
        let event = event(id);
        let fields = format!("{fields}Content-Length: {}\r\n", event.len());
        let request = [before, &head(target, &event, &fields), &event].concat();
        let answers = talk(app.address(), request).await;
        assert_eq!(answers[0].status, 202, "{id}: {}", answers[0].json());
    }
}

#[tokio::test]
async fn a_refusal_names_the_missing_length() {
    let app = with_secrets().await;
    let event = event(1);
    let head = head(PATH, &event, "Transfer-Encoding: chunked\r\n");
    let request = format!("{head}{:x}\r\n{event}\r\n0\r\n\r\n", event.len());
    let answers = talk(app.address(), request).await;
    assert_eq!(answers[0].status, 401);
    let detail = "the signature is invalid, and the body has no readable Content-Length";
    assert_eq!(answers[0].json()["detail"], detail);
}

#[tokio::test]
async fn a_body_that_is_no_body_is_a_400() {
    let app = with_secrets().await;
    let head = head(PATH, EVENT, "Transfer-Encoding: chunked\r\n");
    let answers = talk(app.address(), format!("{head}zz\r\n{EVENT}")).await;
    assert_eq!(answers[0].status, 400);
    assert_eq!(answers[0].json()["detail"], "the delivery is incomplete");
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_without_its_length_too() {
    let app = with_secrets().await;
    let head = head(PATH, EVENT, "Transfer-Encoding: chunked\r\n");
    let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    let answers = talk(app.address(), head + &chunk.repeat(26) + "0\r\n\r\n").await;
    assert_eq!((answers[0].status, answers[0].header("connection")), (413, "close"));
}
