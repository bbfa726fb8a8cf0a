//! The checks of an unconfirmed loss, and the answers to clients until its confirmation.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::{LIST, LIST_PATH, TAG, TAG_PATH, with};
use crate::support::app::TestApp;
use crate::support::github::{Failure, GitHub, Lie};
use crate::support::tasks;

/// Returns the requests for a path: the token, and true for a conditional request.
fn asked(github: &GitHub, path: &str) -> Vec<(String, bool)> {
    let requests = github.requests_for(path).into_iter();
    let told = requests.map(|request| {
        let token = request.token().unwrap_or_default().to_owned();
        (token, request.header("if-none-match").is_some())
    });
    told.collect()
}

#[tokio::test]
async fn questions_have_no_condition_and_another_token() {
    let app = with(TAG).await;
    app.github.lie(TAG_PATH, Lie::Missing, 600);
    let _ = app.try_to_revalidate(TAG).await;
    app.advance(Duration::from_secs(5));
    app.until(async || app.github.calls(TAG_PATH) == 4).await;
    let asked = asked(&app.github, TAG_PATH);
    assert!(asked[1].1 && !asked[2].1, "a condition only while nothing is in doubt: {asked:?}");
    assert_ne!(asked[1].0, asked[2].0, "another token asks");
    assert_eq!(asked[1].0, asked[3].0, "a `404` counts from the token of the copy only");
}

#[tokio::test]
async fn the_tag_is_asked_about_beside_the_list() {
    let app = with(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    let _ = app.try_to_revalidate(LIST).await;
    for (seconds, calls) in [(5, 2), (25, 3), (90, 4), (60, 5)] {
        app.advance(Duration::from_secs(seconds));
        app.until(async || app.github.calls(TAG_PATH) == calls).await;
        app.reaches("svm_flights", 0.0).await;
    }
    assert!(app.version(LIST).await.summary().ends_with("detail=unconfirmed"));
}

#[tokio::test]
async fn a_failing_github_is_not_called_by_each_request_in_doubt() {
    let app = with(LIST).await;
    app.github.lie(LIST_PATH, Lie::Empty, 600);
    let _ = app.try_to_revalidate(LIST).await;
    app.github.fail_all(Failure::ServerError502);
    app.advance(Duration::from_secs(150));
    let calls = app.github.calls(LIST_PATH);
    for _ in 0..20 {
        assert!(app.version(LIST).await.summary().ends_with("detail=unconfirmed"));
        app.reaches("svm_flights", 0.0).await;
    }
    // A request and the planned check may each have asked, twice for a `502`.
    let asked = app.github.calls(LIST_PATH) - calls;
    assert!((1..=4).contains(&asked), "{asked} calls by twenty requests");
}

/// Ten lists of ten repositories are falsely empty for three minutes. Every five seconds, 50
/// clients request them; every minute, a sweep runs.
#[tokio::test]
async fn no_client_sees_a_soft_empty_list() {
    let app = TestApp::start().await;
    let path = |number: usize| format!("/repos/octo/app{number}/releases");
    let url = |number: usize| format!("https://api.github.com{}", path(number));
    for number in 0..10 {
        app.github.release(&format!("octo/app{number}")).tag("v1.0.0").serve();
        let _ = app.version(&url(number)).await;
        app.github.lie(&path(number), Lie::Empty, 180);
    }
    let mut lengths = BTreeSet::new();
    for step in 0..36 {
        if step % 12 == 0 {
            let urls: Vec<_> = (0..10).map(url).collect();
            let _ = join_all(urls.iter().map(|url| app.try_to_revalidate(url))).await;
        }
        let clients = (0..50).map(|client| tasks::spawn(app.ask(&url(client % 10))));
        for answer in join_all(clients).await {
            let answer = answer.expect("a client that gets its answer");
            lengths.insert((answer.status.as_u16(), answer.json().as_array().map_or(0, Vec::len)));
        }
        app.advance(Duration::from_secs(5));
    }
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [(200, 1)], "no client sees `[]`");
    assert_eq!(app.metric("svm_losses_doubted_total{kind=\"list-emptied\"}").await, 10.0);
    assert_eq!(app.metric("svm_losses_confirmed_total{kind=\"list-emptied\"}").await, 0.0);
    let _ = join_all((0..10).map(|number| app.try_to_revalidate(&url(number)))).await;
    assert_eq!(app.version(&url(0)).await.summary(), "200 HIT upstream=0 svm; hit; ttl=86400");
}
