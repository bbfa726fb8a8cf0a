//! Lists without a witness: two answers, at least a minute apart, confirm their loss.

use std::time::Duration;

use super::{confirmed, doubted};
use crate::support::app::TestApp;
use crate::support::github::Lie;

const PATHS: [&str; 4] = [
    "/repos/octo/app/tags",
    "/repos/octo/app/git/refs/tags",
    "/repos/octo/app/branches",
    "/repos/octo/app/releases?page=2&per_page=1",
];

/// Starts a service that holds the list at a path, which GitHub then shows as empty.
async fn with(path: &str) -> (TestApp, String) {
    let app = TestApp::start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    app.github.release("octo/app").tag("v2.0.0").serve();
    app.github.document("/repos/octo/app/branches", r#"[{"name":"main"}]"#);
    let url = format!("https://api.github.com{path}");
    assert_ne!(app.version(&url).await.text(), "[]");
    app.github.lie(path, Lie::Empty, 3_600);
    let _ = app.try_to_revalidate(&url).await;
    (app, url)
}

#[tokio::test]
async fn a_list_without_a_witness_needs_two_answers() {
    for path in PATHS {
        let (app, url) = with(path).await;
        app.advance(Duration::from_secs(59));
        let _ = app.try_to_revalidate(&url).await;
        let answer = app.version(&url).await;
        assert_ne!(answer.text(), "[]", "{path}");
        assert!(answer.summary().ends_with("detail=unconfirmed"), "{path}");
        app.advance(Duration::from_secs(1));
        let _ = app.try_to_revalidate(&url).await;
        assert_eq!(app.version(&url).await.text(), "[]", "{path}");
        assert_eq!(app.metric(&confirmed("list-emptied")).await, 1.0, "{path}");
        assert_eq!(app.github.calls("/repos/octo/app/releases/tags/v2.0.0"), 0, "{path}");
    }
}

#[tokio::test]
async fn a_list_that_is_back_within_a_minute_was_never_empty() {
    for path in PATHS {
        let (app, url) = with(path).await;
        app.github.lie(path, Lie::Empty, 0);
        app.advance(Duration::from_secs(30));
        let _ = app.try_to_revalidate(&url).await;
        app.github.lie(path, Lie::Empty, 3_600);
        app.advance(Duration::from_secs(40));
        let _ = app.try_to_revalidate(&url).await;
        assert_ne!(app.version(&url).await.text(), "[]", "{path}: the doubt is a new one");
        assert_eq!(app.metric(&doubted("list-emptied")).await, 2.0, "{path}");
    }
}
