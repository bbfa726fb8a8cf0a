//! Paths of the mirror, whose answers differ from those of `/version`.

use std::time::Duration;

use serde_json::{Value, json};
use svm::entry::{Entry, Extras};

use super::{explain, last_sentence};
use crate::support::app::TestApp;
use crate::support::github::Failure;
use crate::support::tasks;
use crate::{LATEST, LATEST_PATH};

const FROM_THE_CACHE: &str = "A request now is answered from the cache, without a call.";

fn asks(explained: &Value) -> &str {
    explained["request_now"]["asks_github"].as_str().expect("a word")
}

#[tokio::test]
async fn an_absent_release_is_looked_for_after_a_minute() {
    let app = TestApp::builder().set("REFRESH_MIN_INTERVAL", "5m").start().await;
    assert_eq!(app.get(LATEST_PATH).await.status, 404);
    app.advance(Duration::from_secs(59));
    assert_eq!(asks(&explain(&app, LATEST_PATH).await), "no");
    app.advance(Duration::from_secs(1));
    let absent = explain(&app, LATEST_PATH).await;
    assert_eq!(asks(&absent), "yes");
    let doubt = "A request now waits for GitHub, since the mirror believes for a minute only that a release does not exist.";
    assert_eq!(last_sentence(&absent), doubt);
    assert_eq!(last_sentence(&explain(&app, LATEST).await), FROM_THE_CACHE);
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
    assert_eq!(app.get(LATEST_PATH).await.header("x-cache"), "BYPASS");
    assert_eq!(asks(&explain(&app, LATEST_PATH).await), "no", "it was looked for");
}

#[tokio::test]
async fn a_list_without_known_links_is_asked_for() {
    const LIST: &str = "/repos/octo/app/releases";
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let url = format!("https://api.github.com{LIST}");
    let _ = app.version(&url).await;
    let known = app.held(&url).expect("a list");
    // As an earlier version stored it.
    app.hold(Entry { extras: Extras::default().lacking_links(), ..(*known).clone() });
    let sentence = "A request now waits for GitHub, which svm asks without a condition, for the links of the page.";
    assert_eq!(last_sentence(&explain(&app, LIST).await), sentence);
    assert_eq!(last_sentence(&explain(&app, &url).await), FROM_THE_CACHE);
    // If GitHub cannot be asked, the mirror gives the list that it has.
    app.github.fail_all(Failure::PrimaryLimit);
    for number in 0..2 {
        let _ = app.version(&format!("https://api.github.com/repos/octo/r{number}")).await;
    }
    assert_eq!(last_sentence(&explain(&app, LIST).await), FROM_THE_CACHE);
    assert_eq!(app.get(LIST).await.status, 200);
}

#[tokio::test]
async fn a_limit_has_another_status_than_at_version() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.fail(LATEST_PATH).with(Failure::PrimaryLimit);
    let _ = app.version(LATEST).await;
    for (url, status) in [(LATEST, 503), (LATEST_PATH, 403)] {
        let explained = explain(&app, url).await;
        let start = format!("A request now gets a {status} at once: every token is in a cooldown");
        assert!(last_sentence(&explained).starts_with(&start), "{explained:#}");
    }
    assert_eq!(app.version(LATEST).await.status, 503);
    assert_eq!(app.get(LATEST_PATH).await.status, 403);
}

#[tokio::test]
async fn a_refused_token_has_the_status_of_version() {
    let app = TestApp::builder().set("GITHUB_PATS", "a").start().await;
    app.github.revoke("a");
    let _ = app.get(LATEST_PATH).await;
    let explained = explain(&app, LATEST_PATH).await;
    let start = "A request now gets a 503 at once: every token is in a cooldown, is refused";
    assert!(last_sentence(&explained).starts_with(start), "{explained:#}");
    assert_eq!(app.get(LATEST_PATH).await.status, 503);
}

#[tokio::test]
async fn a_client_over_its_rate_learns_the_status() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "0.01").start().await;
    assert_eq!(app.get(LATEST_PATH).await.status, 404);
    let other = "/repos/octo/other";
    for (url, status) in [(other.to_owned(), 403), (format!("https://api.github.com{other}"), 429)]
    {
        let explained = explain(&app, &url).await;
        let sentence = format!(
            "This client has had GitHub asked as often as CLIENT_MISS_RATE allows: it gets a {status}, and may ask again in 100 s."
        );
        assert_eq!(last_sentence(&explained), sentence);
        let request = json!({"outcome": "MISS", "detail": "client-rate", "asks_github": "no"});
        assert_eq!(explained["request_now"], request);
    }
    assert_eq!(app.get(other).await.status, 403);
    // Without a call, the absence is the answer, however old.
    app.advance(Duration::from_secs(60));
    assert_eq!(last_sentence(&explain(&app, LATEST_PATH).await), FROM_THE_CACHE);
    assert_eq!(app.get(LATEST_PATH).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn a_client_over_its_rate_may_wait_for_a_call() {
    let app = TestApp::builder().set("CLIENT_MISS_RATE", "0.01").start().await;
    app.github.release("octo/app").serve();
    let gate = app.github.hold(LATEST_PATH);
    let waiting = tasks::spawn(app.ask(LATEST));
    gate.arrived(1).await;
    let explained = explain(&app, LATEST).await;
    let shared = "A request now waits for that call, and causes none of its own.";
    assert_eq!((last_sentence(&explained), asks(&explained)), (shared, "yes"));
    gate.open();
    assert_eq!(waiting.await.expect("an answer").status, 200);
}
