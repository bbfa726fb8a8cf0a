//! Heads that are odd, malformed or too large, and the answer to each.

use crate::support::app::TestApp;
use crate::support::raw::talk;

/// A head without its empty line, and the statuses of the answers to it and to a well-formed
/// request after it.
type Case = (&'static str, String, &'static [u16]);

const LAST: &str = "GET /ping HTTP/1.1\r\nHost: svm\r\nConnection: close\r\n\r\n";
const REFUSED: &[u16] = &[400];
const TOO_LARGE: &[u16] = &[431];
const IN_STEP: &[u16] = &[200, 200];
const CLOSED: &[u16] = &[200];
const MISSING: &[u16] = &[404, 200];
const NO_METHOD: &[u16] = &[405, 200];
const NOT_ALLOWED: &[u16] = &[400, 200];
const SILENCE: &[u16] = &[];

fn line(line: &str) -> String {
    format!("{line}\r\nHost: svm\r\n")
}

fn header(header: &str) -> String {
    line("GET /ping HTTP/1.1") + header + "\r\n"
}

fn headers(count: usize) -> String {
    let more: String = (1..count).map(|n| format!("X-{n}: 1\r\n")).collect();
    line("GET /ping HTTP/1.1") + &more
}

#[rustfmt::skip]
fn request_lines() -> Vec<Case> {
    let refused_url = "/version?url=https://evil.example/";
    vec![
        ("an absolute form", line("GET http://svm/ping HTTP/1.1"), IN_STEP),
        ("another host's absolute form", line("GET https://evil.example/ping HTTP/1.1"), IN_STEP),
        ("an absolute form with a user", line("GET http://user@evil.example/ping HTTP/1.1"), IN_STEP),
        ("an absolute form of a refused url", line(&format!("GET http://api.github.com{refused_url} HTTP/1.1")), NOT_ALLOWED),
        ("a URL for a path", line("GET https://api.github.com/repos/o/r HTTP/1.1"), MISSING),
        ("a tunnel to its own host", "CONNECT svm:80 HTTP/1.1\r\nHost: svm:80\r\n".into(), MISSING),
        ("an authority", line("GET api.github.com:443 HTTP/1.1"), MISSING),
        ("a tunnel", line("CONNECT api.github.com:443 HTTP/1.1"), MISSING),
        ("an asterisk", line("OPTIONS * HTTP/1.1"), MISSING),
        ("an asterisk for a GET", line("GET * HTTP/1.1"), MISSING),
        ("two slashes", line("GET //ping HTTP/1.1"), MISSING),
        ("a dot segment", line("GET /x/../ping HTTP/1.1"), MISSING),
        ("an encoded path", line("GET /%70ing HTTP/1.1"), MISSING),
        ("a path that is no UTF-8", line("GET /ping%c0%af HTTP/1.1"), NOT_ALLOWED),
        ("a path that is no UTF-8 in the end", line("GET /%25c0%25af HTTP/1.1"), NOT_ALLOWED),
        ("a path that is UTF-8 in the end", line("GET /%25c3%25a9 HTTP/1.1"), MISSING),
        ("no path", line("GET ?x HTTP/1.1"), REFUSED),
        ("another method", line("POST /ping HTTP/1.1"), NO_METHOD),
        ("a method that echoes", line("TRACE /ping HTTP/1.1"), NO_METHOD),
        ("a method that nobody knows", line("GARBAGE /version HTTP/1.1"), NO_METHOD),
        ("a method in small letters", line("get /ping HTTP/1.1"), NO_METHOD),
        ("a method of 10,000 letters", line(&format!("{} /ping HTTP/1.1", "X".repeat(10_000))), NO_METHOD),
        ("a method with a sign", line("G@T /ping HTTP/1.1"), REFUSED),
        ("no method", line(" /ping HTTP/1.1"), REFUSED),
        ("two blanks", line("GET  /ping HTTP/1.1"), REFUSED),
        ("tabs for blanks", line("GET\t/ping\tHTTP/1.1"), REFUSED),
        ("a fourth word", line("GET /ping HTTP/1.1 x"), REFUSED),
        ("a NUL in the path", line("GET /pi\0ng HTTP/1.1"), REFUSED),
        ("a path that begins with no slash", line("GET ping/x HTTP/1.1"), REFUSED),
        ("HTTP/0.9", "GET /ping\r\n".into(), REFUSED),
        ("HTTP/1.0", line("GET /ping HTTP/1.0"), CLOSED),
        ("HTTP/1.2", line("GET /ping HTTP/1.2"), REFUSED),
        ("HTTP/3.0", line("GET /ping HTTP/3.0"), REFUSED),
        ("small letters", line("GET /ping http/1.1"), REFUSED),
        ("HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n".into(), SILENCE),
        ("TLS", "\x16\x03\x01\x02".into(), REFUSED),
        ("empty lines before it", format!("\r\n\r\n{}", line("GET /ping HTTP/1.1")), IN_STEP),
        ("a line of 40,000 bytes", line(&format!("GET /ping?{} HTTP/1.1", "x".repeat(40_000))), TOO_LARGE),
        ("a line of 400,000 bytes", line(&format!("GET /ping?{} HTTP/1.1", "x".repeat(400_000))), TOO_LARGE),
    ]
}

#[rustfmt::skip]
fn header_lines() -> Vec<Case> {
    vec![
        ("100 headers", headers(100), IN_STEP),
        ("101 headers", headers(101), TOO_LARGE),
        ("1,000 headers", headers(1_000), TOO_LARGE),
        ("a header of 40,000 bytes", header(&format!("X: {}", "x".repeat(40_000))), TOO_LARGE),
        ("a name of 40,000 bytes", header(&format!("{}: x", "x".repeat(40_000))), TOO_LARGE),
        ("a megabyte", header(&format!("X: {}", "x".repeat(1 << 20))), TOO_LARGE),
        ("a folded line", header("X: a\r\n b"), REFUSED),
        ("a first line that is folded", "GET /ping HTTP/1.1\r\n X: a\r\n".into(), REFUSED),
        ("a NUL in a value", header("X: a\0b"), REFUSED),
        ("a NUL in a name", header("X\0: a"), REFUSED),
        ("a carriage return in a value", header("X: a\rb"), REFUSED),
        ("a control in a value", header("X: a\x01b"), REFUSED),
        ("a blank in a name", header("X Y: a"), REFUSED),
        ("a blank behind a name", header("X : a"), REFUSED),
        ("no name", header(": a"), REFUSED),
        ("no colon", header("X"), REFUSED),
        ("letters in a name that are no ASCII", header("\u{e9}: a"), REFUSED),
        ("letters in a value that are no ASCII", header("X: \u{e9}"), IN_STEP),
        ("bare line feeds", "GET /ping HTTP/1.1\nHost: svm\n".into(), IN_STEP),
        ("two hosts", header("Host: evil.example"), NOT_ALLOWED),
        ("two equal hosts", header("Host: svm"), NOT_ALLOWED),
        ("an empty host", "GET /ping HTTP/1.1\r\nHost:\r\n".into(), IN_STEP),
        ("two hosts in one line", "GET /ping HTTP/1.1\r\nHost: svm, evil\r\n".into(), NOT_ALLOWED),
        ("a host with a user", "GET /ping HTTP/1.1\r\nHost: user@svm\r\n".into(), NOT_ALLOWED),
        ("an absolute form and no host", "GET http://svm/ping HTTP/1.1\r\n".into(), NOT_ALLOWED),
        ("HTTP/1.0 and no host", "GET /ping HTTP/1.0\r\n".into(), CLOSED),
        ("HTTP/1.0 and two hosts", line("GET /ping HTTP/1.0") + "Host: svm\r\n", &[400]),
        ("no host for another page", "GET /nowhere HTTP/1.1\r\n".into(), NOT_ALLOWED),
        ("no host for a document", "GET /version HTTP/1.1\r\n".into(), NOT_ALLOWED),
        ("no host for another method", "POST /ping HTTP/1.1\r\n".into(), NOT_ALLOWED),
        ("no host", "GET /ping HTTP/1.1\r\n".into(), NOT_ALLOWED),
        ("a promise to wait", header("Expect: 100-continue"), IN_STEP),
        ("a promise to wait, and a body", header("Expect: 100-continue\r\nContent-Length: 0"), IN_STEP),
        ("another expectation", header("Expect: a miracle"), IN_STEP),
        ("an upgrade to HTTP/2", header("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA"), IN_STEP),
        ("an upgrade to WebSocket", header("Connection: Upgrade\r\nUpgrade: websocket"), IN_STEP),
        ("an end, and more behind it", header("Connection: close"), CLOSED),
        ("another path by a header", header("X-Original-URL: /metrics\r\nX-Rewrite-URL: /metrics"), IN_STEP),
        ("another method by a header", header("X-HTTP-Method-Override: DELETE"), IN_STEP),
    ]
}

#[tokio::test]
async fn odd_heads_are_answered_as_the_table_says_and_harm_nobody() {
    let app = TestApp::start().await;
    let mut wrong = Vec::new();
    for (what, head, expected) in request_lines().into_iter().chain(header_lines()) {
        let answers = talk(app.address(), format!("{head}\r\n{LAST}")).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        if statuses != expected {
            wrong.push(format!("{what} gives {statuses:?}, not {expected:?}"));
        }
        for answer in &answers {
            let shown = format!("{}{}", answer.head, String::from_utf8_lossy(&answer.body));
            assert!(!shown.contains("evil.example"), "{what}: {shown}");
        }
        assert_eq!(app.get("/ping").await.status, 200, "{what}");
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert_eq!((app.github.accepted(), app.github.total_calls()), (0, 0));
    for metric in ["svm_cache_hits_total", "svm_cache_misses_total"] {
        assert_eq!(app.metric(metric).await, 0.0);
    }
}

#[tokio::test]
async fn a_host_that_a_client_names_is_never_asked() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let url = crate::LATEST;
    for head in [
        format!("GET /version?url={url} HTTP/1.1\r\nHost: evil.example\r\n"),
        format!(
            "GET http://evil.example/version?url={url} HTTP/1.1\r\nHost: uploads.github.com\r\n"
        ),
        format!(
            "GET /version?url={url} HTTP/1.1\r\nHost: svm\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\n"
        ),
    ] {
        let answers = talk(app.address(), format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(answers[0].status, 200, "{head}");
    }
    let hosts: Vec<_> = app.github.requests().into_iter().map(|request| request.host).collect();
    assert_eq!(hosts, ["api.github.com"], "one request, and hits of what it brought");
}
