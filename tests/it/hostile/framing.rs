//! The end of a request: if two servers disagree about it, bytes of one client become a request of
//! another one.
//!
//! Each case is sent in one piece with a well-formed last request after it. A `200` for the last
//! request shows that the service found its beginning; no answer to it shows that the service has
//! closed the connection and read nothing more.

use crate::support::app::TestApp;
use crate::support::raw::talk;

/// The bytes before the last request, and the statuses of all answers.
type Case = (&'static str, String, &'static [u16]);

const REFUSED: &[u16] = &[400];
const CLOSED: &[u16] = &[200];
const IN_STEP: &[u16] = &[200, 200];
const LAST: &str = "GET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n";
/// A request for a hidden document, at the place of a body.
const HIDDEN: &str =
    "GET /version?url=https://api.github.com/repos/hidden/x HTTP/1.1\r\nHost: svm\r\n\r\n";

/// Returns a request with these headers and this body.
fn ping(headers: &str, body: &str) -> String {
    format!("GET /ping HTTP/1.1\r\nHost: svm\r\n{headers}\r\n{body}")
}

/// Returns a request whose body has the stated length and is a hidden request.
fn hiding(headers: &str) -> String {
    ping(&headers.replace("LENGTH", &HIDDEN.len().to_string()), HIDDEN)
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len())
}

#[rustfmt::skip]
fn lengths() -> Vec<Case> {
    vec![
        ("a body", ping("Content-Length: 5\r\n", "hello"), IN_STEP),
        ("a body of nothing", ping("Content-Length: 0\r\n", ""), IN_STEP),
        ("a request in a body", hiding("Content-Length: LENGTH\r\n"), IN_STEP),
        ("two equal lengths", hiding("Content-Length: LENGTH\r\nContent-Length: LENGTH\r\n"), IN_STEP),
        ("two lengths", hiding("Content-Length: LENGTH\r\nContent-Length: 0\r\n"), REFUSED),
        ("two lengths, the other way", hiding("Content-Length: 0\r\nContent-Length: LENGTH\r\n"), REFUSED),
        ("a list of equal lengths", ping("Content-Length: 5, 5\r\n", "hello"), REFUSED),
        ("a length with a plus", ping("Content-Length: +5\r\n", "hello"), REFUSED),
        ("a length with a minus", ping("Content-Length: -5\r\n", "hello"), REFUSED),
        ("a length in hexadecimal", ping("Content-Length: 0x5\r\n", "hello"), REFUSED),
        ("a length with a fraction", ping("Content-Length: 5.0\r\n", "hello"), REFUSED),
        ("a length with a blank", ping("Content-Length: 5 0\r\n", "hello"), REFUSED),
        ("no length", ping("Content-Length:\r\n", "hello"), REFUSED),
        ("a length past 64 bits", ping("Content-Length: 18446744073709551621\r\n", "hello"), REFUSED),
        ("a blank before the colon", hiding("Content-Length : LENGTH\r\n"), REFUSED),
        ("a body that waits for a word", ping("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"), CLOSED),
        ("a body that does not come", ping("Content-Length: 100000\r\n", "hello"), CLOSED),
    ]
}

#[rustfmt::skip]
fn codings() -> Vec<Case> {
    let hidden = chunk(HIDDEN);
    vec![
        ("chunks", ping("Transfer-Encoding: chunked\r\n", &hidden), IN_STEP),
        ("chunks and a length", ping("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &hidden), CLOSED),
        ("a length and chunks", ping("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &hidden), CLOSED),
        ("no chunks, and a request behind them", ping("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &format!("0\r\n\r\n{HIDDEN}")), CLOSED),
        ("chunks in capitals", ping("TRANSFER-ENCODING: CHUNKED\r\n", &hidden), IN_STEP),
        ("another coding", ping("Transfer-Encoding: identity\r\n", &hidden), REFUSED),
        ("another coding and a length", hiding("Transfer-Encoding: xchunked\r\nContent-Length: LENGTH\r\n"), REFUSED),
        ("chunks and then another coding", ping("Transfer-Encoding: chunked, identity\r\n", &hidden), REFUSED),
        ("the same on two lines", ping("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &hidden), REFUSED),
        ("a vertical tab before it", ping("Transfer-Encoding: \x0bchunked\r\n", &hidden), REFUSED),
        ("a blank before the colon", ping("Transfer-Encoding : chunked\r\n", &hidden), REFUSED),
        ("chunks in HTTP/1.0", ping("Transfer-Encoding: chunked\r\n", &hidden).replace("1.1", "1.0"), REFUSED),
        ("a size that is no number", ping("Transfer-Encoding: chunked\r\n", &format!("zz\r\n{HIDDEN}")), CLOSED),
        ("a size with a minus", ping("Transfer-Encoding: chunked\r\n", &format!("-1\r\n{HIDDEN}")), CLOSED),
        ("a size with a prefix", ping("Transfer-Encoding: chunked\r\n", &format!("0x0\r\n\r\n{HIDDEN}")), CLOSED),
        ("a size past 64 bits", ping("Transfer-Encoding: chunked\r\n", &format!("10000000000000000\r\n\r\n{HIDDEN}")), CLOSED),
        ("a size that ends in a bare line feed", ping("Transfer-Encoding: chunked\r\n", &format!("0\n\n{HIDDEN}")), CLOSED),
        ("a chunk without its end", ping("Transfer-Encoding: chunked\r\n", &format!("5\r\nhelloX\r\n0\r\n\r\n{HIDDEN}")), CLOSED),
        ("an extension that hides a line", ping("Transfer-Encoding: chunked\r\n", &format!("0;a\n\r\n{HIDDEN}")), CLOSED),
    ]
}

#[tokio::test]
async fn lengths_and_codings_leave_no_request_ambiguous() {
    let app = TestApp::start().await;
    for (what, bytes, expected) in lengths().into_iter().chain(codings()) {
        let answers = talk(app.address(), format!("{bytes}{LAST}")).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, expected, "{what}");
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert_eq!(answer.json()["message"], "Service is up and running", "{what}");
        }
        assert_eq!(app.get("/ping").await.status, 200, "{what}");
    }
    assert_eq!(
        (app.github.accepted(), app.github.total_calls()),
        (0, 0),
        "a body was read as a request"
    );
    for metric in ["svm_cache_hits_total", "svm_cache_misses_total"] {
        assert_eq!(app.metric(metric).await, 0.0);
    }
}
