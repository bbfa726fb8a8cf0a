//! The shutdown under load, and the limits of its steps.

use std::time::Duration;

use super::fail;
use crate::support::app::encode;
use crate::support::eventually::eventually;
use crate::support::github::{Gate, GitHub};
use crate::support::process::{Connection, Running, Setup};
use crate::{LATEST, LATEST_PATH};

/// A limit that is longer than the steps of a shutdown and shorter than the delays in these tests.
const SOON: Duration = Duration::from_secs(5);

/// Sends a request that waits for GitHub, which has received the call and holds its answer.
async fn hold(github: &GitHub, svm: &Running) -> (Gate, Connection) {
    let gate = github.hold(LATEST_PATH);
    let mut waiting = svm.connect().await;
    waiting.send(&format!("/version?url={}", encode(LATEST))).await;
    gate.arrived(1).await;
    (gate, waiting)
}

async fn github() -> GitHub {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    github
}

#[tokio::test]
async fn a_request_in_progress_is_answered_and_stored() {
    let github = github().await;
    let setup = Setup::new()
        .behind(&github)
        .set("WRITE_BEHIND_FLUSH_INTERVAL", "1h")
        .set("SHUTDOWN_GRACE", "1h");
    let svm = setup.start().await;
    let (gate, mut waiting) = hold(&github, &svm).await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;
    gate.open();
    let answer = waiting.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-cache: MISS\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    let ended = svm.ended().await;
    ended.assert_code(0);
    assert_eq!(ended.shutdown_counts(), [1, 0, 0]);

    fail(&github);
    let _ = setup.start().await.stored(LATEST).await;
}

#[tokio::test]
async fn a_drain_closes_open_connections_and_refuses_new_ones() {
    let github = github().await;
    // The flight ends only when the gate opens.
    let setup = Setup::new().behind(&github).set("UPSTREAM_TIMEOUT", "1h");
    let svm = setup.set("SHUTDOWN_GRACE", "1h").start().await;
    let mut open = svm.connect().await;
    assert!(open.get("/healthz").await.starts_with("HTTP/1.1 200 OK\r\n"));
    let (gate, _waiting) = hold(&github, &svm).await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;

    let answer = open.get("/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.contains("the service is shutting down"), "{answer}");
    assert_eq!(open.closed().await, "");
    let address = svm.address();
    eventually(|| std::net::TcpStream::connect(address).is_err()).await;

    gate.open();
    svm.ended().await.assert_code(0);
}

#[tokio::test]
async fn a_request_longer_than_the_grace_is_abandoned() {
    let github = github().await;
    let setup = Setup::new().behind(&github).set("UPSTREAM_TIMEOUT", "1h");
    let svm = setup.set("SHUTDOWN_GRACE", "300ms").start().await;
    let (_gate, waiting) = hold(&github, &svm).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert_eq!(ended.shutdown_counts(), [0, 0, 1]);
    assert!(ended.waited > Duration::from_millis(290) && ended.waited < SOON, "{ended:?}");
    assert_eq!(waiting.closed().await, "");
}

#[tokio::test]
async fn a_change_not_drained_in_time_is_lost_and_counted() {
    let github = github().await;
    let setup = Setup::new().behind(&github).set("CACHE_DIR", "obstacle/store");
    std::fs::write(setup.folder().join("obstacle"), "in the way").unwrap();
    let svm = setup.set("SHUTDOWN_DRAIN_TIMEOUT", "300ms").start().await;
    let _ = svm.version(LATEST).await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert_eq!(ended.shutdown_counts(), [0, 1, 0]);
    assert!(ended.waited < SOON, "{ended:?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let github = github().await;
    let svm = Setup::new().behind(&github).set("SHUTDOWN_GRACE", "1h").start().await;
    let (_gate, _waiting) = hold(&github, &svm).await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;
    svm.signal("INT").await;
    let ended = svm.ended().await;
    ended.assert_code(1).assert_complaint("a second signal: ended at once, without draining");
    assert!(ended.said("stopped").is_empty());
    assert!(ended.waited < SOON, "{ended:?}");
}

/// A terminal sends SIGHUP when it closes, and so does its shell; a supervisor may send it after
/// SIGTERM.
#[tokio::test]
async fn a_hangup_behind_another_signal_changes_nothing() {
    let github = github().await;
    for first in ["HUP", "TERM"] {
        let svm = Setup::new().behind(&github).set("SHUTDOWN_GRACE", "1h").start().await;
        let (gate, mut waiting) = hold(&github, &svm).await;
        svm.signal(first).await;
        svm.says("shutting down").await;
        for _ in 0..3 {
            svm.signal("HUP").await;
        }
        gate.open();
        assert!(waiting.answer().await.starts_with("HTTP/1.1 200 "), "{first}");
        svm.ended().await.assert_code(0);
    }
}

#[tokio::test]
async fn an_order_and_a_hangup_at_once_are_one_order() {
    let github = github().await;
    for _ in 0..10 {
        let svm = Setup::new().behind(&github).set("SHUTDOWN_GRACE", "1h").start().await;
        let (gate, mut waiting) = hold(&github, &svm).await;
        svm.signals(&["TERM", "HUP"]).await;
        svm.says("shutting down").await;
        gate.open();
        assert!(waiting.answer().await.starts_with("HTTP/1.1 200 "));
        svm.ended().await.assert_code(0);
    }
}

#[tokio::test]
async fn connections_that_nothing_happens_on_do_not_delay_the_end() {
    let svm = Setup::new().set("SHUTDOWN_GRACE", "1h").start().await;
    let unused = svm.connect().await;
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut connection = svm.connect().await;
        assert!(connection.get("/ping").await.starts_with("HTTP/1.1 200 OK\r\n"));
        idle.push(connection);
    }
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert!(ended.waited < SOON, "{ended:?}");
    for connection in idle.into_iter().chain([unused]) {
        assert_eq!(connection.closed().await, "");
    }
}

#[tokio::test]
async fn an_unfinished_head_delays_the_end_by_a_second_at_most() {
    let svm = Setup::new().set("SHUTDOWN_GRACE", "1h").start().await;
    let (mut begun, mut slow) = (svm.connect().await, svm.connect().await);
    begun.write("G").await;
    slow.write("GET /ping HTTP/1.1\r\nHo").await;
    // The service has read these bytes once it has answered a later request.
    let _ = svm.get("/ping").await;
    let ended = svm.terminate().await;
    ended.assert_code(0);
    assert!(ended.waited < SOON, "{ended:?}");
    drop((begun, slow));
}

#[tokio::test]
async fn during_the_delay_it_serves_and_says_that_it_will_end() {
    let github = github().await;
    for signal in ["TERM", "INT", "HUP"] {
        let svm = Setup::new().behind(&github).set("SHUTDOWN_DELAY", "1h").start().await;
        let mut open = svm.connect().await;
        assert!(open.get("/healthz").await.starts_with("HTTP/1.1 200 OK\r\n"));
        svm.signal(signal).await;
        svm.says("shutting down").await;

        for (path, status) in [("/healthz", 503), ("/readyz", 503), ("/livez", 200), ("/ping", 200)]
        {
            let answer = svm.get(path).await;
            assert_eq!(answer.status.as_u16(), status, "{path}");
            assert_eq!(answer.header("connection"), "close", "{path}");
        }
        let not_ready = svm.get("/readyz").await.text();
        let want = r#"{"status":"not ready","error":"the service is shutting down"}"#;
        assert_eq!(not_ready, want);
        assert_eq!(svm.version(LATEST).await.status, 200);
        assert!(open.get("/healthz").await.starts_with("HTTP/1.1 503 "), "{signal}");

        svm.signal("TERM").await;
        let ended = svm.ended().await;
        ended.assert_code(1).assert_complaint("a second signal: ended at once, without draining");
    }
}

#[tokio::test]
async fn after_the_delay_the_end_is_the_usual_one() {
    let github = github().await;
    let setup = Setup::new().behind(&github).set("WRITE_BEHIND_FLUSH_INTERVAL", "1h");
    let svm = setup.set("SHUTDOWN_DELAY", "300ms").start().await;
    let _ = svm.version(LATEST).await;
    svm.signal("TERM").await;
    // No client is left: the delay is for clients that have not noticed the shutdown.
    let ended = svm.ended().await;
    ended.assert_code(0);
    assert_eq!(ended.shutdown_counts(), [1, 0, 0]);
    assert!(ended.waited > Duration::from_millis(290) && ended.waited < SOON, "{ended:?}");
}

#[tokio::test]
async fn while_it_drains_it_is_live_and_not_ready() {
    let github = github().await;
    let setup = Setup::new().behind(&github).set("UPSTREAM_TIMEOUT", "1h");
    let svm = setup.set("SHUTDOWN_GRACE", "1h").start().await;
    let mut open = [svm.connect().await, svm.connect().await];
    for connection in &mut open {
        let _ = connection.get("/ping").await;
    }
    let (gate, _waiting) = hold(&github, &svm).await;
    svm.signal("TERM").await;
    svm.says("shutting down").await;
    assert!(open[0].get("/livez").await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(open[1].get("/readyz").await.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    gate.open();
    svm.ended().await.assert_code(0);
}
