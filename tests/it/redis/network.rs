//! The network between the service and the server.

use std::time::Duration;

use super::replicas::{connected, on, only_redis_has};
use super::{Plan, REFUSES, SILENT, Scene};
use crate::support::fault_proxy::{FaultProxy, Mode};
use crate::support::noise::noise;
use crate::support::redis_server::RedisServer;
use crate::{LATEST, LATEST_PATH};

const REPOSITORY: &str = "https://api.github.com/repos/octo/app";
const REPOSITORY_PATH: &str = "/repos/octo/app";

/// Checks a service whose connection to the server breaks in this way.
pub(super) async fn survives(plan: Plan, mode: Mode, error: &str) {
    let Some(scene) = plan.start().await else { return };
    scene.proxy.set(mode).await;
    scene.goes_without(error).await;
    scene.proxy.set(Mode::Pass).await;
    scene.recovers().await;
}

#[tokio::test]
async fn refused() {
    survives(Plan::default(), Mode::Refuse, REFUSES).await;
}

#[tokio::test]
async fn reset() {
    survives(Plan::default(), Mode::Reset, REFUSES).await;
}

#[tokio::test]
async fn black_holed() {
    survives(Plan::default(), Mode::BlackHole, SILENT).await;
}

#[tokio::test]
async fn a_hundred_milliseconds_away() {
    survives(Plan::default(), Mode::Delay(Duration::from_millis(100)), SILENT).await;
}

#[tokio::test]
async fn cut_in_the_middle_of_every_reply() {
    survives(Plan::default(), Mode::CutAfter(2), REFUSES).await;
}

#[tokio::test]
async fn not_there_when_the_service_starts() {
    let Some(scene) = Plan::default().network(Mode::Refuse).start().await else { return };
    scene.goes_without(REFUSES).await;
    scene.proxy.set(Mode::Pass).await;
    scene.recovers().await;
}

#[tokio::test]
async fn silent_when_the_service_starts() {
    let Some(scene) = Plan::default().network(Mode::BlackHole).start().await else { return };
    scene.goes_without(SILENT).await;
    scene.proxy.set(Mode::Pass).await;
    scene.recovers().await;
}

#[tokio::test]
async fn the_name_leads_to_another_server() {
    let Some(mut scene) = Scene::start().await else { return };
    scene.server.kill();
    scene.goes_without(REFUSES).await;
    scene.server.restart_on_new_port();
    let scene = scene.with_documents_elsewhere().await;
    scene.proxy.lead_to(scene.server.address());
    scene.recovers().await;
}

#[tokio::test]
async fn cut_in_the_middle_of_a_record() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = FaultProxy::start(server.address()).await;
    let [other, app] = [on(server.address()), on(proxy.address())];
    let (other, app) = (other.start().await, app.start().await);
    connected(&server, 2).await;
    let body = format!(r#"{{"body":"{}"}}"#, noise(100_000));
    for replica in [&other, &app] {
        replica.github.document_bytes(LATEST_PATH, body.clone().into_bytes());
        replica.github.document_bytes(REPOSITORY_PATH, body.clone().into_bytes());
    }
    for url in [LATEST, REPOSITORY] {
        other.version(url).await.assert_document(&body);
    }
    other.reaches("svm_l2_writes_total", 2.0).await;

    // More bytes than all replies to probes until then: a probe does not detect what a read does.
    proxy.set(Mode::CutAfter(50_000)).await;
    let cut = app.version(LATEST).await;
    assert_eq!(cut.header("x-cache"), "MISS", "{}", cut.summary());
    cut.assert_document(&body);
    assert_eq!(app.metric("svm_l2_reads_total{result=\"error\"}").await, 1.0);

    proxy.set(Mode::Pass).await;
    only_redis_has(&app, REPOSITORY_PATH).await.assert_document(&body);
}
