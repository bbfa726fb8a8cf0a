//! The table of hostile URLs through a socket: a refused URL never reaches GitHub, and an accepted
//! one is requested in exactly its canonical form.

use reqwest::StatusCode;
use svm::target::{Error, Key};

use super::table::{self, Case};
use crate::support::app::{TestApp, encode};
use crate::support::github::Received;
use crate::support::raw::talk;

const TABLE: &str = include_str!("../../../testdata/hostile/urls.txt");
const ERRORS: [Error; 16] = [
    Error::NotHttps,
    Error::TooLong,
    Error::Character,
    Error::UserInfo,
    Error::Host,
    Error::Port,
    Error::Fragment,
    Error::Percent,
    Error::Encoded,
    Error::Utf8,
    Error::Segment,
    Error::Semicolon,
    Error::Credential,
    Error::Ambiguous,
    Error::HostNotAllowed,
    Error::PathNotAllowed,
];

/// The headers of a request to a host that gets a token, and to one that gets none.
const WITH_TOKEN: [&str; 6] =
    ["accept", "accept-encoding", "authorization", "host", "user-agent", "x-github-api-version"];
const WITHOUT_TOKEN: [&str; 4] = ["accept", "accept-encoding", "host", "user-agent"];

pub(super) fn cases() -> impl Iterator<Item = Case> {
    table::cases(TABLE).into_iter()
}

fn is_accepted(case: &Case) -> bool {
    case.columns[0] == "ok"
}

/// Returns the URL under which an accepted URL is requested.
pub(super) fn canonical(case: &Case) -> &str {
    let [_, raw, canonical, _] = &case.columns[..] else { panic!("line {}", case.line) };
    if canonical == "=" { raw } else { canonical }
}

/// Returns the error that a client gets for a refused URL.
fn sentence(case: &Case) -> String {
    let error = ERRORS.iter().find(|error| format!("{error:?}") == case.columns[0]);
    error.unwrap_or_else(|| panic!("line {}: no such error", case.line)).to_string()
}

#[tokio::test]
async fn a_refused_url_gets_its_reason_and_github_hears_nothing() {
    let app = TestApp::start().await;
    let mut refused = 0.0;
    for case in cases().filter(|case| !is_accepted(case)) {
        let [_, raw, reason] = &case.columns[..] else { panic!("line {}", case.line) };
        for refresh in ["", "&refresh=true"] {
            let answer = app.get(&format!("/version?url={}{refresh}", encode(raw))).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "line {}: {reason}", case.line);
            answer.assert_error(400, "Invalid parameter", &sentence(&case));
            answer.assert_summary("400 BYPASS upstream=0 svm; detail=invalid-parameter");
            assert_eq!(answer.header("x-cache-key"), "");
            refused += 1.0;
        }
    }
    assert_eq!(app.metric(r#"svm_answers_total{cache="BYPASS"}"#).await, refused);
    assert_eq!(app.metric("svm_cache_hits_total").await, 0.0);
    assert_eq!(app.metric("svm_cache_misses_total").await, 0.0);
    assert_eq!((app.github.accepted(), app.github.total_calls()), (0, 0));
}

#[tokio::test]
async fn an_accepted_url_is_asked_for_in_exactly_its_canonical_words() {
    let app = TestApp::start().await;
    for case in cases().filter(is_accepted) {
        let before = app.github.requests().len();
        let path = format!("/version?url={}&refresh=true", encode(&case.columns[1]));
        let answer = app.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "line {}", case.line);
        let key = Key::of(canonical(&case)).to_string();
        assert_eq!(answer.header("x-cache-key"), key, "line {}", case.line);
        let asked = &app.github.requests()[before..];
        let [request] = asked else { panic!("line {}: {asked:?}", case.line) };
        assert_is_for(request, canonical(&case));
    }
}

/// Asserts that the request is exactly the one for this canonical URL.
#[track_caller]
pub(super) fn assert_is_for(request: &Received, canonical: &str) {
    let rest = canonical.strip_prefix("https://").expect("a canonical URL");
    let (host, target) = rest.split_at(rest.find('/').expect("a path"));
    let head = str::from_utf8(&request.head).expect("an ASCII head");
    let (line, headers) = head.split_once("\r\n").expect("a request line");
    assert_eq!(line, format!("GET {target} HTTP/1.1"));
    assert_eq!((request.host.as_str(), request.sni.as_deref()), (host, Some(host)));
    assert_eq!(request.header("host"), Some(host));

    let headers = headers.strip_suffix("\r\n\r\n").expect("an empty line").lines();
    let mut names: Vec<_> = headers.filter_map(|line| line.split_once(": ")).collect();
    names.sort_unstable();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let gets_token = host == "api.github.com";
    assert_eq!(names, if gets_token { &WITH_TOKEN[..] } else { &WITHOUT_TOKEN[..] }, "{canonical}");
    assert_eq!(request.token().is_some(), gets_token);
}

/// Returns the answer for a value that is not percent-encoded: the service judges the value
/// unchanged, or the HTTP library refuses the head. Returns `None` if the value then has another
/// meaning: part of it would be decoded, be another parameter, or be cut off.
fn bare(case: &Case) -> Option<(u16, String)> {
    let raw = &case.columns[1];
    if raw.contains(['%', '&', '#']) || raw.contains(" HTTP/") {
        return None;
    }
    let may_stand = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'<' | b'>' | 0x7F);
    if !raw.bytes().all(may_stand) {
        return Some((400, String::new()));
    }
    if is_accepted(case) { Some((404, String::new())) } else { Some((400, sentence(case))) }
}

#[tokio::test]
async fn an_unencoded_url_gets_the_same_verdict_or_a_refused_head() {
    let app = TestApp::start().await;
    let (mut read, mut malformed) = (0, 0);
    for case in cases() {
        let Some(expected) = bare(&case) else { continue };
        let before = app.github.requests().len();
        let head = format!("GET /version?url={}&refresh=true HTTP/1.1\r\n", case.columns[1]);
        let answers =
            talk(app.address(), format!("{head}Host: svm\r\nConnection: close\r\n\r\n")).await;
        let [answer] = &answers[..] else { panic!("line {}: {answers:?}", case.line) };
        let is_ours = !answer.body.is_empty();
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, detail), expected, "line {}: {}", case.line, case.columns[1]);
        *(if is_ours { &mut read } else { &mut malformed }) += 1;
        let asked = app.github.requests().split_off(before);
        match &asked[..] {
            [] => assert_eq!(answer.status, 400, "line {}", case.line),
            [request] => assert_is_for(request, canonical(&case)),
            many => panic!("line {}: {many:?}", case.line),
        }
    }
    assert!(read >= 300 && malformed >= 20, "{read} read, {malformed} malformed");
}
