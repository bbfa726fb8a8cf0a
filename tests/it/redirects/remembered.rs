//! A permanent redirect is followed once and remembered for a day: a revalidation then costs one
//! free call.

use std::sync::Arc;
use std::time::Duration;

use super::renamed::{Cost, DAY, Renamed};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const SECOND: Duration = Duration::from_secs(1);
/// The document is requested at its remembered place, and has not changed.
const AT_ITS_PLACE: Cost = Cost { old: 0, place: 1, charged: 0 };
/// The old name redirects to that place, where the document has not changed.
const BY_THE_OLD_NAME: Cost = Cost { old: 1, place: 1, charged: 1 };

#[tokio::test]
async fn a_renamed_repository_costs_two_calls_and_then_one_free_call() {
    let renamed = Renamed::start(TestApp::builder().set("CACHE_HARD_TTL", "1h")).await;
    assert_eq!(renamed.cost(), Cost { old: 1, place: 1, charged: 2 });
    for _ in 0..3 {
        assert_eq!(renamed.confirm().await, AT_ITS_PLACE);
    }
    let before = renamed.cost();
    renamed.app.advance(Duration::from_secs(60 * 60));
    assert_eq!(renamed.app.version(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(renamed.cost() - before, AT_ITS_PLACE);
}

#[tokio::test]
async fn a_new_release_is_found_there() {
    let renamed = Renamed::start(TestApp::builder()).await;
    renamed.app.github.publish("octo/new", "v2");
    let (answer, cost) = renamed.refresh().await;
    assert_eq!((answer.json()["tag_name"].as_str(), cost.old), (Some("v2"), 0));
    assert_eq!(renamed.confirm().await, AT_ITS_PLACE, "a new body does not forget the place");
}

#[tokio::test]
async fn the_redirect_is_checked_daily_and_then_remembered_again() {
    let renamed = Renamed::start(TestApp::builder()).await;
    for _ in 0..3 {
        renamed.app.advance(DAY - SECOND);
        assert_eq!(renamed.confirm().await, AT_ITS_PLACE);
        renamed.app.advance(SECOND);
        assert_eq!(renamed.confirm().await, BY_THE_OLD_NAME);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_prolong_the_day() {
    let renamed = Renamed::start(TestApp::builder()).await;
    renamed.app.clock.set_back(7 * DAY);
    assert_eq!(renamed.confirm().await, BY_THE_OLD_NAME);
    assert_eq!(renamed.confirm().await, AT_ITS_PLACE);
}

#[tokio::test]
async fn it_survives_a_restart() {
    let mut renamed = Renamed::start(TestApp::builder()).await;
    let _ = renamed.app.restart().await;
    assert_eq!(renamed.confirm().await, AT_ITS_PLACE);
    let _ = renamed.app.restart().await;
    renamed.app.advance(DAY);
    assert_eq!(renamed.confirm().await, BY_THE_OLD_NAME, "its age survives as well");
}

#[tokio::test]
async fn a_replica_knows_it_from_the_store() {
    let store = FaultyStore::in_mood(Mood::Works);
    let mut one = Renamed::start(TestApp::builder().store(Arc::<FaultyStore>::clone(&store))).await;
    let _ = one.app.stop().await;

    let other = TestApp::builder().store(store).start().await;
    other.github.release("octo/app").serve();
    other.github.rename("octo/app", "octo/new");
    let other = Renamed { app: other, place: one.place.clone() };
    assert_eq!(other.confirm().await, AT_ITS_PLACE);
}

#[tokio::test]
async fn the_background_uses_it() {
    let interval = Duration::from_millis(100);
    let builder = TestApp::builder().set("REVALIDATE_INTERVAL", "100ms");
    let renamed = Renamed::start(builder).await;
    let before = renamed.cost();
    renamed.app.advance(interval);
    renamed.app.reaches("svm_revalidate_done_total{result=\"unchanged\"}", 1.0).await;
    assert_eq!(renamed.cost() - before, AT_ITS_PLACE);

    renamed.app.advance(DAY - interval);
    let _ = renamed.app.version(LATEST).await;
    eventually(|| renamed.cost().old == 2).await;
}

#[tokio::test]
async fn another_token_uses_its_own_computed_etag_at_the_target() {
    let renamed = Renamed::start(TestApp::builder().set("GITHUB_PATS", "a,b")).await;
    let github = &renamed.app.github;
    let own = github.requests_for(LATEST_PATH)[0].token().unwrap_or_default().to_owned();
    github.fail_all(Failure::SecondaryLimit(Some(60))).for_token(&own);
    assert_eq!(renamed.confirm().await, Cost { old: 0, place: 2, charged: 0 });

    let [_, limited, answered] = &github.requests_for(&renamed.place)[..] else {
        panic!("three requests")
    };
    assert_ne!(answered.token(), Some(&*own));
    assert!(limited.is_conditional() && answered.is_conditional());
    assert_ne!(limited.header("if-none-match"), answered.header("if-none-match"));
}

#[tokio::test]
async fn no_client_sees_the_other_place() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let key = app.version(LATEST).await.header("x-cache-key").to_owned();
    let id = app.github.rename("octo/app", "octo/new");
    let place = format!("/repositories/{id}/releases/latest");
    // The names in the body are the new ones, as GitHub sends them.
    let mut answers = vec![app.refresh(LATEST).await, app.version(LATEST).await];
    answers.push(app.refresh(LATEST).await);
    app.github.fail(&place).with(Failure::Unicorn503);
    answers.push(app.refresh(LATEST).await);
    app.github.recover();
    app.github.remove("octo/new", 404);
    answers.push(app.refresh(LATEST).await);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 200, 503, 404]);
    for answer in answers {
        let head = answer.head();
        assert_eq!(answer.header("x-cache-key"), key);
        assert!(!head.contains("/repositories/") && !head.contains("octo/new"), "{head}");
        let ours = answer.status != 200 && answer.text().contains("/repositories/");
        assert!(!ours, "{}", answer.text());
    }
    assert!(!app.log().contains("/repositories/"));
}
