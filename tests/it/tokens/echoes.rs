//! Upstreams that echo a token: nothing of the answer is stored, shown, logged or followed.

use serde_json::json;

use crate::support::app::{Answer, TestApp};
use crate::support::github::{Echo, Failure, GitHub, Spelling, Wire};
use crate::{LATEST, LATEST_PATH};

const LEAKS: &str = "svm_upstream_leaks_total";
const TOKENS: [&str; 2] = ["ghp_firstOfTheTokens", "github_pat_secondOfTheTokens"];
const DETAIL: &str = "the upstream's answer holds a credential of this service";
const SPELLINGS: [Spelling; 4] =
    [Spelling::Plain, Spelling::Base64, Spelling::Percent, Spelling::Unicode];

async fn app() -> TestApp {
    let app = TestApp::builder().set("GITHUB_PATS", &TOKENS.join(",")).start().await;
    app.github.release("octo/app").serve();
    app
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, name: &str) {
    assert_eq!(answer.status, 502, "{name}: {}", answer.summary());
    let want = json!({ "error": "Bad upstream response", "detail": DETAIL });
    assert_eq!(answer.json(), want, "{name}");
    let told = answer.header("cache-status");
    let want = format!("fwd-status={status}; detail=leaked-token");
    assert!(told.ends_with(&want), "{name}: {told}");
}

/// Asserts that a failure is refused once and leaves nothing behind, and that a copy is served
/// instead of it.
async fn refused(name: &str, status: u16, failure: Failure) {
    let app = app().await;
    app.github.fail_all(failure.clone());
    assert_refused(&app.version(LATEST).await, status, name);
    assert_eq!(app.metric(LEAKS).await, 1.0, "{name}");
    assert_eq!(app.github.total_calls(), 1, "{name}: it is neither followed nor repeated");

    app.github.recover();
    let copy = app.version(LATEST).await;
    assert_eq!((copy.status.as_u16(), copy.header("x-cache")), (200, "MISS"), "{name}");
    app.github.publish("octo/app", "v2.0.0");
    app.github.fail_all(failure);
    assert_refused(&app.refresh(LATEST).await, status, name);
    let hit = app.version(LATEST).await;
    assert_eq!((&hit.body, hit.header("x-cache")), (&copy.body, "HIT"), "{name}");
    app.github.recover();
    assert_eq!(app.refresh(LATEST).await.json()["tag_name"], "v2.0.0", "{name}");
}

#[tokio::test]
async fn a_document_with_a_token_is_refused_in_each_spelling() {
    for spelling in SPELLINGS {
        refused(&format!("{spelling:?}"), 200, Failure::Echo(Echo::Document(spelling))).await;
    }
    refused("a page", 200, Failure::Echo(Echo::Page(200))).await;
}

#[tokio::test]
async fn an_error_with_a_token_is_refused_whatever_its_status() {
    for status in [400, 401, 403, 404, 410, 422, 429, 451, 500, 502, 503] {
        let name = format!("{status}");
        refused(&name, status, Failure::Echo(Echo::Error(status, Spelling::Plain))).await;
    }
    for spelling in SPELLINGS {
        let failure = Failure::Echo(Echo::Error(404, spelling));
        refused(&format!("404, {spelling:?}"), 404, failure).await;
    }
    refused("a page", 500, Failure::Echo(Echo::Page(500))).await;
}

#[tokio::test]
async fn an_answer_with_a_token_in_a_header_is_refused() {
    for name in [
        "etag",
        "last-modified",
        "location",
        "link",
        "retry-after",
        "x-oauth-scopes",
        "github-authentication-token-expiration",
        "x-ratelimit-resource",
        "x-echo",
    ] {
        refused(name, 200, Failure::Echo(Echo::Header(name))).await;
    }
    let tag = format!("etag: \"{}\"", TOKENS[0]);
    for status in ["204 No Content", "304 Not Modified", "206 Partial Content"] {
        let wire = Wire::head(status, &format!("{tag}\ncontent-length: 0"));
        refused(status, status[..3].parse().unwrap(), Failure::Wire(wire)).await;
    }
}

#[tokio::test]
async fn a_redirect_to_a_token_is_not_followed() {
    for spelling in [Spelling::Plain, Spelling::Base64, Spelling::Percent] {
        refused(&format!("{spelling:?}"), 302, Failure::Echo(Echo::Redirect(spelling))).await;
    }
    let twice = TOKENS[0].replace('_', "%255F");
    let wire = Wire::whole("301 x", &format!("location: /repos/{twice}/x"), "{}");
    refused("encoded twice", 301, Failure::Wire(wire)).await;
}

#[tokio::test]
async fn a_token_that_was_not_sent_is_found_too() {
    for token in TOKENS {
        let (begin, end) = token.split_at(7);
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let chunked = Wire::head("200 OK", "transfer-encoding: chunked")
            .then(chunk(&format!("{{\"tag_name\":\"{begin}")))
            .then_flushed()
            .then(chunk(&format!("{end}\"}}")))
            .then("0\r\n\r\n");
        refused(&format!("{token} in two chunks"), 200, Failure::Wire(chunked)).await;
        let body = format!("{{\"message\":\"{token}\"}}");
        let error = Wire::whole("404 Not Found", "", body);
        refused(&format!("{token} in an error"), 404, Failure::Wire(error)).await;
    }
}

#[tokio::test]
async fn a_host_that_gets_no_token_may_not_show_one_either() {
    let app = app().await;
    let url = "https://raw.githubusercontent.com/octo/app/main/v.json";
    app.github.raw_document("/octo/app/main/v.json", &format!("{{\"a\":\"{}\"}}", TOKENS[1]));
    assert_refused(&app.version(url).await, 200, url);
    assert_refused(&app.version(url).await, 200, "again");
    assert_eq!(app.metric(LEAKS).await, 2.0);
}

#[tokio::test]
async fn a_copy_stands_in_for_an_answer_with_a_token() {
    let app = TestApp::builder()
        .set("GITHUB_PATS", &TOKENS.join(","))
        .set("CACHE_HARD_TTL", "1h")
        .set("STALE_AFTER", "0s")
        .start()
        .await;
    app.github.release("octo/app").serve();
    let copy = app.version(LATEST).await;
    app.advance(std::time::Duration::from_secs(2 * 60 * 60));
    app.github.publish("octo/app", "v2.0.0");
    app.github.fail(LATEST_PATH).with(Failure::Echo(Echo::Document(Spelling::Plain)));
    let stale = app.version(LATEST).await;
    assert_eq!((stale.status.as_u16(), &stale.body), (200, &copy.body), "{}", stale.summary());
    assert!(stale.header("cache-status").ends_with("fwd-status=200; detail=stale-if-error"));
}

#[tokio::test]
async fn the_answer_about_a_token_is_searched_as_well() {
    let github = GitHub::start().await;
    github.fail("/user").with(Failure::Echo(Echo::Document(Spelling::Plain)));
    let builder = TestApp::builder().set("GITHUB_PATS", TOKENS[0]);
    let app = builder.identifying().start_with(github).await;
    app.reaches(LEAKS, 1.0).await;
    app.github.release("octo/app").serve();
    assert_eq!(app.version(LATEST).await.status, 200, "the token is used on");
}
