//! A raw `#` at any place of a request line: the answer is a `400`, and never that to the text
//! before the `#`.

use crate::support::app::TestApp;
use crate::support::raw::{Raw, RawAnswer, talk};

const CUT: &str = "/repos/octo/app/git/ref/heads/fix";
const URL: &str = "https://api.github.com/repos/octo/app/git/ref/heads/fix";

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.github.document(CUT, r#"{"ref":"refs/heads/fix"}"#);
    app
}

fn request(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: svm\r\n\r\n")
}

#[track_caller]
fn assert_refused(answer: &RawAnswer, name: &str) {
    assert_eq!(answer.status, 400, "{name}: {}", answer.head);
    let json = answer.json();
    assert_eq!(json["error"], "Invalid parameter", "{name}");
    assert!(json["detail"].as_str().unwrap_or_default().contains("`%23`"), "{name}: {json}");
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
}

#[tokio::test]
async fn a_raw_hash_is_refused_wherever_it_stands() {
    let app = app().await;
    for target in [
        format!("/version?url={URL}#1"),
        format!("/version?url={URL}#"),
        format!("/version?url={URL}&refresh=true#1"),
        format!("/version?url={URL}#&refresh=true"),
        format!("/version?#url={URL}"),
        format!("/version?url={URL}##"),
        format!("/version?url={URL}?sha=a#b"),
        format!("http://svm/version?url={URL}#1"),
        format!("/version#?url={URL}"),
        "/ping#1".to_owned(),
        "/#/version".to_owned(),
    ] {
        let mut raw = Raw::connect(app.address()).await;
        raw.send(request(&target)).await;
        assert_refused(&raw.answer().await.expect("an answer"), &target);
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn a_document_in_memory_does_not_answer_for_it() {
    let app = app().await;
    let mut raw = Raw::connect(app.address()).await;
    for _ in 0..3 {
        raw.send(request(&format!("/version?url={URL}"))).await;
        assert_eq!(raw.answer().await.expect("an answer").status, 200);
        raw.send(request(&format!("/version?url={URL}#1"))).await;
        assert_refused(&raw.answer().await.expect("an answer"), "after a hit");
    }
}

#[tokio::test]
async fn an_encoded_one_is_a_part_of_the_name() {
    let app = app().await;
    app.github.document(&format!("{CUT}%231"), r#"{"ref":"refs/heads/fix#1"}"#);
    let answer = app.version(&format!("{URL}%231")).await;
    assert_eq!(answer.json()["ref"], "refs/heads/fix#1");
}

#[tokio::test]
async fn it_is_seen_in_a_line_that_comes_in_pieces() {
    let app = app().await;
    let text = request(&format!("/version?url={URL}#1"));
    let hash = text.find('#').expect("a hash");
    for cuts in [[hash, hash + 1], [1, hash], [hash + 1, hash + 2], [5, text.len() - 1]] {
        let mut raw = Raw::connect(app.address()).await;
        let mut from = 0;
        for to in cuts.into_iter().chain([text.len()]) {
            raw.send(&text[from..to]).await;
            // Another request on another connection: once it is answered, the service has read this
            // piece.
            assert_eq!(app.get("/ping").await.status, 200);
            from = to;
        }
        assert_refused(&raw.answer().await.expect("an answer"), &format!("{cuts:?}"));
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn it_is_seen_among_pipelined_requests_and_behind_bodies() {
    let app = app().await;
    let hidden = request(&format!("/version?url={URL}#1"));
    let bodies = [
        "Content-Length: 3\r\n\r\nabc",
        // Bytes that look like the end of a head, and like header lines.
        "Content-Length: 9\r\n\r\na\r\n\r\nb: c",
        "Content-Length: 9\r\n\r\nGET / \nb:",
        "Transfer-Encoding: chunked\r\n\r\n3;x=#\r\na\nb\r\n0\r\n\r\n",
        "X: GET /version# HTTP/1.1\r\n\r\n",
    ];
    for body in bodies {
        let first = format!("POST /ping HTTP/1.1\r\nHost: svm\r\n{body}");
        let last = "GET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n";
        let answers = talk(app.address(), format!("{first}{hidden}{last}")).await;
        assert_eq!(answers[0].status, 405, "{body:?}");
        // A body that the service has not read may end the connection.
        for answer in answers.iter().skip(1).take(1) {
            assert_refused(answer, body);
        }
    }
    assert_eq!(app.github.total_calls(), 0);
}

#[tokio::test]
async fn the_byte_that_stands_for_it_means_nothing_else() {
    let app = app().await;
    for raw in ["^", "|"] {
        let mut client = Raw::connect(app.address()).await;
        client.send(request(&format!("/version?url={URL}{raw}1"))).await;
        let answer = client.answer().await.expect("an answer");
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["detail"], "url holds a character that must be percent-encoded");
        client.send(request(&format!("/{raw}"))).await;
        assert_eq!(client.answer().await.expect("an answer").status, 404);
    }
}

#[tokio::test]
async fn one_in_a_header_does_not_matter() {
    let app = app().await;
    let mut raw = Raw::connect(app.address()).await;
    let headers = "User-Agent: a#b\r\nReferer: https://x/#top\r\nCookie: a=#1\r\nX#Y: #\r\n";
    let head = format!("GET /version?url={URL} HTTP/1.1\r\nHost: svm\r\n{headers}");
    raw.send(format!("{head}\r\n")).await;
    let answer = raw.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.json()["ref"].as_str()), (200, Some("refs/heads/fix")));
    let tag = answer.header("etag");
    for (tags, status) in [(format!("\"#\", {tag}"), 304), ("\"a#b\"".to_owned(), 200)] {
        raw.send(format!("{head}If-None-Match: {tags}\r\n\r\n")).await;
        assert_eq!(raw.answer().await.expect("an answer").status, status, "{tags}");
    }
}
