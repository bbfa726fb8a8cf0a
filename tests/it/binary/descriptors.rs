//! File descriptors: their limit, and their distribution.

use std::net::SocketAddr;

use svm::descriptors;

use crate::LATEST;
use crate::support::github::GitHub;
use crate::support::process::{Running, Setup};
use crate::support::raw::Raw;

const NOT_SUFFICIENT: &str = "MAX_CONNECTIONS is 10000, but the limit of 256 file descriptors";
const NONE_LEFT: &str = "no file descriptor is left";

async fn idle_clients(address: SocketAddr, count: usize) -> Vec<Raw> {
    descriptors::raise().expect("a limit that may be raised");
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut raw = Raw::connect(address).await;
        assert_eq!(raw.get("/ping").await, Some(200));
        clients.push(raw);
    }
    clients
}

fn lines_with(svm: &Running, text: &str) -> usize {
    svm.stdout().matches(text).count()
}

#[tokio::test]
async fn the_soft_limit_is_raised_to_the_hard_limit() {
    let svm = Setup::new().descriptors(64, 20_000).start().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", svm.id())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert!(line.contains(" 20000 ") && !line.contains(" 64 "), "{line}");
    assert_eq!(lines_with(&svm, "file descriptors"), 0, "{}", svm.stdout());
}

#[tokio::test]
async fn idle_clients_take_no_descriptor_that_a_miss_needs() {
    let github = GitHub::start().await;
    github.release("octo/app").serve();
    let svm = Setup::new().behind(&github).descriptors(64, 256).start().await;
    assert_eq!(lines_with(&svm, NOT_SUFFICIENT), 1, "{}", svm.stdout());
    let clients = idle_clients(svm.address(), 300).await;
    assert_eq!(svm.version(LATEST).await.header("x-cache"), "MISS");
    assert!(svm.get("/healthz").await.text().contains(r#""status":"healthy""#));
    assert_eq!(lines_with(&svm, "MAX_CONNECTIONS is reached"), 1, "{}", svm.stdout());
    assert!(svm.metric("svm_client_connections").await <= 128.0);
    drop(clients);
}

#[tokio::test]
async fn check_reports_a_limit_that_is_too_low() {
    let ended = Setup::new().descriptors(64, 256).run(&["check"]).await;
    ended.assert_code(0);
    assert!(ended.stderr.contains(NOT_SUFFICIENT), "{}", ended.stderr);
    let ended = Setup::new().descriptors(64, 20_000).run(&["check"]).await;
    assert!(!ended.stderr.contains("file descriptors"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_a_descriptor_idle_clients_make_room() {
    let svm = Setup::new().start().await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", svm.id())).expect("a folder").count();
    svm.limit_descriptors(open + 8).await;
    let clients = idle_clients(svm.address(), 100).await;
    assert_eq!(lines_with(&svm, NONE_LEFT), 1, "{}", svm.stdout());
    let shed = svm.metric(r#"svm_client_connections_shed_total{reason="no-descriptor"}"#).await;
    assert!((50.0..1_000.0).contains(&shed), "{shed}");
    drop(clients);
}
