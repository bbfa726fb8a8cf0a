//! HTTP/2: concurrent requests, and silent clients.

use std::time::Duration;

use http_body_util::BodyExt;
use svm::clock::Stopwatch;

use crate::support::eventually::eventually;
use crate::support::tasks::spawn;

use super::*;

const PATIENCE: Duration = Duration::from_millis(100);

async fn impatient() -> Scene {
    Scene::of(TestApp::builder().connection_patience(PATIENCE), NAME).await
}

#[tokio::test]
async fn requests_of_one_connection_do_not_wait_for_each_other() {
    let scene = Scene::start().await;
    let client = Http2::new(scene.connect(Version::Http2).await).await;
    let gate = scene.app.github.hold(LATEST_PATH);
    let mut slow = client.clone();
    let slow = spawn(async move { slow.answer(request(LATEST_PATH)).await });
    gate.arrived(1).await;
    let mut fast = client.clone();
    for _ in 0..3 {
        assert_eq!(fast.answer(request("/ping")).await.status(), 200);
    }
    gate.open();
    assert_eq!(slow.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_host_beside_another_authority_is_refused() {
    let scene = Scene::start().await;
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    let mut twofold = request("/ping");
    twofold.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(client.answer(twofold).await.status(), 400);
    for host in [NAME.to_owned(), format!("{NAME}:443"), format!("{NAME}:")] {
        let mut same = request("/ping");
        same.headers_mut().insert("host", host.parse().unwrap());
        assert_eq!(client.answer(same).await.status(), 200, "{host}");
    }
}

#[tokio::test]
async fn an_idle_client_is_disconnected() {
    let scene = impatient().await;
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    assert_eq!(client.answer(request("/ping")).await.status(), 200);
    eventually(|| client.is_closed()).await;
    scene.app.reaches("svm_client_connections", 1.0).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_disconnected() {
    let scene = impatient().await;
    scene.app.github.document("/repos/octo/app/tags", format!("[\"{}\"]", "x".repeat(1 << 20)));
    let stream = scene.connect(Version::Http2).await;
    let mut client = Http2::with_window(stream, 1_000).await;
    let answer = client.send(request("/repos/octo/app/tags")).await.unwrap();
    assert_eq!(answer.status(), 200);
    eventually(|| client.is_closed()).await;
    scene.app.reaches("svm_client_connections", 1.0).await;
}

#[tokio::test]
async fn clients_that_read_slowly_keep_no_other_out() {
    const CLIENTS: usize = 24;
    let scene = Scene::of(TestApp::builder().set("MAX_CONNECTIONS", "2"), NAME).await;
    let mut slow = Vec::new();
    for _ in 0..CLIENTS {
        let connected = Stopwatch::start();
        let mut client = Http2::with_window(scene.connect(Version::Http2).await, 1).await;
        let answer = client.send(request("/metrics")).await.unwrap();
        assert_eq!(answer.status(), 200);
        slow.push((client, answer));
        // A closing connection without a byte would end after two seconds anyway.
        assert!(connected.elapsed() < Duration::from_secs(1), "{:?}", connected.elapsed());
    }
}

#[tokio::test]
async fn a_request_under_way_keeps_its_connection() {
    let scene = impatient().await;
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    let gate = scene.app.github.hold(LATEST_PATH);
    let mut other = Http2::new(scene.connect(Version::Http2).await).await;
    let answer = spawn(async move { client.answer(request(LATEST_PATH)).await });
    gate.arrived(1).await;
    // Another connection begins and ends meanwhile.
    assert_eq!(other.answer(request("/ping")).await.status(), 200);
    eventually(|| other.is_closed()).await;
    gate.open();
    assert_eq!(answer.await.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_under_way_are_finished_at_the_end() {
    let mut scene = Scene::start().await;
    let client = Http2::new(scene.connect(Version::Http2).await).await;
    let gate = scene.app.github.hold(LATEST_PATH);
    let mut asking = client.clone();
    let answer = spawn(async move { asking.answer(request(LATEST_PATH)).await });
    gate.arrived(1).await;
    let address = scene.app.address();
    let (_, answer) = tokio::join!(scene.app.stop(), async {
        while TcpStream::connect(address).await.is_ok() {}
        gate.open();
        answer.await.unwrap()
    });
    assert_eq!(answer.status(), 200);
    eventually(|| client.is_closed()).await;
}

/// A client that is silent after its handshake does not acknowledge the end of the connection.
#[tokio::test]
async fn a_silent_client_does_not_delay_the_shutdown() {
    let mut scene = Scene::start().await;
    let _silent = scene.connect(Version::Http2).await;
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    assert_eq!(client.answer(request("/ping")).await.status(), 200);
    let began = Stopwatch::start();
    let _ = scene.app.stop().await;
    // The grace period for answers is 5 s, and there are no answers.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// The pace of the reader is set by requests to another service, each of which takes some time.
#[tokio::test]
async fn an_answer_that_is_being_read_is_finished_at_the_end() {
    const BYTES: usize = 1 << 20;
    const STEP: Duration = Duration::from_millis(50);
    let mut scene = Scene::of(TestApp::builder().set("SHUTDOWN_GRACE", "1m"), NAME).await;
    scene.app.github.document("/repos/octo/app/tags", format!("[\"{}\"]", "x".repeat(BYTES)));
    let other = TestApp::start().await;
    let mut client = Http2::with_window(scene.connect(Version::Http2).await, 65_535).await;
    let mut answer = client.send(request("/repos/octo/app/tags")).await.unwrap();
    let (_, got) = tokio::join!(scene.app.stop(), async {
        let mut got = 0;
        while let Some(frame) = answer.body_mut().frame().await {
            got += frame.unwrap().data_ref().map_or(0, Bytes::len);
            let step = Stopwatch::start();
            while step.elapsed() < STEP {
                assert_eq!(other.get("/ping").await.status, 200);
            }
        }
        got
    });
    assert_eq!(got, BYTES + 4);
}

#[tokio::test]
async fn a_client_of_a_draining_service_is_told_to_leave() {
    let mut scene = Scene::of(TestApp::builder().set("SHUTDOWN_DELAY", "1h"), NAME).await;
    let mut client = Http2::new(scene.connect(Version::Http2).await).await;
    let leaves = async {
        while client.send(request("/ping")).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = scene.app.stop() => panic!("the delay is not over"),
        left = tokio::time::timeout(Duration::from_secs(10), leaves) => left.unwrap(),
    }
}
