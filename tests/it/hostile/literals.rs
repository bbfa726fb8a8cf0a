//! IP literals bypass the resolver, which refuses private addresses. So the allowlist must refuse
//! every spelling of one, in the parameter and in a redirect, before svm dials.

use crate::support::app::TestApp;

/// Loopback and cloud metadata, in spellings that some parsers accept.
const LITERALS: [&str; 20] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
];

#[tokio::test]
async fn a_literal_that_is_not_listed_is_refused_in_the_parameter() {
    let app = TestApp::start().await;
    for literal in LITERALS {
        let answer = app.version(&format!("https://{literal}/repos/o/r")).await;
        answer.assert_error(400, "Invalid parameter", "upstream host is not allowlisted");
    }
    assert_eq!(app.github.accepted(), 0);
}

#[tokio::test]
async fn a_literal_that_is_not_listed_is_refused_in_a_redirect() {
    let app = TestApp::start().await;
    // The port of the simulated GitHub: a service that followed one of these redirects would reach
    // it.
    let port = app.github.addr().port();
    let ports = [String::new(), format!(":{port}"), ":443".to_owned()];
    let locations = LITERALS.iter().flat_map(|literal| {
        ports.iter().map(move |port| format!("https://{literal}{port}/repos/octo/app"))
    });
    for (n, location) in locations.enumerate() {
        let path = format!("/repos/octo/r{n}");
        app.github.redirect(&path, if n % 2 == 0 { 301 } else { 307 }, &location);
        let answer = app.version(&format!("https://api.github.com{path}")).await;
        assert_eq!(answer.status, 502, "{location}");
        assert!(answer.header("cache-status").ends_with("; detail=redirect"), "{location}");
        assert_eq!(app.github.total_calls(), n as u64 + 1, "{location}");
    }
    assert_eq!(app.github.accepted(), 1, "one connection, and no second one");
}

#[tokio::test]
async fn a_listed_literal_allows_no_other_spelling_of_it() {
    let app = TestApp::builder()
        .set("ALLOWED_UPSTREAM_HOSTS", "api.github.com,127.0.0.2,[::2]")
        .start()
        .await;
    for literal in [
        "127.0.0.02",
        "127.0.2",
        "127.2",
        "0x7f.2",
        "2130706434",
        "[::ffff:127.0.0.2]",
        "[::0.0.0.3]",
    ] {
        let answer = app.version(&format!("https://{literal}/x")).await;
        answer.assert_error(400, "Invalid parameter", "upstream host is not allowlisted");
    }
    assert_eq!(app.github.accepted(), 0);
}
