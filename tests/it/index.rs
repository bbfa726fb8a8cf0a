//! The store's index of documents in use, as the service writes it while it runs.

use std::time::Duration;

use crate::LATEST;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::redis_server::{RedisServer, Reply};

const RUNS: &str = "svm_revalidate_runs_total";
const ACTIVE: &str = "svm:v1:active";

/// Starts a service that sweeps several times a second, with a document in use that is in the
/// index.
async fn served(server: &RedisServer) -> TestApp {
    let app = TestApp::builder().set("REDIS_HOST", &server.address().to_string());
    let app = app.set("REVALIDATE_INTERVAL", "300ms").set("REVALIDATE_LOOKBACK", "20s");
    let app = app.start().await;
    app.github.release("octo/app").serve();
    app.reaches("svm_l2_up", 1.0).await;
    app.advance(Duration::from_secs(60));
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    two_sweeps(&app).await;
    app
}

async fn two_sweeps(app: &TestApp) {
    let runs = app.metric(RUNS).await;
    app.exceeds(RUNS, runs + 1.0).await;
}

/// Returns the last use of each document in the index.
fn uses(server: &RedisServer) -> Vec<String> {
    let Reply::List(rows) = server.command(&["ZRANGE", ACTIVE, "0", "-1", "WITHSCORES"]) else {
        panic!("no index")
    };
    let text = |reply: &Reply| match reply {
        Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("{other:?}"),
    };
    rows.iter().skip(1).step_by(2).map(text).collect()
}

#[tokio::test]
async fn a_use_is_saved_after_a_hundredth_of_the_lookback() {
    let Some(server) = RedisServer::start() else { return };
    let app = served(&server).await;
    let first = uses(&server);
    app.advance(Duration::from_millis(199));
    let _ = app.version(LATEST).await;
    two_sweeps(&app).await;
    assert_eq!(uses(&server), first);
    app.advance(Duration::from_millis(1));
    let _ = app.version(LATEST).await;
    eventually(|| uses(&server) != first).await;
    assert_eq!(app.github.total_calls(), 1, "no check was due");
}

#[tokio::test]
async fn an_index_that_was_emptied_is_written_again() {
    let Some(server) = RedisServer::start() else { return };
    let app = served(&server).await;
    let before = uses(&server);
    assert_eq!(before.len(), 1);
    server.command(&["DEL", ACTIVE]);
    eventually(|| uses(&server) == before).await;
    assert_eq!(app.github.total_calls(), 1, "no check was due");
}
