//! The same faults over TLS: a server and a network that break, also in the middle of a handshake.

use super::network::survives;
use super::{Plan, REFUSES, SILENT};
use crate::support::fault_proxy::Mode;
use crate::support::redis_server::Options;

fn over_tls() -> Plan {
    Plan::default().options(Options::default().tls()).scheme("rediss://")
}

#[tokio::test]
async fn reset() {
    survives(over_tls(), Mode::Reset, REFUSES).await;
}

#[tokio::test]
async fn black_holed() {
    survives(over_tls(), Mode::BlackHole, SILENT).await;
}

#[tokio::test]
async fn cut_in_the_middle_of_the_handshake() {
    survives(over_tls(), Mode::CutAfter(500), REFUSES).await;
}

#[tokio::test]
async fn the_name_leads_to_another_server() {
    let Some(mut scene) = over_tls().start().await else { return };
    scene.server.kill();
    scene.goes_without(REFUSES).await;
    scene.server.restart_on_new_port();
    let scene = scene.with_documents_elsewhere().await;
    scene.proxy.lead_to(scene.server.tls_address());
    scene.recovers().await;
}
