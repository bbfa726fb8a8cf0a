//! Changes that the queue dropped and that memory owes to L2, where memory may not be right.

use std::sync::Arc;
use std::time::Duration;

use svm::entry::{Entry, Times};
use svm::target::Key;

use crate::support::app::{TestApp, TestAppBuilder};
use crate::support::faulty_store::{FaultyStore, Mood};
use crate::support::github::Failure;
use crate::{LATEST, LATEST_PATH};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn builder(store: &Arc<FaultyStore>) -> TestAppBuilder {
    let builder = TestApp::builder().set("WRITE_BEHIND_QUEUE_SIZE", "2");
    builder.set("WRITE_BEHIND_RETRY_MAX_INTERVAL", "20ms").store(store.clone())
}

/// Fills the queue, which drops the changes of other documents.
async fn fill(app: &TestApp) {
    for n in 0..4 {
        app.github.document(&format!("/repos/octo/r{n}"), n);
        let _ = app.version(&format!("https://api.github.com/repos/octo/r{n}")).await;
    }
}

/// Waits until the store works and has all that memory can give it.
async fn until_all_is_written(app: &TestApp, store: &FaultyStore) {
    store.be(Mood::Works);
    app.github.document("/repos/octo/last", 1);
    let _ = app.version("https://api.github.com/repos/octo/last").await;
    app.reaches("svm_write_behind_owed", 0.0).await;
    app.reaches("svm_write_behind_depth", 0.0).await;
}

#[tokio::test]
async fn a_body_confirmed_by_date_replaces_no_newer_record() {
    let store = FaultyStore::in_mood(Mood::FailsWrites);
    let app = builder(&store).set("REVALIDATE_BY_DATE", "always").start().await;
    app.github.release("octo/app").serve();
    app.advance(2 * Duration::from_secs(3600));
    let older = app.version(LATEST).await;
    fill(&app).await;
    app.advance(Duration::from_secs(120));
    let at = app.clock.now() - Duration::from_secs(60);
    let times = Times::starting(at, DAY);
    let held = Entry::clone(&app.held(LATEST).expect("a document in memory"));
    let body = bytes::Bytes::from_static(b"\"of another replica\"");
    let newer = Arc::new(Entry { body: body.clone().into(), times, ..held });
    store.replicate(newer).await;
    app.revalidate(LATEST).await;
    let confirmed = app.held(LATEST).expect("a document in memory");
    assert!(!confirmed.times.last_check_was_full(), "{:?}", confirmed.times);
    assert_eq!(confirmed.body.bytes(), &older.body);

    until_all_is_written(&app, &store).await;
    let record = store.holds(Key::of(LATEST)).await.expect("the record of the other replica");
    assert_eq!(record.body.bytes(), &body);
}

#[tokio::test]
async fn a_refusal_removes_no_record() {
    let store = FaultyStore::in_mood(Mood::Works);
    let app = builder(&store).start().await;
    app.github.release("octo/app").tag("v1.0.0").serve();
    let first = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;

    store.be(Mood::FailsWrites);
    app.github.publish("octo/app", "v2.0.0");
    app.advance(Duration::from_secs(1));
    let _ = app.refresh(LATEST).await;
    fill(&app).await;
    // The copy has expired, and L2 still keeps the record.
    app.advance(DAY + Duration::from_secs(60));
    app.github.fail(LATEST_PATH).with(Failure::Blocked451);
    assert_eq!(app.version(LATEST).await.status, 451);

    until_all_is_written(&app, &store).await;
    let record = store.holds(Key::of(LATEST)).await.expect("the record of the first body");
    assert_eq!(record.body.bytes(), &first.body);
}
