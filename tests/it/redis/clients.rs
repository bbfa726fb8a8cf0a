//! Clients that leave during a read of their documents, and replies that arrive too late.

use std::ops::Range;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::replicas::{connected, on, only_redis_has};
use crate::support::app::{Answer, TestApp};
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::redis_server::RedisServer;
use crate::support::tasks::spawn;

/// The documents that clients request in waves, and as many that are requested afterwards.
const WAVES: usize = 10;
const WAVE: usize = 10;
const CROWD: usize = WAVES * WAVE;
const ALL: usize = 2 * CROWD;
/// The budget of a read: long enough on a busy machine, and shorter than the time between two
/// probes.
const BUDGET: Duration = Duration::from_millis(250);
/// The clients of each wave; every other one leaves.
const CLIENTS: usize = 20;

#[tokio::test]
async fn a_thousand_that_leave_mix_up_no_answers() {
    let Some(server) = RedisServer::start() else { return };
    let app = replica(&server).await;
    store(&server).await;
    connected(&server, 1).await;
    for wave in 0..WAVES {
        let documents = wave * WAVE..(wave + 1) * WAVE;
        server.pause();
        let [leaving, staying] = crowd(&app, documents.clone());
        app.exceeds("svm_flights", 4.0).await;
        leaving.iter().for_each(JoinHandle::abort);
        server.resume();
        for (client, answer) in staying.into_iter().enumerate() {
            answer.await.expect("an answer").assert_document(body(documents.start + client % WAVE));
        }
        for number in documents {
            app.version(&url(number)).await.assert_document(body(number));
        }
    }
    assert_all_found(&app, CROWD..ALL).await;
}

#[tokio::test]
async fn a_reply_that_comes_too_late_is_no_other_documents() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    let app = on(proxy.address()).read_budget(BUDGET).start().await;
    serve(&app);
    store(&server).await;
    connected(&server, 1).await;
    for wave in 0..WAVES {
        // The connection is open again: the last probe may have dropped it.
        only_redis_has(&app, &target(CROWD + wave)).await.assert_document(body(CROWD + wave));
        // Replies arrive after their clients have left, while other clients wait for theirs.
        proxy.set(Mode::Delay(BUDGET * 3 / 2)).await;
        let [first, second] = crowd(&app, wave * WAVE..(wave + 1) * WAVE);
        for (client, answer) in first.into_iter().chain(second).enumerate() {
            answer.await.expect("an answer").assert_document(body(wave * WAVE + client % WAVE));
        }
        proxy.set(Mode::Pass).await;
        // The machine decides how many reads time out, and whether a probe comes first.
        if app.metric("svm_l2_reads_total{result=\"timeout\"}").await >= 5.0 {
            return assert_all_found(&app, CROWD + WAVES..ALL).await;
        }
    }
    panic!("too few reads were given up");
}

/// Starts clients that request each of these documents, in two crowds.
fn crowd(app: &TestApp, documents: Range<usize>) -> [Vec<JoinHandle<Answer>>; 2] {
    [(); 2].map(|()| {
        let each = documents.clone().cycle().take(WAVE * CLIENTS / 2);
        each.map(|number| spawn(app.ask(&url(number)))).collect()
    })
}

/// Asserts that these documents come from the server once it is used again. A record of another
/// document is an error; there are few errors, since a busy machine may lose a connection.
async fn assert_all_found(app: &TestApp, documents: Range<usize>) {
    let errors = async || app.metric("svm_l2_reads_total{result=\"error\"}").await;
    let before = errors().await;
    for number in documents {
        only_redis_has(app, &target(number)).await.assert_document(body(number));
    }
    let errors = errors().await - before;
    assert!(errors < CROWD as f64 / 2.0, "{errors} errors");
}

/// Makes another replica store all documents.
async fn store(server: &RedisServer) {
    let mut other = replica(server).await;
    for number in 0..ALL {
        other.version(&url(number)).await.assert_document(body(number));
    }
    other.reaches("svm_l2_writes_total", ALL as f64).await;
    assert_eq!(other.stop().await.lost, 0);
}

async fn replica(server: &RedisServer) -> TestApp {
    let app = on(server.address()).start().await;
    serve(&app);
    app
}

fn serve(app: &TestApp) {
    for number in 0..ALL {
        app.github.document_bytes(&target(number), body(number).into_bytes());
    }
}

fn target(number: usize) -> String {
    format!("/repos/crowd/r{number}")
}

fn url(number: usize) -> String {
    format!("https://api.github.com{}", target(number))
}

fn body(number: usize) -> String {
    format!(r#"{{"full_name":"crowd/r{number}"}}"#)
}
