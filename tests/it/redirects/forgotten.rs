//! Redirects that are not remembered, and remembered places that are no longer valid.

use std::sync::Arc;

use super::renamed::{Cost, DAY, Renamed};
use crate::support::app::TestApp;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

/// The document is unchanged at the requested URL.
const DIRECT: Cost = Cost { old: 1, place: 0, charged: 0 };

/// Returns true if svm remembers a chain of redirects with these statuses.
async fn is_remembered(chain: &[u16]) -> bool {
    let app = TestApp::start().await;
    app.github.release("octo/new").serve();
    for (hop, status) in chain.iter().enumerate() {
        let next = match hop + 1 == chain.len() {
            true => "/repos/octo/new/releases/latest".to_owned(),
            false => format!("/repos/hop/{}", hop + 1),
        };
        app.github.redirect(&format!("/repos/hop/{hop}"), *status, &next);
    }
    let first = "https://api.github.com/repos/hop/0";
    assert_eq!(app.version(first).await.status, 200, "{chain:?}");
    assert_eq!(app.refresh(first).await.header("x-cache"), "REVALIDATED", "{chain:?}");
    app.github.calls("/repos/hop/0") == 1
}

#[tokio::test]
async fn only_a_chain_that_lasts_from_end_to_end_is_remembered() {
    for (chain, want) in [
        (&[301][..], true),
        (&[308], true),
        (&[302], false),
        (&[303], false),
        (&[307], false),
        (&[301, 301], true),
        (&[308, 301, 301], true),
        (&[301, 302], false),
        (&[302, 301], false),
        (&[301, 307, 301], false),
    ] {
        assert_eq!(is_remembered(chain).await, want, "{chain:?}");
    }
}

#[tokio::test]
async fn a_lasting_redirect_to_another_host_is_followed_each_time() {
    let app = TestApp::start().await;
    let file = "/octo/app/main/v.json";
    app.github.raw_document(file, "{}");
    let location = format!("https://raw.githubusercontent.com{file}");
    app.github.redirect(LATEST_PATH, 301, &location);
    let _ = app.version(LATEST).await;
    let _ = app.refresh(LATEST).await;
    assert_eq!((app.github.calls(LATEST_PATH), app.github.calls(file)), (2, 2));
}

#[tokio::test]
async fn a_rename_that_was_undone_is_noticed_at_the_daily_look() {
    let renamed = Renamed::start(TestApp::builder()).await;
    renamed.app.github.rename("octo/new", "octo/app");
    let (_, cost) = renamed.refresh().await;
    assert_eq!(cost, Cost { old: 0, place: 1, charged: 1 }, "the names in the body are others");
    renamed.app.advance(DAY);
    assert_eq!(renamed.confirm().await, DIRECT);
    assert_eq!(renamed.confirm().await, DIRECT, "the place is forgotten");
}

#[tokio::test]
async fn the_daily_check_finds_a_new_repository_of_the_old_name() {
    let renamed = Renamed::start(TestApp::builder()).await;
    let github = &renamed.app.github;
    github.release("octo/other").tag("other").serve();
    github.rename("octo/other", "octo/app");
    let (before, _) = renamed.refresh().await;
    assert_eq!(before.json()["tag_name"], "v1.0.0");
    renamed.app.advance(DAY);
    let (after, cost) = renamed.refresh().await;
    assert_eq!(after.json()["tag_name"], "other");
    assert_eq!(cost, Cost { old: 1, place: 0, charged: 1 });
    assert_eq!(renamed.confirm().await, DIRECT);
}

#[tokio::test]
async fn a_renamed_and_then_deleted_repository_is_gone() {
    for status in [404, 410] {
        let renamed = Renamed::start(TestApp::builder()).await;
        renamed.app.github.remove("octo/new", status);
        let (answer, cost) = renamed.refresh().await;
        answer.assert_summary(&format!(
            "{status} BYPASS upstream={status} svm; fwd=request; fwd-status={status}; stored; ttl=300; detail=negative"
        ));
        assert_eq!(cost, Cost { old: 1, place: 2, charged: 3 }, "the old name has the last word");
        assert_eq!(renamed.app.version(LATEST).await.status, status);
    }
}

#[tokio::test]
async fn a_document_gone_from_its_target_may_be_at_the_old_name() {
    for status in [404, 410] {
        let renamed = Renamed::start(TestApp::builder()).await;
        let github = &renamed.app.github;
        github.remove("octo/new", status);
        github.release("octo/other").tag("other").serve();
        github.rename("octo/other", "octo/app");
        let (answer, cost) = renamed.refresh().await;
        assert_eq!(answer.json()["tag_name"], "other");
        assert_eq!(cost, Cost { old: 1, place: 1, charged: 2 });
        assert_eq!(renamed.confirm().await, DIRECT);
    }
}

#[tokio::test]
async fn a_place_that_is_empty_says_nothing_while_the_old_name_fails() {
    let renamed = Renamed::start(TestApp::builder()).await;
    let document = renamed.app.version(LATEST).await;
    let github = &renamed.app.github;
    github.remove("octo/new", 404);
    github.fail(LATEST_PATH).with(Failure::Unicorn503);
    let (answer, _) = renamed.refresh().await;
    answer.assert_summary(
        "503 BYPASS upstream=503 svm; fwd=request; fwd-status=503; detail=server-error",
    );
    renamed.app.version(LATEST).await.assert_document(&document.body);
}

#[tokio::test]
async fn a_place_that_redirects_is_left_for_the_old_name() {
    for (status, location) in [
        (301, "/repos/octo/elsewhere"),
        (302, "/repos/octo/elsewhere"),
        (301, "https://evil.example/"),
    ] {
        let renamed = Renamed::start(TestApp::builder()).await;
        let github = &renamed.app.github;
        github.release("octo/other").tag("other").serve();
        github.rename("octo/other", "octo/app");
        github.redirect("/repos/octo/new/releases/latest", status, location);
        let (answer, cost) = renamed.refresh().await;
        assert_eq!(answer.json()["tag_name"], "other", "{status} {location}");
        assert_eq!(cost, Cost { old: 1, place: 1, charged: 2 });
        assert_eq!(renamed.confirm().await, DIRECT);
    }
}

#[tokio::test]
async fn a_place_that_is_not_allowed_any_more_is_not_asked() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut one = Renamed::start(TestApp::builder().store(Arc::<FaultyStore>::clone(&store))).await;
    let _ = one.app.stop().await;

    let stricter = TestApp::builder().set("ALLOWED_API_PATHS", "/repos/").store(store);
    let other = Renamed { app: stricter.start().await, place: one.place.clone() };
    other.app.github.release("octo/app").tag("v2").serve();
    let (answer, cost) = other.refresh().await;
    assert_eq!(answer.json()["tag_name"], "v2");
    assert_eq!(cost, Cost { old: 1, place: 0, charged: 1 });
}
