//! The network between the service and the server.

use std::time::Duration;

use super::{Plan, REFUSES, SILENT, Scene};
use crate::support::fault_proxy::Mode;

/// What becomes of a service whose way to the server breaks like this.
async fn survives(mode: Mode, error: &str) {
    let Some(scene) = Scene::start().await else { return };
    scene.proxy.set(mode).await;
    scene.goes_without(error).await;
    scene.proxy.set(Mode::Pass).await;
    scene.recovers().await;
}

#[tokio::test]
async fn refused() {
    survives(Mode::Refuse, REFUSES).await;
}

#[tokio::test]
async fn reset() {
    survives(Mode::Reset, REFUSES).await;
}

#[tokio::test]
async fn black_holed() {
    survives(Mode::BlackHole, SILENT).await;
}

#[tokio::test]
async fn a_hundred_milliseconds_away() {
    survives(Mode::Delay(Duration::from_millis(100)), SILENT).await;
}

#[tokio::test]
async fn cut_in_the_middle_of_every_reply() {
    survives(Mode::CutAfter(2), REFUSES).await;
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
