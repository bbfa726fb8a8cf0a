//! Malformed and odd heads of answers.

use super::{DOCUMENT, JSON, UNREACHABLE, Verdict, bad, ok, refused, taken, with};
use crate::support::github::{Failure, Wire};

const UNASKED: Verdict =
    bad(304, "unasked-304", "the upstream answered 304 to a request without a validator");

fn status_line(line: &str) -> Failure {
    Failure::Wire(Wire::new(format!("{line}\r\n{JSON}\r\ncontent-length: 17\r\n\r\n{DOCUMENT}")))
}

#[tokio::test]
async fn no_answer_at_all_is_reported_without_an_address() {
    refused(
        UNREACHABLE,
        [
            ("a reset", Failure::Reset),
            ("an end in good order", Failure::CloseBeforeAnswer),
            ("an end of which TLS is not told", Failure::Wire(Wire::new("").cut())),
            ("no TLS", Failure::TlsHandshake),
            ("a certificate of nobody's", Failure::UntrustedCertificate),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_no_answer() {
    refused(
        UNREACHABLE,
        [
            ("1,000 headers", Failure::ManyHeaders),
            ("a header of 1 MB", with(&format!("x-long: {}", "x".repeat(1_000_000)), DOCUMENT)),
            ("an endless header", {
                Failure::Wire(Wire::new("HTTP/1.1 200 OK\r\nx-long: ").then_for_ever("x"))
            }),
            ("an endless status line", {
                Failure::Wire(Wire::new("HTTP/1.1 200 ").then_for_ever("O"))
            }),
            ("endless empty lines", Failure::Wire(Wire::new("").then_for_ever("\r\n"))),
            ("half a head", Failure::Wire(Wire::new("HTTP/1.1 200 OK\r\nx-half").closed())),
            ("only a document", Failure::Wire(Wire::new(DOCUMENT).closed())),
            ("another protocol", status_line("SSH-2.0-OpenSSH_9.2")),
            ("a version that is to come", status_line("HTTP/3.0 200 OK")),
            ("a preface of HTTP/2", Failure::Wire(Wire::new("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))),
            ("a status of two digits", status_line("HTTP/1.1 20 OK")),
            ("a status of four digits", status_line("HTTP/1.1 2000 OK")),
            ("a status of 0", status_line("HTTP/1.1 000 OK")),
            ("a status that is no number", status_line("HTTP/1.1 ok OK")),
            ("a NUL in a header", with("x-nul: a\0b", DOCUMENT)),
            ("a header without a name", with(": nameless", DOCUMENT)),
            ("a header without a colon", with("nothing", DOCUMENT)),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_odd_head_that_can_be_read_is_taken() {
    let document = DOCUMENT.as_bytes();
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let whole = Wire::whole("200 OK", JSON, DOCUMENT);
    let flood = Wire::new("").then_repeated(interim, 5_000);
    let flood =
        flood.then(format!("HTTP/1.1 200 OK\r\n{JSON}\r\ncontent-length: 17\r\n\r\n{DOCUMENT}"));
    taken([
        ("no reason phrase", status_line("HTTP/1.1 200"), document),
        ("a reason that lies", status_line("HTTP/1.1 200 Not Found"), document),
        ("no content type", Failure::Wire(Wire::whole("200 OK", "x-a: b", DOCUMENT)), document),
        (
            "a content type of a page",
            { Failure::Wire(Wire::whole("200 OK", "content-type: text/html", DOCUMENT)) },
            document,
        ),
        ("99 headers", with(&"x-many: 1\n".repeat(97), DOCUMENT), document),
        ("a header with odd bytes", with("x-odd: \u{e9}\u{1f980}", DOCUMENT), document),
        (
            "cookies, and what is for browsers",
            { with("set-cookie: a=b\nrefresh: 0; url=https://example.org\nlink: <x>", DOCUMENT) },
            document,
        ),
        ("10,000 interim answers", Failure::Wire(flood), document),
        ("nothing odd", Failure::Wire(whole), document),
        ("the same by another way", ok(DOCUMENT), document),
    ])
    .await;
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_refused() {
    let app = super::app().await;
    app.github.fail_all(Failure::UnaskedNotModified);
    UNASKED.assert(&app.version(crate::LATEST).await, "uri-miss", "cold");
    app.github.recover();
    let copy = app.version(crate::LATEST).await;
    assert_eq!(copy.header("x-cache"), "MISS");
    // A `304` about another body confirms nothing; the next request is unconditional, so a `304` to
    // it is refused.
    app.github.fail_all(Failure::UnaskedNotModified);
    UNASKED.assert(&app.refresh(crate::LATEST).await, "request", "with a copy");
    app.version(crate::LATEST).await.assert_document(&copy.body);
}
