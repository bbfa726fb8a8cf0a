//! The persistent tier after a restart: the entries that it restores, and those that it must not.

use std::time::Duration;

use crate::support::app::TestApp;
use crate::support::noise::noise;
use crate::{LATEST, LATEST_PATH};

const BIG_PATH: &str = "/repos/octo/app/big";
const BIG: &str = "https://api.github.com/repos/octo/app/big";

#[tokio::test]
async fn a_restart_keeps_the_cache_warm() {
    let mut app = TestApp::start().await;
    let urls: Vec<_> = (0..20)
        .map(|n| {
            app.github.release(&format!("octo/r{n}")).serve();
            format!("https://api.github.com/repos/octo/r{n}/releases/latest")
        })
        .collect();
    let mut bodies = Vec::new();
    for url in &urls {
        bodies.push(app.version(url).await.body);
    }
    let report = app.restart().await;
    assert_eq!(report.lost, 0);
    app.github.go_down().await;
    for (url, body) in urls.iter().zip(&bodies) {
        let answer = app.version(url).await;
        assert_eq!(answer.header("cache-status"), "svm; hit; ttl=86400; detail=l2");
        assert_eq!(&answer.body, body);
    }
    assert_eq!(app.metric("svm_l2_reads_total{result=\"hit\"}").await, 20.0);
}

#[tokio::test]
async fn queued_changes_are_written_at_the_end() {
    let mut app = TestApp::builder().set("WRITE_BEHIND_FLUSH_INTERVAL", "1h").start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    assert_eq!(app.metric("svm_write_behind_depth").await, 1.0);
    let report = app.restart().await;
    assert_eq!((report.flushed, report.lost, report.abandoned), (1, 0, 0));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "HIT");
}

#[tokio::test]
async fn age_goes_on_while_the_service_is_down() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.advance(Duration::from_secs(86_400 - 10));
    app.version(LATEST).await.assert_summary("200 HIT upstream=0 svm; hit; ttl=10; detail=l2");
}

#[tokio::test]
async fn an_expired_entry_is_revalidated_after_a_restart() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.restart().await;
    app.advance(Duration::from_secs(86_400));
    assert_eq!(app.version(LATEST).await.header("x-cache"), "REVALIDATED");
    assert_eq!(app.github.counts(LATEST_PATH).free, 1);
}

#[tokio::test]
async fn a_form_over_a_mebibyte_is_not_stored_and_deletes_the_old() {
    let mut app = TestApp::start().await;
    app.github.document(BIG_PATH, "{\"small\":true}");
    let _ = app.version(BIG).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    let noise = noise(2 << 20);
    app.github.document(BIG_PATH, format!("\"{noise}\""));
    assert_eq!(app.refresh(BIG).await.body.len(), noise.len() + 2);
    app.restart().await;
    let answer = app.version(BIG).await;
    assert_eq!((answer.header("x-cache"), answer.body.len()), ("MISS", noise.len() + 2));
}

#[tokio::test]
async fn a_list_of_megabytes_is_stored_in_its_gzip_form() {
    let mut app = TestApp::start().await;
    let release =
        format!("{{\"tag_name\":\"v1\",\"body\":\"{}\"}}", "fixed a fault ".repeat(2_500));
    let list = format!("[{}]", vec![release; 100].join(","));
    app.github.document(BIG_PATH, list.clone());
    assert!(list.len() > 3 << 20);
    let _ = app.version(BIG).await;
    assert_eq!(app.restart().await.lost, 0);
    app.github.go_down().await;
    app.version(BIG).await.assert_document(&list);
}

#[tokio::test]
async fn a_revalidation_is_written_if_it_moves_the_expiry_by_a_tenth() {
    let app = TestApp::start().await;
    app.github.release("octo/app").serve();
    let _ = app.version(LATEST).await;
    app.reaches("svm_l2_writes_total", 1.0).await;
    for _ in 0..8 {
        app.advance(Duration::from_secs(1000));
        assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    }
    assert_eq!(app.metric("svm_write_behind_depth").await, 0.0);
    assert_eq!(
        app.metric("svm_l2_writes_total").await,
        1.0,
        "8,000 s are less than a tenth of a day"
    );
    app.advance(Duration::from_secs(1000));
    assert_eq!(app.refresh(LATEST).await.header("x-cache"), "REVALIDATED");
    app.reaches("svm_l2_writes_total", 2.0).await;
}

#[tokio::test]
async fn a_new_body_replaces_the_older_one_for_good() {
    let mut app = TestApp::start().await;
    app.github.release("octo/app").tag("v1").serve();
    let _ = app.version(LATEST).await;
    app.github.publish("octo/app", "v2");
    app.advance(Duration::from_secs(1));
    let second = app.refresh(LATEST).await;
    app.restart().await;
    app.version(LATEST).await.assert_document(&second.body);
}
